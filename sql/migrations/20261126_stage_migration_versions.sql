-- Create the table of applied migration files, so that stagenorm recognizes an older or newer database.
--
-- Runs in psql as it is. Safe to run twice. Changes nothing of the application's.
-- Records the eight files before this one if the objects that they create exist.

BEGIN;

-- Two runs of this file at once could collide in spite of IF NOT EXISTS, so the second waits for the first.
DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtext('stagenorm migrations')); END $$;

CREATE TABLE IF NOT EXISTS stage_migration_versions (
    file_name   text        PRIMARY KEY,
    applied_at  timestamptz NOT NULL DEFAULT now(),
    applied_by  text        NOT NULL DEFAULT session_user,
    last_log_id bigint
);
COMMENT ON TABLE stage_migration_versions IS 'One row for each migration file that was applied to this database.';
COMMENT ON COLUMN stage_migration_versions.file_name IS 'Name of the file in sql/migrations.';
COMMENT ON COLUMN stage_migration_versions.applied_at IS 'When it was applied; for files from before this table, when the table was created.';
COMMENT ON COLUMN stage_migration_versions.applied_by IS 'The database role that applied it.';
COMMENT ON COLUMN stage_migration_versions.last_log_id IS 'The newest entry of stage_normalization_log at that time; NULL if the log was empty.';

INSERT INTO stage_migration_versions (file_name, last_log_id)
SELECT file_name, (SELECT max(id) FROM stage_normalization_log)
FROM (VALUES ('20251030_stage_migration_tracking.sql', 'stage_migration_failures'),
             ('20251030_stage_normalization_log.sql', 'stage_normalization_log'),
             ('20261122_stage_backups.sql', 'stage_migration_backups'),
             ('20261122_stage_enforcement.sql', 'stage_migration_enforcements'),
             ('20261122_stage_migration_progress.sql', 'stage_migration_progress'),
             ('20261122_stage_migration_runners.sql', 'stage_migration_current_runners'),
             ('20261122_stage_plan_vocabulary.sql', 'stage_migration_vocabularies'),
             ('20261122_stage_rollback_batches.sql', 'stage_migration_rollback_batches'),
             ('20261126_stage_migration_versions.sql', 'stage_migration_versions')) AS files (file_name, object_name)
WHERE to_regclass(object_name) IS NOT NULL
ON CONFLICT DO NOTHING;

COMMIT;
