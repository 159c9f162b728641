-- Read what given rows of a target hold now.
SELECT {key}::text AS row_id, left({stage}, 1000) AS stage_now
FROM {table} AS t
WHERE {key} = ANY (%(row_ids)s::{key_type}[]);
