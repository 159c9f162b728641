"""Make Dagster's pages show what PostgreSQL says.

`reconcile` compares both and reports the difference. `fund_events`, `plan_events` and `verification_events` say what
each page shows, so that a run and a reconciliation report the same.
"""
