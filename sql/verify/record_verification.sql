-- Record a verification with its verdict, its JSON report and the report's hash. `created_at` is the time of the snapshot,
-- because later changes were not verified.
INSERT INTO stage_verifications
    (created_at, created_by, plan_id, scope, strict, verdict, checks_passed, checks_failed, checks_warned, report,
     report_sha256, last_log_id)
VALUES (%(created_at)s, %(created_by)s, %(plan_id)s, %(scope)s::jsonb, %(strict)s, %(verdict)s, %(checks_passed)s,
        %(checks_failed)s, %(checks_warned)s, %(report)s, %(report_sha256)s, %(last_log_id)s)
RETURNING verification_id;
