-- Whether the status of batch `b` was edited by hand: rolled_back although no finished rollback lists it, or cancelled
-- although it has a result and no failed rows. A fragment: a condition of the statements that read batches.
(b.rows_updated > 0 AND b.status = 'rolled_back'
 AND NOT EXISTS (SELECT 1 FROM stage_migration_rollback_batches u
                 JOIN stage_migration_plans r ON r.plan_id = u.plan_id
                 WHERE u.batch_id = b.batch_id AND r.kind = 'rollback' AND r.status = 'completed')
 OR b.status = 'cancelled' AND b.rows_failed = 0 AND b.rows_updated IS NOT NULL)
