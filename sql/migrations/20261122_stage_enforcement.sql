-- What `stagenorm enforce` did to the targets: the only DDL that stagenorm ever issues on them, and only by that name.
--
-- Promise: valid for psql as it is, safe to run twice, touches nothing of the application.

BEGIN;

-- Two runs of this file at once would race on the names, which IF NOT EXISTS does not prevent.
DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtext('stagenorm migrations')); END $$;

CREATE TABLE IF NOT EXISTS stage_migration_enforcements (
    enforcement_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schema_name        text        NOT NULL,
    table_name         text        NOT NULL,
    column_name        text        NOT NULL,
    constraint_name    text        NOT NULL,
    action             text        NOT NULL CHECK (action IN ('added', 'validated', 'removed')),
    statement          text        NOT NULL,
    vocabulary_version text        NOT NULL,
    done_by            text        NOT NULL,
    done_at            timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE stage_migration_enforcements IS 'Append-only: each time that a constraint on a stage column was added, validated or removed, in the same transaction.';
COMMENT ON COLUMN stage_migration_enforcements.enforcement_id IS 'Order of what was done.';
COMMENT ON COLUMN stage_migration_enforcements.schema_name IS 'Schema of the target table.';
COMMENT ON COLUMN stage_migration_enforcements.table_name IS 'Name of the target table.';
COMMENT ON COLUMN stage_migration_enforcements.column_name IS 'The stage column.';
COMMENT ON COLUMN stage_migration_enforcements.constraint_name IS 'The CHECK constraint.';
COMMENT ON COLUMN stage_migration_enforcements.action IS 'added: new rows are judged. validated: so are all that were there. removed: none any more.';
COMMENT ON COLUMN stage_migration_enforcements.statement IS 'The statement that did it.';
COMMENT ON COLUMN stage_migration_enforcements.vocabulary_version IS 'The vocabulary whose decisions said which spellings are left as they are, and so allowed.';
COMMENT ON COLUMN stage_migration_enforcements.done_by IS 'Who did it: user@host of the command line.';
COMMENT ON COLUMN stage_migration_enforcements.done_at IS 'When: start of its transaction.';

COMMIT;
