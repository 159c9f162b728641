-- Batches with the status running, and whether a runner really has each one: that is, whether its advisory lock is held.
SELECT b.plan_id, b.batch_id, b.batch_number, concat_ws('.', b.schema_name, b.table_name, b.column_name) AS target,
       b.fund_id, b.worker, b.started_at,
       EXISTS (SELECT 1 FROM pg_locks l
               WHERE l.locktype = 'advisory' AND l.classid::bigint = %(lock_class)s AND l.objid::bigint = b.batch_id
                 AND l.objsubid = 2 AND l.granted
                 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS is_held
FROM stage_migration_batches b
JOIN stage_migration_plans p USING (plan_id)
WHERE b.status = 'running' AND p.status = 'open'
ORDER BY b.plan_id, b.batch_number;
