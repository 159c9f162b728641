-- Read the JSON report of one verification, byte for byte, and the hash that was recorded with it.
SELECT created_at, report, report_sha256
FROM stage_verifications
WHERE verification_id = %(verification_id)s;
