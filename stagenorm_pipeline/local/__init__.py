"""What makes two commands enough: an embedded PostgreSQL, the demo's data, and the Dagster services of `stagenorm ui`.

Does not belong here: anything that a user's own production database needs.
"""
