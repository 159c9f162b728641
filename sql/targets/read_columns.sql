-- The columns of one table in their order, with their types. Reads the catalog only.
SELECT a.attname                             AS name,
       format_type(a.atttypid, a.atttypmod)  AS type,
       NOT a.attnotnull                      AS is_nullable
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema_name)s AND c.relname = %(table_name)s AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum;
