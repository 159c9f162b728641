-- Create the table of rehearsals: what happened when a plan was applied to a clone of this database.
--
-- Runs in psql as it is. Safe to run twice. Changes nothing of the application's.
-- Append-only and without foreign keys, so that a rehearsal remains as evidence when its plan is deleted. sql/roles.sql
-- grants no role the columns with the name and the time, so only the database fills them in.

BEGIN;

-- Two runs of this file at once could collide in spite of IF NOT EXISTS, so the second waits for the first.
DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtext('stagenorm migrations')); END $$;

CREATE TABLE IF NOT EXISTS stage_migration_rehearsals (
    rehearsal_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plan_id          bigint      NOT NULL,
    content_sha256   bytea       NOT NULL CHECK (octet_length(content_sha256) = 32),
    rehearsed_at     timestamptz NOT NULL DEFAULT now(),
    rehearsed_by     text        NOT NULL DEFAULT session_user,
    clone_name       text        NOT NULL,
    batches          integer     NOT NULL CHECK (batches >= 0),
    rows_updated     bigint      NOT NULL CHECK (rows_updated >= 0),
    rows_skipped     bigint      NOT NULL CHECK (rows_skipped >= 0),
    rows_refused     bigint      NOT NULL CHECK (rows_refused >= 0),
    duration_ms      bigint      NOT NULL CHECK (duration_ms >= 0),
    slowest_batch_ms bigint      NOT NULL CHECK (slowest_batch_ms >= 0),
    wal_bytes        bigint      NOT NULL CHECK (wal_bytes >= 0),
    effects          jsonb       NOT NULL
);
COMMENT ON TABLE stage_migration_rehearsals IS 'One row for each plan that was applied to a clone of this database, with what was measured there.';
COMMENT ON COLUMN stage_migration_rehearsals.rehearsal_id IS 'Number of the rehearsal.';
COMMENT ON COLUMN stage_migration_rehearsals.plan_id IS 'The plan in this database.';
COMMENT ON COLUMN stage_migration_rehearsals.content_sha256 IS 'What was rehearsed: SHA-256 over mapping_sha256 and members_sha256 of the plan''s digest, as an approval has it.';
COMMENT ON COLUMN stage_migration_rehearsals.rehearsed_at IS 'When it ended.';
COMMENT ON COLUMN stage_migration_rehearsals.rehearsed_by IS 'The database role that recorded it here.';
COMMENT ON COLUMN stage_migration_rehearsals.clone_name IS 'Database and host of the clone, without a password.';
COMMENT ON COLUMN stage_migration_rehearsals.batches IS 'Batches that were applied there.';
COMMENT ON COLUMN stage_migration_rehearsals.rows_updated IS 'Rows that changed there.';
COMMENT ON COLUMN stage_migration_rehearsals.rows_skipped IS 'Rows that the clone has not, or has with another spelling than the plan saw.';
COMMENT ON COLUMN stage_migration_rehearsals.rows_refused IS 'Rows that the clone refused.';
COMMENT ON COLUMN stage_migration_rehearsals.duration_ms IS 'Milliseconds of all its transactions together, without sleeps.';
COMMENT ON COLUMN stage_migration_rehearsals.slowest_batch_ms IS 'Milliseconds of the slowest batch.';
COMMENT ON COLUMN stage_migration_rehearsals.wal_bytes IS 'WAL that the clone wrote while the batches ran, from all its sessions.';
COMMENT ON COLUMN stage_migration_rehearsals.effects IS 'The causes of refused rows, the tables that triggers wrote to, and the columns that they changed.';

INSERT INTO stage_migration_versions (file_name, last_log_id)
SELECT '20261128_rehearsals.sql', (SELECT max(id) FROM stage_normalization_log)
ON CONFLICT DO NOTHING;

COMMIT;
