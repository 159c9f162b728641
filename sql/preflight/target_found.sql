-- What kind of relation a target's name refers to, whether it (or a table of which it is a partition) is partitioned by
-- the stage, and which other schemas have a table of that name.
-- Reads the catalog only. Returns exactly one row; `relation_kind` is NULL if this role finds no such relation.
SELECT c.relkind::text                                     AS relation_kind,
       (SELECT p.partrelid::regclass::text
        FROM pg_partition_ancestors(c.oid) AS r (relation)
        JOIN pg_partitioned_table p ON p.partrelid = r.relation
        JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attname = %(column)s
        WHERE a.attnum = ANY (p.partattrs::smallint[])
           -- A partition key that is an expression has no column number, but pg_depend lists the columns in it.
           OR p.partexprs IS NOT NULL AND EXISTS (
               SELECT 1 FROM pg_depend d
               WHERE d.classid = 'pg_class'::regclass AND d.objid = p.partrelid AND d.objsubid = a.attnum
                 AND d.refclassid = 'pg_class'::regclass AND d.refobjid = p.partrelid AND d.refobjsubid = 0)
        LIMIT 1)                                           AS split_by_stage,
       ARRAY(SELECT n.nspname::text
             FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace
             WHERE o.relname = %(table)s AND o.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\_%%'
             ORDER BY 1)                                   AS schemas
FROM (SELECT to_regclass(CASE WHEN %(schema)s::text IS NOT NULL
                              THEN format('%%I.%%I', %(schema)s::text, %(table)s::text)
                              WHEN cardinality(current_schemas(false)) = 0
                              THEN format('public.%%I', %(table)s::text)
                              ELSE quote_ident(%(table)s) END) AS relation) AS named
LEFT JOIN pg_class c ON c.oid = named.relation;
