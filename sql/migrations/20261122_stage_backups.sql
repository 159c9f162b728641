-- The backups that were made: so that `stagenorm run` can remind of one, and a file can be matched to its making.
--
-- Promise: valid for psql as it is, safe to run twice, touches nothing of the application.

BEGIN;

-- Two runs of this file at once would race on the names, which IF NOT EXISTS does not prevent.
DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtext('stagenorm migrations')); END $$;

CREATE TABLE IF NOT EXISTS stage_migration_backups (
    backup_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at timestamptz NOT NULL,
    created_by text        NOT NULL,
    targets    text[]      NOT NULL,
    rows_saved bigint      NOT NULL,
    file_name  text        NOT NULL,
    file_bytes bigint      NOT NULL,
    sha256     text        NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$')
);
COMMENT ON TABLE stage_migration_backups IS 'One row for each backup of the stage columns that was made with `stagenorm backup`. The file itself is wherever it was put.';
COMMENT ON COLUMN stage_migration_backups.backup_id IS 'Number of the backup.';
COMMENT ON COLUMN stage_migration_backups.created_at IS 'Start of the snapshot that it holds.';
COMMENT ON COLUMN stage_migration_backups.created_by IS 'Who made it.';
COMMENT ON COLUMN stage_migration_backups.targets IS 'The columns in it, as schema.table.column.';
COMMENT ON COLUMN stage_migration_backups.rows_saved IS 'Rows in it, over all targets.';
COMMENT ON COLUMN stage_migration_backups.file_name IS 'Name of the file when it was made, without its directory.';
COMMENT ON COLUMN stage_migration_backups.file_bytes IS 'Size of the file in bytes.';
COMMENT ON COLUMN stage_migration_backups.sha256 IS 'The checksum of its content, which stands in its last line.';

COMMENT ON COLUMN stage_migration_plans.scope IS 'What the plan covers: {"targets": ["schema.table.column", ...], "all_funds": true} or, for one fund, {"targets": [...], "all_funds": false, "fund_id": "12"} (fund_id null: the rows without a fund). A rollback adds {"rollback": {"plan_id": ..., "batch_id": ..., "since": ...}}, the restore of a backup {"backup": {"file": ..., "sha256": ...}}.';

COMMIT;
