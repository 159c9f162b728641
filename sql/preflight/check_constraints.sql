-- CHECK constraints that apply to an update of the stage: all constraints on the stage, and those that were never
-- validated, which existing rows may violate.
-- Reads the catalog only. `expression` uses the table's column names without the table name.
SELECT c.conname::text                              AS constraint_name,
       quote_ident(c.conname)                       AS quoted_name,
       pg_get_expr(c.conbin, c.conrelid)            AS expression,
       coalesce(a.attnum = ANY (c.conkey), false)   AS is_about_stage,
       c.conkey = ARRAY[a.attnum]                   AS is_about_stage_alone,
       c.convalidated                               AS is_validated
FROM pg_constraint c
JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attname = %(column_name)s
WHERE c.conrelid = format('%%I.%%I', %(schema_name)s::text, %(table_name)s::text)::regclass
  AND c.contype = 'c'
  AND (a.attnum = ANY (c.conkey) OR NOT c.convalidated)
  -- Leaves out NOT ENFORCED constraints. They exist since PostgreSQL 18; older versions have no such column.
  AND coalesce((to_jsonb(c) ->> 'conenforced')::boolean, true)
ORDER BY c.conname;
