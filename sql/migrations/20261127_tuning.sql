-- Add the pace that a person set for all runners while they work.
--
-- Runs in psql as it is. Safe to run twice. Changes nothing of the application's.

BEGIN;

-- Two runs of this file at once could collide in spite of IF NOT EXISTS, so the second waits for the first.
DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtext('stagenorm migrations')); END $$;

ALTER TABLE stage_migration_control
    ADD COLUMN IF NOT EXISTS sleep_ms  integer CHECK (sleep_ms BETWEEN 0 AND 3600000),
    ADD COLUMN IF NOT EXISTS target_ms integer CHECK (target_ms BETWEEN 10 AND 60000);
COMMENT ON COLUMN stage_migration_control.sleep_ms IS 'How long every runner sleeps between two batches, in milliseconds. NULL: as each run was told.';
COMMENT ON COLUMN stage_migration_control.target_ms IS 'How long a transaction of `--batch-size auto` should take, in milliseconds. NULL: as each run was told.';

INSERT INTO stage_migration_versions (file_name, last_log_id)
SELECT '20261127_tuning.sql', (SELECT max(id) FROM stage_normalization_log)
ON CONFLICT DO NOTHING;

COMMIT;
