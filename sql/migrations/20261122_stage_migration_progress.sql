-- The progress views again: an estimate that counts sleeps by the batch and work by the row, and plans that stay in
-- the picture until the last of those that were open together has ended.
--
-- Promise: valid for psql as it is, safe to run twice, changes views only; their columns keep their names and types.

BEGIN;

DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtext('stagenorm migrations')); END $$;

-- Without the plans completed meanwhile, progress would drop back when a plan of one fund ends beside an older one.
CREATE OR REPLACE VIEW stage_migration_current_plans AS
WITH anchors AS (
    SELECT plan_id, opened_at FROM stage_migration_plans WHERE status = 'open'
    UNION ALL
    (SELECT plan_id, opened_at FROM stage_migration_plans
     WHERE status = 'completed' AND NOT EXISTS (SELECT 1 FROM stage_migration_plans WHERE status = 'open')
     ORDER BY completed_at DESC, plan_id DESC LIMIT 1)
)
SELECT plan_id FROM anchors
UNION
SELECT plan_id FROM stage_migration_plans
WHERE status = 'completed' AND completed_at > (SELECT min(opened_at) FROM anchors);
COMMENT ON VIEW stage_migration_current_plans IS 'The plans that progress is about: the open ones or, when none is open, the one completed last; and those that were completed since the first of these was opened.';

CREATE OR REPLACE VIEW stage_migration_progress AS
WITH batches AS (
    SELECT b.* FROM stage_migration_batches b JOIN stage_migration_current_plans USING (plan_id)
    WHERE b.status NOT IN ('cancelled', 'rolled_back')
), paces AS (
    -- From the end of one batch to the end of the next, whoever did either: sleeps, holds and other runners are in it.
    -- Not in it: the time before the pause switch was last turned, and before a worker's first batch all but a minute
    -- (a run that Dagster starts for each fund takes so long; more was nobody's work).
    SELECT rows_planned, duration_ms / 1000.0 AS work,
           extract(epoch FROM completed_at - greatest(
               lag(completed_at) OVER ends,
               CASE WHEN row_number() OVER (PARTITION BY worker ORDER BY completed_at, batch_id) = 1
                    THEN started_at - interval '1 minute' END,
               CASE WHEN switch.changed_at < completed_at THEN switch.changed_at END)) AS seconds,
           lag(completed_at) OVER ends IS NOT NULL AS has_earlier
    FROM batches CROSS JOIN stage_migration_control switch
    WHERE completed_at IS NOT NULL AND rows_updated IS NOT NULL
    WINDOW ends AS (ORDER BY completed_at, batch_id)
    ORDER BY completed_at DESC, batch_id DESC
    LIMIT 100
), lately AS (
    SELECT count(*) AS batches, sum(rows_planned) AS rows, sum(seconds) AS seconds, least(sum(work), sum(seconds)) AS work
    FROM paces
    WHERE has_earlier
), totals AS (
    SELECT max(plan_id)                                                                  AS plan_id,
           count(*)                                                                      AS total_batches,
           count(*) FILTER (WHERE status = 'completed')                                  AS completed_batches,
           count(*) FILTER (WHERE status = 'pending')                                    AS pending_batches,
           count(*) FILTER (WHERE status = 'running')                                    AS running_batches,
           count(*) FILTER (WHERE status = 'failed')                                     AS failed_batches,
           coalesce(sum(rows_planned), 0)                                                AS rows_planned,
           coalesce(sum(rows_planned) FILTER (WHERE rows_updated IS NOT NULL), 0)
             - coalesce(sum(rows_failed), 0)                                             AS rows_done,
           -- A batch that is being retried has a result already: what waits is its refused rows.
           coalesce(sum(coalesce(rows_failed, rows_planned)) FILTER (WHERE status IN ('pending', 'running')), 0)
                                                                                         AS rows_waiting,
           coalesce(sum(rows_updated), 0)                                                AS rows_updated,
           coalesce(sum(rows_skipped), 0)                                                AS rows_skipped,
           coalesce(sum(rows_failed), 0)                                                 AS rows_failed,
           min(started_at)                                                               AS started_at,
           max(completed_at)                                                             AS last_completed_at
    FROM batches
)
SELECT plan_id, total_batches, completed_batches, pending_batches, running_batches, failed_batches,
       CASE WHEN rows_planned = 0 THEN 100.0 ELSE trunc(100.0 * rows_done / rows_planned, 1) END AS completion_percent,
       rows_planned, rows_done, rows_waiting, rows_updated, rows_skipped, rows_failed,
       CASE WHEN lately.seconds > 0 THEN round(lately.rows / lately.seconds) END AS rows_per_second,
       CASE WHEN rows_waiting = 0 THEN 0.0
            WHEN lately.seconds > 0
            -- Work goes by the row; sleeps, holds and claims by the batch, which the small funds of a plan feel most.
            THEN round((rows_waiting * lately.work / lately.rows
                        + (pending_batches + running_batches) * (lately.seconds - lately.work) / lately.batches) / 60, 2)
       END AS estimated_minutes_remaining,
       started_at, last_completed_at
FROM totals CROSS JOIN lately;
COMMENT ON VIEW stage_migration_progress IS 'Overall progress of the current plans, in one row; completion_percent counts rows, not batches; the estimate looks at the last hundred batches and is NULL until two have ended.';

COMMIT;
