"""Exit codes. 0: done."""

FAILED = 1
"""The work or a check failed."""

ARGUMENTS = 2
"""An argument, the environment or a configuration file is wrong; nothing was tried."""
