"""The seven rules, one file each: the description and the check. `run` runs them, `registry` lists them."""
