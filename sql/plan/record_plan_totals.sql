-- Record the totals of a plan after all its batches are recorded.
UPDATE stage_migration_plans
SET total_batches = %(total_batches)s, rows_seen = %(rows_seen)s, rows_canonical = %(rows_canonical)s,
    rows_null = %(rows_null)s, rows_unknown = %(rows_unknown)s, rows_left_as_is = %(rows_left_as_is)s,
    rows_to_change = %(rows_to_change)s
WHERE plan_id = %(plan_id)s;
