"""Throttling: wait before a batch while replicas, locks, vacuums, WAL or checkpoints are under pressure.

One file per throttler; `throttle.Throttle` combines them and waits. docs/throttling.md explains every bound. This file
imports nothing, because the configuration reads the bounds without loading the database driver.
"""
