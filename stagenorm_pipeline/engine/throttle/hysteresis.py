"""Hold above one bound, go on below another: between them, what was decided last goes on."""


class Hysteresis:
    """Pure. `go_below` None: half of `hold_above`."""

    def __init__(self, hold_above: float, go_below: float | None = None) -> None:
        self.hold_above = hold_above
        self.go_below = hold_above / 2 if go_below is None else go_below
        self.holds = False

    def take(self, value: float) -> bool:
        """Whether to hold, now that the value is this."""
        self.holds = value > self.hold_above or (self.holds and value >= self.go_below)
        return self.holds
