"""A bound with hysteresis: throttle above one value, continue below a lower one, and in between change nothing."""


class Hysteresis:
    """Compare values with the two bounds. `continue_below` None: half of `throttle_above`."""

    def __init__(self, throttle_above: float, continue_below: float | None = None) -> None:
        self.throttle_above = throttle_above
        self.continue_below = throttle_above / 2 if continue_below is None else continue_below
        self.is_throttled = False

    def update(self, value: float) -> bool:
        """Tell whether to throttle now that the value is `value`."""
        self.is_throttled = value > self.throttle_above or (self.is_throttled and value >= self.continue_below)
        return self.is_throttled
