-- The newest verification of all funds and at least so many targets, and the newest one of a part if that is newer.
-- is_current: stagenorm has changed no row since. NULL if the verification did not record how much of the log it saw.
SELECT v.verification_id, v.signed_off_by, v.is_whole, v.verdict = 'failed' AS has_failed,
       CASE WHEN v.report IS NULL THEN NULL
            ELSE coalesce(v.last_log_id, 0) >= coalesce((SELECT max(id) FROM stage_normalization_log), 0) END AS is_current
FROM (SELECT *, (scope->>'all_funds')::boolean AND jsonb_array_length(scope->'targets') >= %(targets)s AS is_whole,
             row_number() OVER (PARTITION BY (scope->>'all_funds')::boolean
                                AND jsonb_array_length(scope->'targets') >= %(targets)s
                                ORDER BY verification_id DESC) AS place
      FROM stage_verifications) v
WHERE v.place = 1
ORDER BY v.verification_id;
