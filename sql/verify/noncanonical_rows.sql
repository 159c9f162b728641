-- Read examples of rows whose stage is neither NULL nor canonical, byte for byte, without rows that a rollback restored.
SELECT {key}::text AS row_id, {fund} AS fund_id, left({stage}, 1000) AS stage_now
FROM {table} AS t
WHERE {stage} IS NOT NULL AND {stage} <> ALL (%(canonical)s::text[]) AND {fund_condition}
  AND NOT EXISTS (SELECT 1 FROM stage_normalization_log l
                  WHERE %(after_rollback)s AND l.action = 'rollback' AND l.id > %(after_id)s
                    AND l.plan_id IS NOT NULL
                    AND (l.schema_name, l.table_name, l.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
                    AND l.row_id = ({key}::text COLLATE "C") AND l.stage_after = {stage})
LIMIT %(shown)s;
