-- Deferrable constraints and constraint triggers that an update of the stage can fire.
-- Reads the catalog only.
SELECT quote_ident(c.conname) AS constraint_name,
       CASE c.contype WHEN 't' THEN 'constraint trigger' WHEN 'f' THEN 'foreign key'
                      WHEN 'x' THEN 'exclusion constraint' ELSE 'unique constraint' END AS kind
FROM pg_constraint c
JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attname = %(column_name)s
WHERE c.conrelid = format('%%I.%%I', %(schema_name)s::text, %(table_name)s::text)::regclass
  AND c.condeferrable
  AND (a.attnum = ANY (c.conkey)
       OR c.contype = 't' AND EXISTS (SELECT 1 FROM pg_trigger t
                                      WHERE t.tgconstraint = c.oid AND t.tgtype::integer & 16 <> 0 AND t.tgenabled IN ('O', 'A')))
ORDER BY c.conname;
