"""Explain a row or a spelling from what is recorded: log, plans, vocabularies, verifications. Reads only."""
