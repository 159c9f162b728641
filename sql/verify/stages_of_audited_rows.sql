-- Two of the stages that the rows named by the judged log entries hold now. One row: all of them hold that stage.
SELECT DISTINCT left({stage}, 1000) AS stage
FROM {table} AS t
WHERE {stage} IS NOT NULL
  AND ({key}::text COLLATE "C") IN (
      SELECT l.row_id
      FROM stage_normalization_log l
      WHERE l.id > %(after_id)s AND l.plan_id IS NOT NULL AND l.action IN ('normalize', 'rollback')
        AND (l.schema_name, l.table_name, l.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
        AND (%(all_funds)s OR l.fund_id IS NOT DISTINCT FROM %(fund_id)s::text))
LIMIT 2;
