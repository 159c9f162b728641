-- Note that a verification was made, with its verdict and the hash of its report. `created_at` is the snapshot's time:
-- what was changed since has not been verified.
INSERT INTO stage_verifications
    (created_at, created_by, plan_id, scope, strict, verdict, checks_passed, checks_failed, checks_warned, report_sha256)
VALUES (%(created_at)s, %(created_by)s, %(plan_id)s, %(scope)s::jsonb, %(strict)s, %(verdict)s, %(checks_passed)s,
        %(checks_failed)s, %(checks_warned)s, %(report_sha256)s)
RETURNING verification_id;
