-- List the recorded verifications, newest first, without their reports.
SELECT verification_id, created_at, created_by, scope, strict, verdict, checks_passed, checks_failed, checks_warned,
       report_sha256, report IS NOT NULL AS has_report, last_log_id, signed_off_by, signed_off_at,
       accepted_warnings
FROM stage_verifications
ORDER BY verification_id DESC;
