-- Let other canonical stages than the built-in six into the audit log and into the mappings of plans.
--
-- Which stages are canonical is data now. The two CHECKs with the six are replaced: the log still refuses an entry
-- without a change. The verification checks membership. NOT VALID, so that a log with millions of entries is not
-- scanned: what is in it passed the stricter CHECK. Runs in psql as it is. Safe to run twice. Changes nothing of the
-- application's.

BEGIN;

-- Two runs of this file at once could collide, so the second waits for the first.
DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtext('stagenorm migrations')); END $$;

-- The CHECKs have names that PostgreSQL made, so they are found by what they say.
DO $$
DECLARE
    old record;
BEGIN
    FOR old IN
        SELECT conrelid::regclass AS named, conname
        FROM pg_constraint
        WHERE contype = 'c' AND pg_get_constraintdef(oid) LIKE '%''pre-seed''%'
          AND conrelid IN ('stage_normalization_log'::regclass, 'stage_migration_plan_spellings'::regclass)
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', old.named, old.conname);
    END LOOP;
    IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'stage_normalization_log'::regclass
                   AND conname = 'stage_normalization_log_is_change') THEN
        ALTER TABLE stage_normalization_log ADD CONSTRAINT stage_normalization_log_is_change
            CHECK (action <> 'normalize' OR (stage_after IS NOT NULL AND stage_before IS DISTINCT FROM stage_after))
            NOT VALID;
    END IF;
END $$;

INSERT INTO stage_migration_versions (file_name, last_log_id)
SELECT '20261127_stage_vocabulary.sql', (SELECT max(id) FROM stage_normalization_log)
ON CONFLICT DO NOTHING;

COMMIT;
