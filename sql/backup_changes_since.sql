-- How many changes of its targets the audit log holds since a backup was made.
SELECT count(*) AS changes
FROM stage_normalization_log l
WHERE l.action = 'normalize' AND l.run_at >= %(made_at)s
  AND concat_ws('.', l.schema_name, l.table_name, l.column_name) = ANY (%(targets)s::text[]);
