-- Add the preset that was chosen for a plan, so that its runs use it unless told otherwise.
--
-- Runs in psql as it is. Safe to run twice. Changes nothing of the application's.

BEGIN;

-- Two runs of this file at once could collide in spite of IF NOT EXISTS, so the second waits for the first.
DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtext('stagenorm migrations')); END $$;

ALTER TABLE stage_migration_plans
    ADD COLUMN IF NOT EXISTS preset text CHECK (preset IN ('conservative', 'balanced', 'aggressive', 'auto'));
COMMENT ON COLUMN stage_migration_plans.preset IS 'The preset that was chosen for the plan: rows per batch, and the sleep of its runs. NULL: none, as by the command line.';

INSERT INTO stage_migration_versions (file_name, last_log_id)
SELECT '20261127_stage_plan_preset.sql', (SELECT max(id) FROM stage_normalization_log)
ON CONFLICT DO NOTHING;

COMMIT;
