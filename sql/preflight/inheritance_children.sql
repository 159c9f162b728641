-- The inheritance children of a target at any depth, without partitions.
-- Reads the catalog only.
WITH RECURSIVE children AS (
    SELECT i.inhrelid AS relation
    FROM pg_inherits i
    WHERE i.inhparent = format('%%I.%%I', %(schema_name)s::text, %(table_name)s::text)::regclass
    UNION
    SELECT i.inhrelid FROM pg_inherits i JOIN children c ON i.inhparent = c.relation
)
SELECT c.oid::regclass::text AS relation, c.relkind = 'f' AS is_foreign
FROM children
JOIN pg_class c ON c.oid = children.relation
WHERE NOT c.relispartition
ORDER BY 1;
