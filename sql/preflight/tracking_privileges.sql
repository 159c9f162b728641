-- The privileges on our own tables that the current role lacks, one row per table, with the statement that grants them.
-- Reads the catalog only. `prefix` is the quoted schema of our tables with a dot, or empty to use the search path.
-- Keep this list equal to the grants of sql/roles.sql. There is no DELETE: the log can only be read and appended to, and
-- only the database sets the number and time of its rows.
WITH needed AS (
    SELECT t.table_name, p.privilege, NULL::text[] AS columns
    FROM (VALUES ('stage_migration_plans',          ARRAY['SELECT', 'INSERT', 'UPDATE']),
                 ('stage_migration_plan_targets',   ARRAY['SELECT', 'INSERT']),
                 ('stage_migration_spellings',      ARRAY['SELECT', 'INSERT']),
                 ('stage_migration_plan_spellings', ARRAY['SELECT', 'INSERT']),
                 ('stage_migration_baseline',       ARRAY['SELECT', 'INSERT']),
                 ('stage_migration_batches',        ARRAY['SELECT', 'INSERT', 'UPDATE']),
                 ('stage_migration_batch_members',  ARRAY['SELECT', 'INSERT']),
                 ('stage_migration_quarantine',     ARRAY['SELECT', 'INSERT', 'UPDATE']),
                 ('stage_migration_rollback_batches', ARRAY['SELECT', 'INSERT']),
                 ('stage_migration_backups',        ARRAY['SELECT', 'INSERT']),
                 ('stage_migration_runners',        ARRAY['SELECT', 'INSERT', 'UPDATE']),
                 ('stage_migration_receipts',       ARRAY['SELECT', 'INSERT']),
                 ('stage_migration_plan_digests',   ARRAY['SELECT', 'INSERT']),
                 ('stage_migration_versions',       ARRAY['SELECT']),
                 ('stage_migration_approval_rules', ARRAY['SELECT']),
                 ('stage_migration_plan_authors',   ARRAY['SELECT']),
                 ('stage_migration_approvals',      ARRAY['SELECT']),
                 ('stage_migration_rehearsals',     ARRAY['SELECT']),
                 ('stage_verifications',            ARRAY['SELECT', 'INSERT']),
                 ('stage_migration_control',        ARRAY['SELECT', 'UPDATE']),
                 ('stage_normalization_log',        ARRAY['SELECT']),
                 ('stage_migration_progress',         ARRAY['SELECT']),
                 ('stage_migration_progress_by_fund', ARRAY['SELECT']),
                 ('stage_migration_current_runners',  ARRAY['SELECT']),
                 ('stage_migration_failures',         ARRAY['SELECT'])) AS t (table_name, privileges)
    CROSS JOIN unnest(t.privileges) AS p (privilege)
    UNION ALL
    SELECT 'stage_normalization_log', 'INSERT',
           ARRAY['schema_name', 'table_name', 'column_name', 'row_id', 'fund_id', 'stage_before', 'stage_after',
                 'action', 'plan_id', 'batch_id', 'run_by']
    UNION ALL
    SELECT 'stage_migration_plan_authors', 'INSERT', ARRAY['plan_id']
    UNION ALL
    SELECT 'stage_migration_rehearsals', 'INSERT',
           ARRAY['plan_id', 'content_sha256', 'clone_name', 'batches', 'rows_updated', 'rows_skipped', 'rows_refused',
                 'duration_ms', 'slowest_batch_ms', 'wal_bytes', 'effects']
), missing AS (
    SELECT c.oid::regclass::text AS table_name,
           string_agg(needed.privilege || coalesce(' (' || array_to_string(needed.columns, ', ') || ')', ''), ', '
                      ORDER BY needed.privilege) AS privileges
    FROM needed
    JOIN pg_class c ON c.oid = to_regclass(%(prefix)s || needed.table_name)
    WHERE CASE WHEN needed.columns IS NULL THEN NOT has_table_privilege(c.oid, needed.privilege)
               ELSE EXISTS (SELECT 1 FROM unnest(needed.columns) AS k (column_name)
                            WHERE NOT has_column_privilege(c.oid, k.column_name, needed.privilege)) END
    GROUP BY c.oid
)
SELECT table_name, privileges, quote_ident(current_user) AS role_name,
       format('GRANT %%s ON %%s TO %%I;', privileges, table_name, current_user) AS fix
FROM missing
ORDER BY table_name;
