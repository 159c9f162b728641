-- Who applies batches, and what keeps them from starting the next one.
--
-- Promise: valid for psql as it is, safe to run twice, touches nothing of the application. The table is written when a
-- runner starts, holds, goes on and ends: a few rows an hour, never with each batch.

BEGIN;

DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtext('stagenorm migrations')); END $$;

CREATE TABLE IF NOT EXISTS stage_migration_runners (
    runner_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    worker        text        NOT NULL,
    run_by        text        NOT NULL,
    plan_id       bigint,
    started_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    ended_at      timestamptz,
    held_since    timestamptz,
    hold_reason   text,
    backend_pid   integer,
    backend_start timestamptz,
    CHECK ((held_since IS NULL) = (hold_reason IS NULL))
);
COMMENT ON TABLE stage_migration_runners IS 'One row for each runner that applied batches: since when, and what holds it. For people; no guarantee rests on it.';
COMMENT ON COLUMN stage_migration_runners.runner_id IS 'Number of the runner.';
COMMENT ON COLUMN stage_migration_runners.worker IS 'Host, process and way in; as in stage_migration_batches.worker.';
COMMENT ON COLUMN stage_migration_runners.run_by IS 'Who started it: user@host.';
COMMENT ON COLUMN stage_migration_runners.plan_id IS 'The plan it was started for; NULL: whatever is open.';
COMMENT ON COLUMN stage_migration_runners.started_at IS 'When it started.';
COMMENT ON COLUMN stage_migration_runners.updated_at IS 'When this row last changed.';
COMMENT ON COLUMN stage_migration_runners.ended_at IS 'When it ended; of one that was killed, when a later runner found it gone.';
COMMENT ON COLUMN stage_migration_runners.held_since IS 'Since when the throttle has kept it from starting a batch; NULL while it works.';
COMMENT ON COLUMN stage_migration_runners.hold_reason IS 'Why, as it was when the hold began or its cause changed.';
COMMENT ON COLUMN stage_migration_runners.backend_pid IS 'The server process of its session, by which a dead runner is known; NULL where a pooler is in between, which keeps sessions when clients die.';
COMMENT ON COLUMN stage_migration_runners.backend_start IS 'When that process started: process numbers come again.';

-- PostgreSQL ends the session of a client that died, so a runner is alive while its session is. The start of another
-- role's session is hidden without pg_monitor; then the process number alone decides. What went by way of a pooler
-- cannot be told; such a row is shown for a day.
CREATE OR REPLACE VIEW stage_migration_current_runners AS
SELECT r.runner_id, r.worker, r.run_by, r.plan_id, r.started_at, r.updated_at, r.held_since, r.hold_reason,
       CASE WHEN r.backend_pid IS NOT NULL
            THEN EXISTS (SELECT FROM pg_stat_activity a
                         WHERE a.pid = r.backend_pid AND coalesce(a.backend_start = r.backend_start, true)) END AS is_alive
FROM stage_migration_runners r
WHERE r.ended_at IS NULL AND (r.backend_pid IS NOT NULL OR r.updated_at > now() - interval '1 day')
ORDER BY r.runner_id;
COMMENT ON VIEW stage_migration_current_runners IS 'Runners that have not said that they ended. is_alive: false where the session is gone (killed; nothing to repair), NULL where a pooler hides it.';

COMMIT;
