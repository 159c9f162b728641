-- The fund whose keys a plan would have most of, by bytes: all its rows that are not canonical, unknown spellings too.
-- Promise: one scan of the target; writes nothing. Asked only when a plan could not be read.
SELECT {fund_group}::text AS fund_id, count(*) AS rows_counted, sum(octet_length({key}::text)) AS key_bytes
FROM {table} AS t
WHERE {fund_condition} AND {stage} <> ALL (%(canonical)s::text[])
GROUP BY {fund_group}
ORDER BY key_bytes DESC
LIMIT 1;
