-- The verification whose report has this hash, the newest one, and who signed it.
SELECT verification_id, signed_off_by
FROM stage_verifications
WHERE report_sha256 = %(report_sha256)s
ORDER BY verification_id DESC
LIMIT 1;
