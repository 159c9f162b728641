-- Keep the refused rows of a batch with the database's error for each. A row that is refused again keeps one entry, with the
-- newest error.
INSERT INTO stage_migration_quarantine
    (plan_id, batch_id, schema_name, table_name, column_name, fund_id, row_id, stage_before, stage_after, error_message, sqlstate)
SELECT %(plan_id)s, b.batch_id, %(schema_name)s, %(table_name)s, %(column_name)s, %(fund_id)s,
       coalesce(b.row_numbers[f.place]::text, b.row_keys[f.place]), s.spelling, coalesce(p.stage_after, r.spelling), f.error_message, f.sqlstate
FROM stage_migration_batch_members b
CROSS JOIN unnest(%(places)s::integer[], %(messages)s::text[], %(sqlstates)s::text[]) AS f (place, error_message, sqlstate)
JOIN stage_migration_spellings s ON s.spelling_id = b.spelling_ids[f.place]
LEFT JOIN stage_migration_spellings r ON r.spelling_id = b.restore_ids[f.place]
LEFT JOIN stage_migration_plan_spellings p ON p.plan_id = %(plan_id)s AND p.spelling_id = s.spelling_id
WHERE b.batch_id = %(batch_id)s
ON CONFLICT (batch_id, row_id) WHERE resolved_at IS NULL
DO UPDATE SET error_message = excluded.error_message, sqlstate = excluded.sqlstate, quarantined_at = now();
