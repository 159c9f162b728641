-- The log entries of each receipt of one slice: their number, the number after `since`, and their hash.
-- Entries of a receipt are those between its first and last id that name its batch, plan, action, target, fund and moment:
-- all of them are written in one transaction. A receipt looks up its entries by id, so the log is read in its order. The
-- receipts come ordered, so that PostgreSQL sorts the entries of one receipt at a time, never the log as a whole.
-- A fragment: sql/receipts/compare_receipts.sql combines the slices.
SELECT r.receipt_id, count(l.id) AS entries, count(*) FILTER (WHERE l.id > %(since)s) AS entries_since, {log_sha256} AS found_sha256
FROM (SELECT *
      FROM stage_migration_receipts
      WHERE receipt_id %% {slices} = {slice} AND last_log_id > %(since)s
        AND concat_ws('.', schema_name, table_name, column_name) = ANY (%(targets)s::text[])
        AND (%(all_funds)s OR fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
      ORDER BY receipt_id) AS r
-- IS NOT DISTINCT FROM, because the planner may neither hash nor use another index for it: the block ranges of a log that
-- several sessions wrote name nearly all batches, so each receipt would read the whole log.
LEFT JOIN stage_normalization_log l
       ON l.id BETWEEN r.first_log_id AND r.last_log_id
      AND (l.batch_id, l.plan_id, l.run_at, l.action, l.schema_name, l.table_name, l.column_name, l.fund_id)
          IS NOT DISTINCT FROM
          (r.batch_id, r.plan_id, r.recorded_at, r.action, r.schema_name, r.table_name, r.column_name, r.fund_id)
GROUP BY r.receipt_id
