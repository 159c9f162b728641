-- Create the tables of receipts (a hash of what each batch attempt wrote to the audit log) and of plan digests (hashes of
-- the contents of a finished plan).
--
-- Runs in psql as it is. Safe to run twice. Changes nothing of the application's.
-- Both tables are append-only and have no foreign keys, so they remain as evidence when plans or batches are deleted. Log
-- entries up to last_log_id of this file's row in stage_migration_versions are from before there were receipts.

BEGIN;

-- Two runs of this file at once could collide in spite of IF NOT EXISTS, so the second waits for the first.
DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtext('stagenorm migrations')); END $$;

CREATE TABLE IF NOT EXISTS stage_migration_receipts (
    receipt_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plan_id      bigint      NOT NULL,
    batch_id     bigint      NOT NULL,
    attempt      integer     NOT NULL,
    action       text        NOT NULL CHECK (action IN ('normalize', 'rollback')),
    schema_name  text        NOT NULL,
    table_name   text        NOT NULL,
    column_name  text        NOT NULL,
    fund_id      text,
    rows_planned integer     NOT NULL,
    rows_updated integer     NOT NULL CHECK (rows_updated >= 0),
    rows_skipped integer     NOT NULL CHECK (rows_skipped >= 0),
    rows_failed  integer     NOT NULL CHECK (rows_failed >= 0),
    first_log_id bigint,
    last_log_id  bigint,
    log_sha256   bytea       NOT NULL CHECK (octet_length(log_sha256) = 32),
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    recorded_by  text        NOT NULL DEFAULT session_user,
    CHECK (num_nulls(first_log_id, last_log_id) = CASE WHEN rows_updated = 0 THEN 2 ELSE 0 END)
);
-- For rule 5, which reads the receipts of the plans that it verifies, and for the digest of a finished plan.
CREATE INDEX IF NOT EXISTS stage_migration_receipts_plan ON stage_migration_receipts (plan_id, batch_id);
COMMENT ON TABLE stage_migration_receipts IS 'One row for each batch attempt that committed: its counts and the SHA-256 of the log entries that it wrote. Append-only.';
COMMENT ON COLUMN stage_migration_receipts.receipt_id IS 'Number of the receipt.';
COMMENT ON COLUMN stage_migration_receipts.plan_id IS 'The plan.';
COMMENT ON COLUMN stage_migration_receipts.batch_id IS 'The batch.';
COMMENT ON COLUMN stage_migration_receipts.attempt IS 'Which attempt of the batch, as stage_migration_batches.attempts counted it.';
COMMENT ON COLUMN stage_migration_receipts.action IS 'normalize or rollback; the action of its log entries.';
COMMENT ON COLUMN stage_migration_receipts.schema_name IS 'Schema of the target table.';
COMMENT ON COLUMN stage_migration_receipts.table_name IS 'Name of the target table.';
COMMENT ON COLUMN stage_migration_receipts.column_name IS 'The stage column.';
COMMENT ON COLUMN stage_migration_receipts.fund_id IS 'The fund''s id as text; NULL for rows without a fund.';
COMMENT ON COLUMN stage_migration_receipts.rows_planned IS 'Rows that the plan would change in the batch.';
COMMENT ON COLUMN stage_migration_receipts.rows_updated IS 'Rows that this attempt changed, each with one log entry.';
COMMENT ON COLUMN stage_migration_receipts.rows_skipped IS 'Rows that this attempt skipped.';
COMMENT ON COLUMN stage_migration_receipts.rows_failed IS 'Rows that the database refused in this attempt.';
COMMENT ON COLUMN stage_migration_receipts.first_log_id IS 'Lowest id of its log entries; NULL if it wrote none.';
COMMENT ON COLUMN stage_migration_receipts.last_log_id IS 'Highest id of its log entries; other batches may have written between the two.';
COMMENT ON COLUMN stage_migration_receipts.log_sha256 IS 'SHA-256 over its log entries (row, before, after) in the order of their ids.';
COMMENT ON COLUMN stage_migration_receipts.recorded_at IS 'Start of the transaction that changed the rows.';
COMMENT ON COLUMN stage_migration_receipts.recorded_by IS 'The database role that applied the batch.';

CREATE TABLE IF NOT EXISTS stage_migration_plan_digests (
    plan_id         bigint      PRIMARY KEY,
    receipts        integer     NOT NULL,
    receipts_sha256 bytea       NOT NULL CHECK (octet_length(receipts_sha256) = 32),
    baseline_sha256 bytea       NOT NULL CHECK (octet_length(baseline_sha256) = 32),
    mapping_sha256  bytea       NOT NULL CHECK (octet_length(mapping_sha256) = 32),
    members_sha256  bytea       NOT NULL CHECK (octet_length(members_sha256) = 32),
    plan_sha256     bytea       NOT NULL CHECK (octet_length(plan_sha256) = 32),
    recorded_at     timestamptz NOT NULL DEFAULT now(),
    recorded_by     text        NOT NULL DEFAULT session_user
);
COMMENT ON TABLE stage_migration_plan_digests IS 'The contents of a plan when it was closed, as hashes. Append-only; the signed report repeats plan_sha256.';
COMMENT ON COLUMN stage_migration_plan_digests.plan_id IS 'The plan.';
COMMENT ON COLUMN stage_migration_plan_digests.receipts IS 'How many receipts it had.';
COMMENT ON COLUMN stage_migration_plan_digests.receipts_sha256 IS 'SHA-256 over its receipts.';
COMMENT ON COLUMN stage_migration_plan_digests.baseline_sha256 IS 'SHA-256 over its targets and its baseline.';
COMMENT ON COLUMN stage_migration_plan_digests.mapping_sha256 IS 'SHA-256 over the spellings that it changed or restored, each with its new spelling.';
COMMENT ON COLUMN stage_migration_plan_digests.members_sha256 IS 'SHA-256 over the members of its batches.';
COMMENT ON COLUMN stage_migration_plan_digests.plan_sha256 IS 'SHA-256 over the four before it: the plan''s digest.';
COMMENT ON COLUMN stage_migration_plan_digests.recorded_at IS 'When the plan was closed.';
COMMENT ON COLUMN stage_migration_plan_digests.recorded_by IS 'The database role that closed it.';

INSERT INTO stage_migration_versions (file_name, last_log_id)
SELECT '20261126_stage_receipts.sql', (SELECT max(id) FROM stage_normalization_log)
ON CONFLICT DO NOTHING;

COMMIT;
