-- Read the log entries of a row, oldest first, each with its plan and the first verification and signature after it.
-- The log has no index by row: reading 6 million entries took 2 s on two busy cores. With a B-tree, writing entries took
-- more than twice as long and three times the WAL, in every run, for a question that is rarely asked.
WITH changes AS MATERIALIZED (
    SELECT l.id, l.run_at, l.run_by, l.action, l.fund_id, l.stage_before, l.stage_after, l.plan_id, l.batch_id,
           l.xmin::text AS version, l.action IN ('normalize', 'rollback') AND l.plan_id IS NOT NULL AS is_ours,
           l.id AS last_id, l.run_at AS last_at, true AS is_one_fund,
           concat_ws('.', l.schema_name, l.table_name, l.column_name) AS target
    FROM stage_normalization_log l
    WHERE (l.schema_name, l.table_name, l.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
      AND l.row_id = %(row_id)s::text COLLATE "C"
)
SELECT c.id, c.run_at, c.run_by, c.action, c.fund_id, c.stage_before, c.stage_after, c.plan_id, c.batch_id, c.version, c.is_ours,
       c.id > min(c.id) OVER () AND lag(c.stage_after) OVER (ORDER BY c.id) IS DISTINCT FROM c.stage_before
                                                            AS follows_other_write,
       p.created_by AS planned_by, p.created_at AS planned_at, p.vocabulary_version, b.batch_number,
       checked.verification_id AS checked_id, checked.verdict AS checked_verdict, checked.created_at AS checked_at,
       signed.verification_id AS signed_id, signed.verdict AS signed_verdict, signed.signed_off_by, signed.signed_off_at
FROM changes c
LEFT JOIN stage_migration_plans p USING (plan_id)
LEFT JOIN stage_migration_batches b ON b.batch_id = c.batch_id
LEFT JOIN LATERAL (SELECT * FROM ({verifications}) AS v ORDER BY verification_id LIMIT 1) AS checked ON true
LEFT JOIN LATERAL (SELECT * FROM ({verifications}) AS v WHERE signed_off_at IS NOT NULL
                   ORDER BY signed_off_at, verification_id LIMIT 1) AS signed ON true
ORDER BY c.id;
