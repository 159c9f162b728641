-- List the columns of a target other than the stage, and which of them this role may read.
-- Guarantees: reads the catalog only.
SELECT attname AS column_name, has_column_privilege(attrelid, attnum, 'SELECT') AS is_readable
FROM pg_attribute
WHERE attrelid = format('%%I.%%I', %(schema_name)s::text, %(table_name)s::text)::regclass
  AND attnum > 0 AND NOT attisdropped AND attname <> %(column_name)s
ORDER BY attnum;
