-- Read audit log entries by their ids.
SELECT id, fund_id, batch_id, action, stage_before, stage_after
FROM stage_normalization_log
WHERE id = ANY (%(ids)s::bigint[]);
