-- The plan that matters now: the newest open one, else the newest one that is not a draft, else the newest draft.
-- With its totals, and how many of its funds are done, waiting and failed. No row if there is no plan.
WITH chosen AS (
    SELECT *
    FROM stage_migration_plans
    ORDER BY status = 'open' DESC, status = 'draft', plan_id DESC
    LIMIT 1
), by_fund AS (
    SELECT b.fund_id,
           bool_or(b.status IN ('pending', 'running'))                           AS is_waiting,
           bool_or(b.status = 'failed')                                          AS is_failed,
           bool_and(b.status = 'cancelled')                                      AS is_cancelled,
           count(*) FILTER (WHERE b.status IN ('pending', 'running', 'failed'))  AS batches_left,
           coalesce(sum(b.rows_updated), 0)                                      AS rows_updated,
           coalesce(sum(b.rows_skipped), 0)                                      AS rows_skipped,
           coalesce(sum(b.rows_failed) FILTER (WHERE b.status = 'failed'), 0)    AS rows_failed,
           coalesce(sum(coalesce(b.rows_failed, b.rows_planned))
                    FILTER (WHERE b.status IN ('pending', 'running')), 0)        AS rows_waiting,
           coalesce(sum(b.duration_ms), 0)                                       AS duration_ms
    FROM stage_migration_batches b
    JOIN chosen USING (plan_id)
    GROUP BY b.fund_id
)
SELECT p.plan_id, p.kind, p.status, p.created_at, p.created_by, p.total_batches, p.rows_to_change, p.rows_seen, p.rows_unknown,
       f.*
FROM chosen p
CROSS JOIN (SELECT count(*) FILTER (WHERE NOT is_cancelled)                            AS funds,
                   count(*) FILTER (WHERE NOT (is_waiting OR is_failed OR is_cancelled)) AS funds_done,
                   count(*) FILTER (WHERE is_waiting AND NOT is_failed)                AS funds_waiting,
                   count(*) FILTER (WHERE is_failed)                                   AS funds_failed,
                   coalesce(sum(batches_left), 0)::bigint                              AS batches_left,
                   coalesce(sum(rows_updated), 0)::bigint                              AS rows_updated,
                   coalesce(sum(rows_skipped), 0)::bigint                              AS rows_skipped,
                   coalesce(sum(rows_failed), 0)::bigint                               AS rows_failed,
                   coalesce(sum(rows_waiting), 0)::bigint                              AS rows_waiting,
                   coalesce(sum(duration_ms), 0)::bigint                               AS duration_ms
            FROM by_fund) f;
