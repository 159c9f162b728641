-- Count the rows of a target that hold a spelling now, and their funds. Compared byte for byte.
SELECT count(*) AS row_count, count(DISTINCT coalesce({fund}, '')) AS funds
FROM {table} AS t
WHERE {stage} = %(spelling)s::text;
