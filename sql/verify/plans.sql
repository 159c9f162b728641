-- List the applied plans that a verification covers, in the order in which they were opened.
-- A plan was applied if it was opened, or if it has receipts or log entries, so a status or time edited by hand removes no
-- plan. `logged_plans`: the plans of the judged log entries. `opened_from`: only plans opened at that time or later; NULL:
-- all plans. `is_undone`: the status is rolled_back, and finished rollbacks list every batch that changed rows.
SELECT p.plan_id, p.kind, p.status, p.created_at, p.created_by, p.vocabulary_version, p.code_version, p.opened_at,
       p.completed_at, p.rows_to_change, (p.scope ->> 'all_funds')::boolean AS all_funds, p.scope ->> 'fund_id' AS fund_id,
       own.targets, made.author, given.approved_by, given.approved_at, given.ticket,
       p.status = 'rolled_back'
       AND NOT EXISTS (SELECT 1
                       FROM (SELECT batch_id, rows_updated FROM stage_migration_batches b WHERE b.plan_id = p.plan_id
                             UNION ALL
                             SELECT batch_id, rows_updated FROM stage_migration_receipts e WHERE e.plan_id = p.plan_id) AS did
                       WHERE did.rows_updated > 0
                         AND NOT EXISTS (SELECT 1 FROM stage_migration_rollback_batches u
                                         JOIN stage_migration_plans r USING (plan_id)
                                         WHERE u.batch_id = did.batch_id AND r.kind = 'rollback'
                                           AND r.status = 'completed')) AS is_undone
FROM stage_migration_plans p
LEFT JOIN stage_migration_plan_authors made USING (plan_id)
LEFT JOIN stage_migration_approvals given USING (plan_id)
CROSS JOIN LATERAL (SELECT ARRAY(SELECT jsonb_array_elements_text(p.scope -> 'targets')) AS targets) AS own
WHERE own.targets && %(targets)s::text[]
  AND (%(all_funds)s OR (p.scope ->> 'all_funds')::boolean OR p.scope ->> 'fund_id' IS NOT DISTINCT FROM %(fund_id)s::text)
  AND (p.plan_id = ANY (%(logged_plans)s::bigint[])
       OR p.opened_at IS NOT NULL AND p.status IN ('open', 'completed', 'rolled_back')
          AND coalesce(p.opened_at >= %(opened_from)s::timestamptz, true)
       OR EXISTS (SELECT 1 FROM stage_migration_receipts e
                  WHERE e.plan_id = p.plan_id
                    AND concat_ws('.', e.schema_name, e.table_name, e.column_name) = ANY (%(targets)s::text[])
                    AND (%(all_funds)s OR e.fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
                    AND (e.last_log_id > %(after_id)s
                         OR e.last_log_id IS NULL AND coalesce(e.recorded_at >= %(opened_from)s::timestamptz, true))))
ORDER BY coalesce(p.opened_at, p.created_at), p.plan_id;
