-- Add how many sessions each runner should have, as a person set it for all runners while they work.
--
-- Runs in psql as it is. Safe to run twice. Changes nothing of the application's.

BEGIN;

-- Two runs of this file at once could collide in spite of IF NOT EXISTS, so the second waits for the first.
DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtext('stagenorm migrations')); END $$;

ALTER TABLE stage_migration_control
    ADD COLUMN IF NOT EXISTS parallel integer CHECK (parallel BETWEEN 1 AND 16);
COMMENT ON COLUMN stage_migration_control.parallel IS 'How many sessions of each runner apply batches at once. NULL: as each run was told.';

INSERT INTO stage_migration_versions (file_name, last_log_id)
SELECT '20261128_tune_parallel.sql', (SELECT max(id) FROM stage_normalization_log)
ON CONFLICT DO NOTHING;

COMMIT;
