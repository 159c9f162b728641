-- Keep the refused rows of a batch with the database's error for each. A row that is refused again keeps one entry, with the
-- newest error.
-- The members are unnested once: a subscript would decompress the whole array again for each row.
INSERT INTO stage_migration_quarantine
    (plan_id, batch_id, schema_name, table_name, column_name, fund_id, row_id, stage_before, stage_after, error_message, sqlstate)
SELECT %(plan_id)s, b.batch_id, %(schema_name)s, %(table_name)s, %(column_name)s, %(fund_id)s,
       coalesce(m.row_number::text, m.row_key), s.spelling, coalesce(p.stage_after, r.spelling), f.error_message, f.sqlstate
FROM stage_migration_batch_members b
CROSS JOIN LATERAL unnest(b.row_numbers, b.row_keys, b.spelling_ids, b.restore_ids)
     WITH ORDINALITY AS m (row_number, row_key, spelling_id, restore_id, place)
JOIN unnest(%(places)s::bigint[], %(messages)s::text[], %(sqlstates)s::text[]) AS f (place, error_message, sqlstate) USING (place)
JOIN stage_migration_spellings s ON s.spelling_id = m.spelling_id
LEFT JOIN stage_migration_spellings r ON r.spelling_id = m.restore_id
LEFT JOIN stage_migration_plan_spellings p ON p.plan_id = %(plan_id)s AND p.spelling_id = s.spelling_id
WHERE b.batch_id = %(batch_id)s
ON CONFLICT (batch_id, row_id) WHERE resolved_at IS NULL
DO UPDATE SET error_message = excluded.error_message, sqlstate = excluded.sqlstate, quarantined_at = now();
