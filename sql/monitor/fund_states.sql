-- The state of each fund by its newest plan that is not a draft. A plan whose batches of the fund were all cancelled counts
-- only if the fund has no other.
-- all_funds true: every fund. Otherwise the one of fund_id; NULL: the rows without a fund.
WITH by_plan AS (
    SELECT b.fund_id, p.plan_id, p.kind,
           count(*)                                                              AS batches,
           count(*) FILTER (WHERE b.status = 'completed')                        AS batches_completed,
           count(*) FILTER (WHERE b.status IN ('pending', 'running'))            AS batches_waiting,
           count(*) FILTER (WHERE b.status = 'failed')                           AS batches_failed,
           count(*) FILTER (WHERE b.status = 'cancelled')                        AS batches_cancelled,
           count(*) FILTER (WHERE b.status = 'rolled_back')                      AS batches_rolled_back,
           sum(b.rows_planned)::bigint                                           AS rows_planned,
           coalesce(sum(b.rows_updated), 0)::bigint                              AS rows_updated,
           coalesce(sum(b.rows_skipped), 0)::bigint                              AS rows_skipped,
           coalesce(sum(b.rows_failed) FILTER (WHERE b.status = 'failed'), 0)::bigint AS rows_failed,
           coalesce(sum(coalesce(b.rows_failed, b.rows_planned))
                    FILTER (WHERE b.status IN ('pending', 'running')), 0)::bigint AS rows_waiting,
           coalesce(sum(b.duration_ms), 0)::bigint                               AS duration_ms,
           max(b.updated_at) > now() - interval '10 seconds'                     AS has_just_changed,
           (array_agg(b.worker ORDER BY b.updated_at DESC) FILTER (WHERE b.worker IS NOT NULL))[1] AS runner,
           (array_agg(b.schema_name || '.' || b.table_name ORDER BY b.batch_number)
            FILTER (WHERE b.status = 'failed'))[1]                               AS failed_table,
           (array_agg(left(b.error_message, 1000) ORDER BY b.batch_number)
            FILTER (WHERE b.status = 'failed'))[1]                               AS first_error
    FROM stage_migration_batches b
    JOIN stage_migration_plans p USING (plan_id)
    WHERE p.status <> 'draft'
      AND (%(all_funds)s OR b.fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
    GROUP BY b.fund_id, p.plan_id
)
SELECT DISTINCT ON (fund_id) *
FROM by_plan
ORDER BY fund_id, batches_cancelled = batches, plan_id DESC;
