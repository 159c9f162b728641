-- Count the different rows of a target that the judged log entries name.
SELECT count(*)
FROM (SELECT l.row_id
      FROM stage_normalization_log l
      WHERE l.id > %(after_id)s AND l.plan_id IS NOT NULL AND l.action IN ('normalize', 'rollback')
        AND (l.schema_name, l.table_name, l.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
        AND (%(all_funds)s OR l.fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
      GROUP BY l.row_id) AS named;
