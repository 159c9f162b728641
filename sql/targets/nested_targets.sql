-- Pairs of targets that share rows: the same column of a table and its partition or inheritance child, at any depth.
-- Reads the catalog only.
WITH RECURSIVE named AS (
    SELECT format('%%I.%%I', n.schema_name, n.table_name)::regclass::oid AS relation, n.column_name, n.target
    FROM unnest(%(schemas)s::text[], %(tables)s::text[], %(columns)s::text[], %(targets)s::text[])
         AS n (schema_name, table_name, column_name, target)
), below AS (
    SELECT named.target AS parent, named.column_name, i.inhrelid AS relation
    FROM named
    JOIN pg_inherits i ON i.inhparent = named.relation
    UNION
    SELECT b.parent, b.column_name, i.inhrelid
    FROM below b
    JOIN pg_inherits i ON i.inhparent = b.relation
)
SELECT below.parent, named.target AS child
FROM below
JOIN named USING (relation, column_name)
ORDER BY 1, 2;
