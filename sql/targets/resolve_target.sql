-- Look up one target in the catalog: at most one row, none if the relation does not exist.
-- Reads the catalog only. The fund column is found by its name.
SELECT n.nspname                                            AS schema_name,
       c.relname                                            AS table_name,
       c.relkind::text                                      AS relation_kind,
       stage.attname                                        AS stage_column,
       stage_base.typtype::text                             AS stage_type_type,
       format_type(stage.atttypid, NULL)                    AS stage_type,
       stage.attnotnull                                     AS stage_not_null,
       fund.attname                                         AS fund_column,
       format_type(fund.atttypid, NULL)                     AS fund_type,
       ARRAY(SELECT key.attname::text
             FROM pg_index i
             CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, place)
             JOIN pg_attribute key ON key.attrelid = c.oid AND key.attnum = k.attnum
             WHERE i.indrelid = c.oid AND i.indisprimary
             ORDER BY k.place)                              AS primary_key,
       key_column.attname                                   AS key_column,
       format_type(coalesce(nullif(key_type.typbasetype, 0), key_type.oid), NULL) AS key_type,
       -- Enabled AFTER UPDATE triggers of the table, its partitions and children. Triggers for other columns count too,
       -- because a BEFORE trigger may change those columns.
       EXISTS (WITH RECURSIVE family AS (
                   SELECT c.oid AS relation
                   UNION
                   SELECT i.inhrelid FROM pg_inherits i JOIN family f ON i.inhparent = f.relation)
               SELECT 1
               FROM pg_trigger t
               JOIN family f ON t.tgrelid = f.relation
               WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
                 AND t.tgtype::integer & 16 <> 0 AND t.tgtype::integer & 66 = 0) AS has_after_triggers
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute stage
       ON stage.attrelid = c.oid AND stage.attname = %(column)s AND stage.attnum > 0 AND NOT stage.attisdropped
LEFT JOIN pg_type stage_type ON stage_type.oid = stage.atttypid
LEFT JOIN pg_type stage_base ON stage_base.oid = coalesce(nullif(stage_type.typbasetype, 0), stage_type.oid)
LEFT JOIN pg_attribute fund
       ON fund.attrelid = c.oid AND fund.attname = %(fund_column)s AND fund.attnum > 0 AND NOT fund.attisdropped
LEFT JOIN pg_attribute key_column
       ON key_column.attrelid = c.oid AND key_column.attnum > 0 AND NOT key_column.attisdropped
      AND key_column.attname = coalesce(%(key)s, (
          SELECT key.attname FROM pg_index i JOIN pg_attribute key ON key.attrelid = c.oid AND key.attnum = i.indkey[0]
          WHERE i.indrelid = c.oid AND i.indisprimary))
LEFT JOIN pg_type key_type ON key_type.oid = key_column.atttypid
-- With an empty search path, a table without a schema is looked up in `public`.
WHERE c.oid = to_regclass(CASE WHEN %(schema)s::text IS NOT NULL
                               THEN format('%%I.%%I', %(schema)s::text, %(table)s::text)
                               WHEN cardinality(current_schemas(false)) = 0
                               THEN format('public.%%I', %(table)s::text)
                               ELSE quote_ident(%(table)s) END);
