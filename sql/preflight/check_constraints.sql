-- CHECK constraints that an update of the stage will be judged by: every one on the stage, and those never validated,
-- which rows that are there already may violate.
-- Promise: reads the catalog only. `expression` names the table's columns without the table.
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
  -- NOT ENFORCED exists from PostgreSQL 18 on; before, the row has no such field and every constraint is enforced.
  AND coalesce((to_jsonb(c) ->> 'conenforced')::boolean, true)
ORDER BY c.conname;
