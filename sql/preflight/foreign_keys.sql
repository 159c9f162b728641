-- Foreign keys of the stage column. The table that one refers to lists the stages that the application allows.
-- Reads the catalog only. `is_readable`: whether this role may read that list.
SELECT c.conname::text                                                        AS constraint_name,
       cardinality(c.conkey) = 1                                              AS is_about_stage_alone,
       n.nspname::text                                                        AS list_schema,
       r.relname::text                                                        AS list_table,
       k.attname::text                                                        AS list_column,
       format('%%I.%%I', n.nspname, r.relname)                                AS list_name,
       quote_ident(k.attname)                                                 AS quoted_column,
       format_type(k.atttypid, NULL)                                          AS list_type,
       has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(r.oid, k.attnum, 'SELECT') AS is_readable,
       format('GRANT SELECT (%%I) ON %%I.%%I TO %%I;', k.attname, n.nspname, r.relname, current_user) AS fix
FROM pg_constraint c
JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attname = %(column_name)s
JOIN pg_class r ON r.oid = c.confrelid
JOIN pg_namespace n ON n.oid = r.relnamespace
JOIN pg_attribute k ON k.attrelid = r.oid AND k.attnum = c.confkey[array_position(c.conkey, a.attnum)]
WHERE c.conrelid = format('%%I.%%I', %(schema_name)s::text, %(table_name)s::text)::regclass
  AND c.contype = 'f'
  AND a.attnum = ANY (c.conkey)
  AND coalesce((to_jsonb(c) ->> 'conenforced')::boolean, true)
ORDER BY c.conname;
