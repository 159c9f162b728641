-- What each vocabulary that a plan was made with said, so that a plan can be refused under another one with what changed.
--
-- Promise: valid for psql as it is, safe to run twice, touches nothing of the application.
-- One row for each version and not for each plan: some 2 kB, and 40 bytes more for each decision.

BEGIN;

-- Two runs of this file at once would race on the names, which IF NOT EXISTS does not prevent.
DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtext('stagenorm migrations')); END $$;

-- No foreign key from the plans: those of before this file have none, nor has a rollback.
CREATE TABLE IF NOT EXISTS stage_migration_vocabularies (
    vocabulary_version text        PRIMARY KEY,
    content            text        NOT NULL,
    recorded_at        timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE stage_migration_vocabularies IS 'Each vocabulary that a plan was made with: which spelling meant which stage.';
COMMENT ON COLUMN stage_migration_vocabularies.vocabulary_version IS 'The first 16 hexadecimal digits of the SHA-256 of content; stage_migration_plans.vocabulary_version names it.';
COMMENT ON COLUMN stage_migration_vocabularies.content IS 'JSON: the built-in aliases and the decisions of that time. Text and not jsonb, which would not keep the bytes that the version is the hash of.';
COMMENT ON COLUMN stage_migration_vocabularies.recorded_at IS 'When the first plan with it was recorded.';

COMMIT;
