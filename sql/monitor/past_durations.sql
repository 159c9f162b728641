-- What the newest applied batches took, in milliseconds, each as its twentieth and eightieth percentile: the work for a
-- row, and what came before each transaction besides the sleep (claim, commit, round trips, throttling).
-- Looks first at batches of the target with about as many rows, then at all of the target, then at any target, and takes the
-- first kind of which there are at least `least`. No row: too few were measured.
-- Batches that were tried more than once or skipped most of their rows do not count. The sleep is not recorded: it is taken
-- for the whole tenths of a second in the time between batches, so the rest is an estimate.
WITH recent AS (
    SELECT b.plan_id, b.worker, b.started_at, b.completed_at, b.rows_planned,
           -- A duration is in whole milliseconds.
           greatest(b.duration_ms, 0.5)::float8                                   AS work_ms,
           concat_ws('.', b.schema_name, b.table_name, b.column_name) = %(target)s AS is_same_target,
           b.rows_planned BETWEEN %(rows)s / 2.0 AND %(rows)s * 2.0               AS is_similar
    FROM stage_migration_batches b
    JOIN stage_migration_plans p USING (plan_id)
    WHERE b.status IN ('completed', 'rolled_back') AND b.attempts = 1 AND b.duration_ms IS NOT NULL
      AND b.rows_updated * 2 >= b.rows_planned AND p.kind = 'normalize'
    ORDER BY b.batch_id DESC
    LIMIT 2000
), in_order AS (
    SELECT *, extract(epoch FROM completed_at - lag(completed_at) OVER w) * 1000 - work_ms AS between_ms,
           -- Batches that share a transaction are claimed by one statement.
           least(started_at - lag(started_at) OVER w, coalesce(lead(started_at) OVER w - started_at, interval '1 h'))
               > interval '2 ms' AS is_alone
    FROM recent
    WINDOW w AS (PARTITION BY plan_id, worker ORDER BY started_at)
), sleeps AS (
    SELECT plan_id, worker, floor(percentile_cont(0.05) WITHIN GROUP (ORDER BY between_ms) / 100) * 100 AS sleep_ms
    FROM in_order
    WHERE is_alone AND between_ms >= 0
    GROUP BY plan_id, worker
), measured AS (
    SELECT i.is_same_target, i.is_similar, i.work_ms / i.rows_planned AS row_ms,
           CASE WHEN i.is_alone AND i.between_ms >= 0 THEN greatest(i.between_ms - s.sleep_ms, 0) END AS between_ms
    FROM in_order i
    LEFT JOIN sleeps s USING (plan_id, worker)
)
SELECT kind.is_same_target, count(*)::integer AS batches,
       percentile_cont(0.2) WITHIN GROUP (ORDER BY row_ms)                  AS row_low_ms,
       percentile_cont(0.8) WITHIN GROUP (ORDER BY row_ms)                  AS row_high_ms,
       coalesce(percentile_cont(0.2) WITHIN GROUP (ORDER BY between_ms), 0) AS between_low_ms,
       coalesce(percentile_cont(0.8) WITHIN GROUP (ORDER BY between_ms), 0) AS between_high_ms
FROM (VALUES (1, true, true), (2, true, false), (3, false, true), (4, false, false))
     AS kind (place, is_same_target, is_similar)
JOIN measured ON measured.is_same_target >= kind.is_same_target AND measured.is_similar >= kind.is_similar
GROUP BY kind.place, kind.is_same_target
HAVING count(*) >= %(least)s
ORDER BY kind.place
LIMIT 1;
