-- List the migration files whose last object does not exist, and tell whether the role may read the version table.
-- It reads only the catalog, so it also works in a database without our tables.
SELECT coalesce(array_agg(f.file_name) FILTER (WHERE to_regclass(f.witness) IS NULL), '{{}}') AS missing,
       coalesce(has_table_privilege(to_regclass('stage_migration_versions'), 'SELECT'), false) AS may_read_versions
FROM unnest(%(files)s::text[], %(witnesses)s::text[]) AS f (file_name, witness);
