-- The spelling and the shown column of rows that are named by their primary key, in the order of the keys.
-- Index look-ups, no scan. Writes nothing. A text is cut to 80 characters.
SELECT {stage} AS spelling, left({shown}::text, 80) AS example
FROM {table} AS t
WHERE {key} = ANY (%(keys)s::text[]::{key_type}[]) AND {shown} IS NOT NULL
ORDER BY {key};
