-- Add columns for the report of each verification, so that it is kept even if the file is lost, and for the reason why a
-- reviewer accepted warnings.
--
-- Runs in psql as it is. Safe to run twice. Changes nothing of the application's.

BEGIN;

-- Two runs of this file at once could collide in spite of IF NOT EXISTS, so the second waits for the first.
DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtext('stagenorm migrations')); END $$;

ALTER TABLE stage_verifications
    ADD COLUMN IF NOT EXISTS report            text,
    ADD COLUMN IF NOT EXISTS last_log_id       bigint,
    ADD COLUMN IF NOT EXISTS accepted_warnings text;
COMMENT ON COLUMN stage_verifications.report IS 'The JSON report, byte for byte: report_sha256 is its hash. Text and not jsonb, which would not keep the bytes. NULL for verifications made before this column.';
COMMENT ON COLUMN stage_verifications.last_log_id IS 'The newest log entry that the verification saw; NULL if there was none, or before this column.';
COMMENT ON COLUMN stage_verifications.accepted_warnings IS 'Why the reviewer signed a report with warnings; NULL where there were none, or before this column.';

INSERT INTO stage_migration_versions (file_name, last_log_id)
SELECT '20261126_stage_verification_reports.sql', (SELECT max(id) FROM stage_normalization_log)
ON CONFLICT DO NOTHING;

COMMIT;
