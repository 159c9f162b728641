-- How many entries the log has of the targets, after `since`: made before there were receipts (`legacy`), and later.
SELECT count(*) FILTER (WHERE id <= %(legacy)s) AS legacy, count(*) FILTER (WHERE id > %(legacy)s) AS receipted
FROM stage_normalization_log
WHERE id > %(since)s AND plan_id IS NOT NULL AND action IN ('normalize', 'rollback')
  AND concat_ws('.', schema_name, table_name, column_name) = ANY (%(targets)s::text[])
  AND (%(all_funds)s OR fund_id IS NOT DISTINCT FROM %(fund_id)s::text);
