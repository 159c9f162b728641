-- Which of the migration files have not made their newest object yet, and whether the version table can be read.
-- Promise: reads the catalog only, so that it also works in a database that has none of our tables.
SELECT coalesce(array_agg(f.file_name) FILTER (WHERE to_regclass(f.witness) IS NULL), '{{}}') AS missing,
       coalesce(has_table_privilege(to_regclass('stage_migration_versions'), 'SELECT'), false) AS may_read_versions
FROM unnest(%(files)s::text[], %(witnesses)s::text[]) AS f (file_name, witness);
