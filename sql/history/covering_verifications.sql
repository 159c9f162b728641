-- Fragment: the verifications that cover the changes `c` of one target: made after them, for the target, and for all
-- funds or theirs. Those from before `last_log_id` was recorded are compared by time.
SELECT v.verification_id, v.created_at, v.verdict, v.signed_off_by, v.signed_off_at
FROM stage_verifications v
WHERE CASE WHEN v.last_log_id IS NULL THEN v.created_at > c.last_at ELSE v.last_log_id >= c.last_id END
  AND v.scope -> 'targets' ? c.target
  AND ((v.scope ->> 'all_funds')::boolean OR c.is_one_fund AND v.scope ->> 'fund_id' IS NOT DISTINCT FROM c.fund_id)
