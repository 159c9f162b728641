-- The audit log of the stage normalization: one row for each change of a stage, appended in the change's own transaction.
--
-- Promise: valid for psql as it is, safe to run twice, touches nothing of the application.
-- No foreign key leads from here to batches or plans: clearing the tracking tables never loses history.

BEGIN;

DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtext('stagenorm migrations')); END $$;

CREATE TABLE IF NOT EXISTS stage_normalization_log (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schema_name  text        NOT NULL,
    table_name   text        NOT NULL,
    column_name  text        NOT NULL,
    row_id       text        NOT NULL,
    fund_id      text,
    stage_before text,
    stage_after  text,
    action       text        NOT NULL CHECK (action IN ('normalize', 'validate', 'force_through', 'rollback')),
    run_at       timestamptz NOT NULL DEFAULT now(),
    plan_id      bigint,
    batch_id     bigint,
    run_by       text        NOT NULL DEFAULT current_user,
    CHECK (action <> 'normalize'
           OR (stage_after IS NOT NULL AND stage_after IN ('pre-seed', 'seed', 'series-a', 'series-b', 'series-c', 'series-c+')
               AND stage_before IS DISTINCT FROM stage_after))
);
-- Secondary B-trees cost more than the update itself (70% of the audit's CPU when measured), and every query that
-- selects from the log selects what was appended together: block ranges serve those at next to no cost.
-- Wanted by: `WHERE run_at > ...` of the runbook and rollback by time.
CREATE INDEX IF NOT EXISTS stage_normalization_log_run_at ON stage_normalization_log
    USING brin (run_at) WITH (pages_per_range = 32, autosummarize = on);
-- Wanted by: audit rows of a plan or a batch (verification's rule 5, rollback): (sql/verify_audit_counts.sql).
CREATE INDEX IF NOT EXISTS stage_normalization_log_batch ON stage_normalization_log
    USING brin (plan_id, batch_id) WITH (pages_per_range = 32, autosummarize = on);

COMMENT ON TABLE stage_normalization_log IS 'Append-only history of every stage that stagenorm changed. A row''s history is ordered by id.';
COMMENT ON COLUMN stage_normalization_log.id IS 'Order of the changes.';
COMMENT ON COLUMN stage_normalization_log.schema_name IS 'Schema of the target table.';
COMMENT ON COLUMN stage_normalization_log.table_name IS 'Name of the target table.';
COMMENT ON COLUMN stage_normalization_log.column_name IS 'The stage column.';
COMMENT ON COLUMN stage_normalization_log.row_id IS 'Primary key of the changed row, as text.';
COMMENT ON COLUMN stage_normalization_log.fund_id IS 'The row''s fund as planned; NULL without one.';
COMMENT ON COLUMN stage_normalization_log.stage_before IS 'The spelling that was stored, to the byte.';
COMMENT ON COLUMN stage_normalization_log.stage_after IS 'What stands there since.';
COMMENT ON COLUMN stage_normalization_log.action IS 'normalize: a plan changed it. rollback: a plan''s change was undone. validate, force_through: kept for entries of other tools.';
COMMENT ON COLUMN stage_normalization_log.run_at IS 'Start of the transaction that changed it.';
COMMENT ON COLUMN stage_normalization_log.plan_id IS 'The plan.';
COMMENT ON COLUMN stage_normalization_log.batch_id IS 'The batch.';
COMMENT ON COLUMN stage_normalization_log.run_by IS 'Who ran it: user@host of the command line, or the Dagster run.';

COMMIT;
