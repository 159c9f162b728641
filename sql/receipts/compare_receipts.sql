-- Receipts whose log entries are not what they say, the first ones of `total`.
-- `entries` of a receipt are those between its first and last id that name its batch, plan, action, target, fund and
-- moment: all of them are written in one transaction. `part`: `receipt` for one that differs, `total` for what was read.
-- Promise: each receipt looks its entries up by their ids, so the log is read once, in its order, and never sorted whole.
WITH compared AS MATERIALIZED (
    SELECT r.receipt_id, r.plan_id, r.batch_id, r.attempt, r.action, r.schema_name, r.table_name, r.column_name, r.fund_id,
           r.rows_updated, l.entries, l.entries_since, l.found_sha256 = r.log_sha256 AS is_same
    FROM stage_migration_receipts r
    CROSS JOIN LATERAL (
        SELECT count(*) AS entries, count(*) FILTER (WHERE id > %(since)s) AS entries_since, {log_sha256} AS found_sha256
        FROM stage_normalization_log l
        WHERE l.id BETWEEN r.first_log_id AND r.last_log_id
          AND l.batch_id = r.batch_id AND l.plan_id = r.plan_id AND l.run_at = r.recorded_at AND l.action = r.action
          AND (l.schema_name, l.table_name, l.column_name) = (r.schema_name, r.table_name, r.column_name)
          AND l.fund_id IS NOT DISTINCT FROM r.fund_id
    ) AS l
    WHERE r.last_log_id > %(since)s
      AND concat_ws('.', r.schema_name, r.table_name, r.column_name) = ANY (%(targets)s::text[])
      AND (%(all_funds)s OR r.fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
)
(SELECT 'receipt' AS part, plan_id, batch_id, attempt, action, concat_ws('.', schema_name, table_name, column_name) AS target,
        fund_id, rows_updated AS expected, entries AS found, count(*) OVER () AS total
 FROM compared
 WHERE NOT is_same OR entries <> rows_updated
 ORDER BY receipt_id
 LIMIT %(shown)s)
UNION ALL
(SELECT 'total', NULL, NULL, NULL, NULL, NULL, NULL, NULL, coalesce(sum(entries_since), 0)::bigint, count(*) FROM compared);
