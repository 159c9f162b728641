"""Measurements side by side: this engine, the limit, and what a user would otherwise write. `make bench` runs them."""
