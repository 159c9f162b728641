"""Every operation once, one file per step of the flow.

The command line and Dagster call these functions and format their results. `stagenorm.py` is the Python API.
"""
