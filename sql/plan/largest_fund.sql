-- Find the fund with the most key bytes in rows that are not canonical (unknown spellings included).
-- Guarantees: one scan of the target; writes nothing. Used only after a plan was too large to read.
SELECT {fund_group}::text AS fund_id, count(*) AS rows_counted, sum(octet_length({key}::text)) AS key_bytes
FROM {table} AS t
WHERE {fund_condition} AND {stage} <> ALL (%(canonical)s::text[])
GROUP BY {fund_group}
ORDER BY key_bytes DESC
LIMIT 1;
