-- Count the rows that no longer hold what this transaction wrote and logged: a trigger changed them again or deleted them.
-- Guarantees: reads only. Used only if the target has AFTER triggers, after deferred ones have run.
SELECT count(*) AS changed_again
FROM stage_normalization_log l
LEFT JOIN {table} AS t ON {key} = l.row_id::{key_type}
WHERE l.id BETWEEN %(first_log_id)s AND %(last_log_id)s AND l.batch_id = ANY (%(batch_ids)s::bigint[])
  AND {stage} IS DISTINCT FROM l.stage_after;
