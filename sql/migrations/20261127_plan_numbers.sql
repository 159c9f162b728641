-- Start the numbers of plans and batches after those in the audit log, so that none is used twice when the other tables were
-- dropped and created again.
--
-- Runs in psql as it is. Safe to run twice. Changes nothing of the application's.

BEGIN;

-- Two runs of this file at once could collide, so the second waits for the first.
DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtext('stagenorm migrations')); END $$;

-- Only before the first plan: later, the log has no number that the tables do not have, and reading it takes long.
DO $$
DECLARE
    plans   text := pg_get_serial_sequence('stage_migration_plans', 'plan_id');
    batches text := pg_get_serial_sequence('stage_migration_batches', 'batch_id');
    last    record;
BEGIN
    IF pg_sequence_last_value(plans::regclass) IS NULL THEN
        SELECT max(plan_id) AS plan_id, max(batch_id) AS batch_id INTO last FROM stage_normalization_log;
        IF last.plan_id IS NOT NULL THEN
            PERFORM setval(plans, last.plan_id);
        END IF;
        IF last.batch_id IS NOT NULL THEN
            PERFORM setval(batches, last.batch_id);
        END IF;
    END IF;
END $$;

INSERT INTO stage_migration_versions (file_name, last_log_id)
SELECT '20261127_plan_numbers.sql', (SELECT max(id) FROM stage_normalization_log)
ON CONFLICT DO NOTHING;

COMMIT;
