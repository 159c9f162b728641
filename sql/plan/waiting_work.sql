-- Read which batches are waiting in open plans of the scope, and how many rows. Of a failed batch only its refused rows count.
SELECT coalesce(array_agg(b.batch_id), '{{}}') AS batch_ids,
       coalesce(sum(coalesce(b.rows_failed, b.rows_planned)), 0)::bigint AS rows_waiting
FROM stage_migration_batches b
JOIN stage_migration_plans p USING (plan_id)
WHERE p.status = 'open'
  AND b.status IN ('pending', 'running', 'failed')
  AND (%(plan_id)s::bigint IS NULL OR b.plan_id = %(plan_id)s::bigint)
  AND (%(kind)s::text IS NULL OR p.kind = %(kind)s::text)
  AND {fund_condition}
  AND (%(batch_ids)s::bigint[] IS NULL OR b.batch_id = ANY (%(batch_ids)s::bigint[]))
  AND (%(targets)s::text[] IS NULL OR concat_ws('.', b.schema_name, b.table_name, b.column_name) = ANY (%(targets)s::text[]));
