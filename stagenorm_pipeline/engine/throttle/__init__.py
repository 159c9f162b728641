"""Throttling: what keeps the next batch from starting, and why. One file for each throttler.

`throttle.Throttle` combines them and waits; docs/throttling.md explains every bound. Does not belong here: how large a
transaction may be (see `engine.pacing`), or the pause switch (see `engine.control`). Nothing is imported here: the
configuration needs the bounds alone, without the driver.
"""
