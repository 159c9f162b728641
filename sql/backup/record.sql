-- Record a backup.
INSERT INTO stage_migration_backups (created_at, created_by, targets, rows_saved, file_name, file_bytes, sha256)
VALUES (%(created_at)s, %(created_by)s, %(targets)s, %(rows_saved)s, %(file_name)s, %(file_bytes)s, %(sha256)s)
RETURNING backup_id;
