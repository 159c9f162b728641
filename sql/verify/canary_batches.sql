-- Compare the batches of a canary with the audit log: batches that are not completed, refused rows, and batches whose
-- number of log entries is not their number of updated rows.
-- `not_done` counts batches that are missing, too.
SELECT cardinality(%(batch_ids)s::bigint[]) - count(*) FILTER (WHERE b.status = 'completed') AS not_done,
       coalesce(sum(b.rows_failed), 0)::bigint AS refused,
       count(*) FILTER (WHERE b.rows_updated + b.rows_skipped + b.rows_failed <> b.rows_planned) AS wrong_sums,
       count(*) FILTER (WHERE b.rows_updated IS DISTINCT FROM coalesce(l.entries, 0)) AS wrong_counts,
       coalesce(array_agg(DISTINCT concat_ws('.', b.schema_name, b.table_name, b.column_name)), '{{}}') AS targets
FROM stage_migration_batches b
LEFT JOIN (SELECT batch_id, count(*)::integer AS entries
           FROM stage_normalization_log
           WHERE id > %(after_log_id)s AND batch_id = ANY (%(batch_ids)s::bigint[])
           GROUP BY batch_id) AS l USING (batch_id)
WHERE b.batch_id = ANY (%(batch_ids)s::bigint[]);
