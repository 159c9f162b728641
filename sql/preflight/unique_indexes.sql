-- Unique indexes and exclusion constraints that use the stage: as a column, in an expression, or in a predicate.
-- Reads the catalog only.
SELECT i.indexrelid::regclass::text         AS index_name,
       pg_get_indexdef(i.indexrelid)        AS definition
FROM pg_index i
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attname = %(column_name)s
WHERE i.indrelid = format('%%I.%%I', %(schema_name)s::text, %(table_name)s::text)::regclass
  AND (i.indisunique OR i.indisexclusion)
  AND (a.attnum = ANY (i.indkey::smallint[])
       OR EXISTS (SELECT 1 FROM pg_depend d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                    AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid AND d.refobjsubid = a.attnum))
ORDER BY 1;
