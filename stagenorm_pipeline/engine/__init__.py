"""The work in PostgreSQL: inventory, plan, apply, verify, undo.

Belongs here: everything that speaks SQL, and the facts it returns. Does not belong here: Dagster, the
terminal, Markdown or HTML.
"""
