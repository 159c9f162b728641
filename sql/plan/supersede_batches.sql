-- Cancel the waiting batches of older open plans in the scope of a plan that is being opened.
-- Guarantees: at most one open plan covers a target and fund. A batch that a runner is running now (its advisory lock is
-- held) is not cancelled: the new plan skips the rows that it changes. The new plan contains the refused rows again.
WITH superseded AS (
    UPDATE stage_migration_batches b
    SET status = 'cancelled', updated_at = now(),
        error_message = concat_ws(' ', b.error_message, format('[superseded by plan %%s]', %(plan_id)s::bigint))
    FROM stage_migration_plans p, stage_migration_plan_targets own
    WHERE p.plan_id = b.plan_id AND p.status = 'open' AND p.plan_id <> %(plan_id)s
      AND own.plan_id = %(plan_id)s
      AND (own.schema_name, own.table_name, own.column_name) = (b.schema_name, b.table_name, b.column_name)
      AND (%(all_funds)s OR b.fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
      AND (b.status IN ('pending', 'failed')
           OR (b.status = 'running' AND NOT EXISTS (
               SELECT 1 FROM pg_locks l
               WHERE l.locktype = 'advisory' AND l.classid::bigint = %(lock_class)s AND l.objid::bigint = b.batch_id
                 AND l.objsubid = 2 AND l.granted
                 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))))
    RETURNING b.batch_id
)
UPDATE stage_migration_quarantine q
SET resolved_at = now(), resolution = 'superseded'
FROM superseded s
WHERE q.batch_id = s.batch_id AND q.resolved_at IS NULL;
