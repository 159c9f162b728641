-- The materialized views that read the target's stage column, directly or through other views. Those that others read
-- come first, so refreshing them in this order is enough. Reads the catalog only.
WITH RECURSIVE target AS (
    SELECT attrelid, attnum
    FROM pg_attribute
    WHERE attrelid = format('%%I.%%I', %(schema_name)s::text, %(table_name)s::text)::regclass AND attname = %(column_name)s
), reads AS (
    SELECT r.ev_class AS reader, d.refobjid AS relation, d.refobjsubid AS column_number
    FROM pg_depend d
    JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class
), readers AS (
    SELECT reader, 1 AS depth
    FROM reads JOIN target ON relation = attrelid AND column_number IN (attnum, 0)
    UNION
    SELECT r.reader, depth + 1 FROM reads r JOIN readers ON r.relation = readers.reader
)
SELECT c.oid::regclass::text AS relation
FROM readers
JOIN pg_class c ON c.oid = readers.reader
WHERE c.relkind = 'm'
GROUP BY c.oid
ORDER BY max(depth), 1;
