-- The failed ones of the newest 20 verifications, with the names of the failed rules if the report was recorded.
-- json and not jsonb, which refuses some escapes that a report may have.
SELECT v.verification_id, v.plan_id,
       array(SELECT jsonb_array_elements_text(coalesce(v.scope -> 'targets', '[]')))            AS targets,
       (v.scope ->> 'all_funds')::boolean                                                       AS all_funds,
       v.scope ->> 'fund_id'                                                                    AS fund_id,
       array(SELECT c ->> 'rule' FROM json_array_elements(v.report::json -> 'checks') AS c
             WHERE c ->> 'outcome' = 'failed')                                                  AS rules
FROM stage_verifications v
WHERE v.verdict = 'failed' AND v.verification_id > (SELECT coalesce(max(verification_id), 0) - 20 FROM stage_verifications)
ORDER BY v.verification_id;
