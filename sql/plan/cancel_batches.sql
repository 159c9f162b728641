-- Cancel the waiting batches of a plan, except a batch that a runner is running now (its lock is held).
UPDATE stage_migration_batches b
SET status = 'cancelled', updated_at = now(), error_message = concat_ws(' ', b.error_message, '[cancelled]')
WHERE b.plan_id = %(plan_id)s
  AND (b.status IN ('pending', 'failed')
       OR (b.status = 'running' AND NOT EXISTS (
           SELECT 1 FROM pg_locks l
           WHERE l.locktype = 'advisory' AND l.classid::bigint = %(lock_class)s AND l.objid::bigint = b.batch_id
             AND l.objsubid = 2 AND l.granted
             AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))));
