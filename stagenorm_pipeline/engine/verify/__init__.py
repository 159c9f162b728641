"""Verify what is in the database by seven rules. Start at `verification`; each rule has a file in `rules`."""
