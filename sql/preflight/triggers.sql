-- The user's triggers that an update of the stage fires, on the table and on its partitions and children.
-- Reads the catalog only. Leaves out internal and disabled triggers, triggers for other columns (UPDATE OF), and the
-- copies of a partitioned table's trigger on its partitions.
WITH RECURSIVE family AS (
    SELECT format('%%I.%%I', %(schema_name)s::text, %(table_name)s::text)::regclass::oid AS relation
    UNION
    SELECT i.inhrelid FROM pg_inherits i JOIN family f ON i.inhparent = f.relation
)
SELECT quote_ident(t.tgname)                        AS trigger_name,
       t.tgrelid::regclass::text                    AS relation,
       t.tgfoid::regproc::text                      AS function_name,
       t.tgtype::integer & 2 <> 0                   AS is_before,
       t.tgtype::integer & 1 <> 0                   AS is_for_each_row,
       CASE WHEN p.prosecdef THEN pg_get_userbyid(p.proowner) ELSE current_user END::text AS runs_as
FROM family f
JOIN pg_trigger t ON t.tgrelid = f.relation
JOIN pg_proc p ON p.oid = t.tgfoid
JOIN pg_attribute a ON a.attrelid = t.tgrelid AND a.attname = %(column_name)s
WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND t.tgenabled IN ('O', 'A')
  AND t.tgtype::integer & 16 <> 0
  AND (cardinality(t.tgattr::smallint[]) = 0 OR a.attnum = ANY (t.tgattr::smallint[]))
ORDER BY is_before DESC, t.tgname;
