-- Schemas that have our own tables although this role does not find them by name.
-- Reads the catalog only.
SELECT n.nspname::text                               AS schema_name,
       has_schema_privilege(n.oid, 'USAGE')          AS may_use,
       quote_ident(current_user)                     AS role_name,
       quote_ident(n.nspname)                        AS quoted_schema
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = 'stage_migration_plans' AND c.relkind IN ('r', 'p') AND to_regclass('stage_migration_plans') IS NULL
ORDER BY 1;
