-- The type of the stage column, and what may keep a stage out of it.
-- Reads the catalog only. For a domain it shows the base type. `collation_name` is NULL unless the column's collation can
-- make two different spellings equal.
SELECT format_type(a.atttypid, a.atttypmod)                                     AS type_name,
       format_type(base.oid, NULL)                                              AS base_type,
       base.typname::text                                                       AS base_type_name,
       t.typtype = 'd'                                                          AS is_domain,
       base.typtype = 'e'                                                       AS is_enum,
       t.typcategory IN ('S', 'E')                                              AS is_text_like,
       a.attgenerated <> ''                                                     AS is_generated,
       CASE WHEN NOT l.collisdeterministic THEN format('%%I', l.collname) END   AS collation_name,
       format('%%I.%%I', %(schema_name)s::text, %(table_name)s::text)           AS table_name,
       quote_ident(a.attname)                                                   AS column_name
FROM pg_attribute a
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_type base ON base.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
LEFT JOIN pg_collation l ON l.oid = a.attcollation
WHERE a.attrelid = format('%%I.%%I', %(schema_name)s::text, %(table_name)s::text)::regclass
  AND a.attname = %(column_name)s;
