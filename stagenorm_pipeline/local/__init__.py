"""Everything that runs on your own machine: an embedded PostgreSQL, the demo, and the processes of `stagenorm ui`.

A production database needs nothing from here.
"""
