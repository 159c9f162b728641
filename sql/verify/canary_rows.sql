-- Compare the rows that a canary changed in one target with its log entries.
-- Keys are compared as text, so that a damaged row_id counts as a deleted row instead of failing the check.
SELECT count(*) FILTER (WHERE {key} IS NULL) AS gone,
       count(*) FILTER (WHERE {key} IS NOT NULL AND {stage} IS NULL) AS nulls,
       count(*) FILTER (WHERE {stage} <> ALL (%(canonical)s::text[])) AS not_canonical,
       count(*) FILTER (WHERE {key} IS NOT NULL AND {stage} IS DISTINCT FROM l.stage_after) AS differ
FROM stage_normalization_log l
LEFT JOIN {table} AS t ON ({key}::text COLLATE "C") = l.row_id
WHERE l.id > %(after_log_id)s AND l.batch_id = ANY (%(batch_ids)s::bigint[]) AND l.action = 'normalize'
  AND (l.schema_name, l.table_name, l.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s);
