-- Which batches a rollback undoes as a whole, so that afterwards exactly those can say `rolled_back`.
--
-- Promise: valid for psql as it is, safe to run twice, touches nothing of the application.

BEGIN;

-- Two runs of this file at once would race on the names, which IF NOT EXISTS does not prevent.
DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtext('stagenorm migrations')); END $$;

-- No foreign key to the batches: clearing them stays possible while a rollback is open.
CREATE TABLE IF NOT EXISTS stage_migration_rollback_batches (
    plan_id      bigint  NOT NULL REFERENCES stage_migration_plans ON DELETE CASCADE,
    batch_id     bigint  NOT NULL,
    rows_updated integer NOT NULL,
    PRIMARY KEY (plan_id, batch_id)
);
COMMENT ON TABLE stage_migration_rollback_batches IS 'The batches that a rollback takes back as a whole: every change that they made lies in its scope.';
COMMENT ON COLUMN stage_migration_rollback_batches.plan_id IS 'The rollback, a plan of kind rollback.';
COMMENT ON COLUMN stage_migration_rollback_batches.batch_id IS 'A batch of an earlier plan.';
COMMENT ON COLUMN stage_migration_rollback_batches.rows_updated IS 'How many rows it had changed when the rollback was recorded; one that has changed more since is not undone.';

COMMIT;
