-- List stagenorm's own tables and views that exist, with the bytes of each table, its indexes and its long values.
-- `columns`: what an export reads, in order. `numbered`: the identity column; NULL if there is none. Guarantees: reads the catalog only.
SELECT c.relname::text AS name, c.relkind = 'v' AS is_view, pg_total_relation_size(c.oid) AS bytes,
       (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
        WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS columns,
       (SELECT attname::text FROM pg_attribute WHERE attrelid = c.oid AND attidentity <> '') AS numbered
FROM unnest(%(names)s::text[]) WITH ORDINALITY AS ours (name, place)
JOIN pg_class c ON c.relname = ours.name
WHERE c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'stage_migration_plans'::regclass)
  AND c.relkind IN ('r', 'v')
ORDER BY ours.place;
