-- Receipts whose log entries are not what they say, the first ones of `total`.
-- `part`: `receipt` for one that differs, `total` for what was read.
-- {slices}: sql/receipts/entries_of_receipts.sql for each slice, so that several processes hash at once.
WITH slices AS MATERIALIZED (
    {slices}
), compared AS MATERIALIZED (
    SELECT r.receipt_id, r.plan_id, r.batch_id, r.attempt, r.action, r.schema_name, r.table_name, r.column_name, r.fund_id,
           r.rows_updated, l.entries, l.entries_since, l.found_sha256 = r.log_sha256 AS is_same
    FROM slices l
    JOIN stage_migration_receipts r USING (receipt_id)
)
(SELECT 'receipt' AS part, plan_id, batch_id, attempt, action, concat_ws('.', schema_name, table_name, column_name) AS target,
        fund_id, rows_updated AS expected, entries AS found, count(*) OVER () AS total
 FROM compared
 WHERE NOT is_same OR entries <> rows_updated
 ORDER BY receipt_id
 LIMIT %(shown)s)
UNION ALL
(SELECT 'total', NULL, NULL, NULL, NULL, NULL, NULL, NULL, coalesce(sum(entries_since), 0)::bigint, count(*) FROM compared);
