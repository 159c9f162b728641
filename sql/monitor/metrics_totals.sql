-- Totals of all recorded work for the metrics, in one row.
-- Reads the tracking tables only. Of the refused rows it reads only the unresolved ones, by their index.
SELECT (SELECT coalesce(sum(b.rows_updated), 0) FROM stage_migration_batches b JOIN stage_migration_plans p USING (plan_id)
        WHERE p.kind = 'normalize')::bigint                                                  AS rows_normalized,
       (SELECT coalesce(sum(b.rows_updated), 0) FROM stage_migration_batches b JOIN stage_migration_plans p USING (plan_id)
        WHERE p.kind = 'rollback')::bigint                                                   AS rows_restored,
       (SELECT count(*) FROM stage_migration_quarantine WHERE resolved_at IS NULL)           AS rows_quarantined;
