"""Random histories of operators, other sessions, crashes and tampering, judged by a model in plain Python.

`model` is the specification: what each row may hold, what the log must hold, what a verification must report. It knows
no SQL. `world` does things to a real PostgreSQL and reads what is there. The modules named after actors hold the rules.
"""
