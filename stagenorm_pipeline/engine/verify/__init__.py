"""The seven rules over what is really in the database. Each rule has a file; `verify` runs them in one snapshot."""
