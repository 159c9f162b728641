-- Examples of rows whose stage is neither NULL nor canonical, byte for byte.
SELECT {key}::text AS row_id, {fund} AS fund_id, left({stage}, 1000) AS stage_now
FROM {table} AS t
WHERE {stage} IS NOT NULL AND {stage} <> ALL (%(canonical)s::text[]) AND {fund_condition}
LIMIT %(shown)s;
