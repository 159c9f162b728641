-- Find the waiting batches that come next, and mark the first of them as running on this worker. This is informational:
-- the advisory locks ensure exclusivity.
-- Guarantees: claims consecutive batches of one plan, target and fund that were never tried, at most `most` and with at
-- most `rows` rows together; a batch that was tried, or that alone has more rows, is claimed alone. Claims none after the
-- first whose lock is not free, none of a plan that is not in `plans` (NULL: any), and none of a plan that needs an approval
-- and has none. The commit releases the locks.
-- Returns what it found, up to `limit` batches, with the pace that is set for all runners.
WITH found AS MATERIALIZED (
    SELECT waiting.*, row_number() OVER in_order AS place, sum(rows_planned) OVER in_order AS together
    FROM ({next_batch}) AS waiting
    WINDOW in_order AS (ORDER BY plan_id, batch_number)
), one AS MATERIALIZED (
    SELECT p.*, {is_approved} AS is_approved FROM found AS p WHERE place = 1
), judged AS MATERIALIZED (
    SELECT f.place, f.batch_id, bool_and(f.place = 1 OR (
               f.place <= %(most)s AND f.together <= %(rows)s AND NOT f.was_tried AND NOT one.was_tried
               AND ROW(f.plan_id, f.schema_name, f.table_name, f.column_name, f.fund_id)
                   IS NOT DISTINCT FROM ROW(one.plan_id, one.schema_name, one.table_name, one.column_name, one.fund_id)
           )) OVER (ORDER BY f.place) AS fits
    FROM found f
    CROSS JOIN one
    WHERE one.is_approved AND (%(plans)s::bigint[] IS NULL OR one.plan_id = ANY (%(plans)s::bigint[]))
), locked AS MATERIALIZED (
    SELECT place, batch_id, pg_try_advisory_xact_lock(%(lock_class)s, batch_id::integer) AS is_ours
    FROM judged
    WHERE fits
), ours AS MATERIALIZED (
    SELECT batch_id, bool_and(is_ours) OVER (ORDER BY place) AS is_ours FROM locked
), claimed AS (
    UPDATE stage_migration_batches b
    SET status = 'running', worker = %(worker)s, attempts = attempts + 1, started_at = clock_timestamp(),
        updated_at = clock_timestamp()
    FROM ours
    WHERE b.batch_id = ours.batch_id AND ours.is_ours AND b.status IN ('pending', 'running', 'failed')
    RETURNING b.batch_id
)
SELECT found.*, claimed.batch_id IS NOT NULL AS is_claimed, one.is_approved, control.sleep_ms, control.target_ms, control.parallel
FROM found LEFT JOIN claimed USING (batch_id) CROSS JOIN one CROSS JOIN stage_migration_control AS control
ORDER BY place;
