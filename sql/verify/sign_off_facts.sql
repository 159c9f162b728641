-- Lock a verification until it is signed, and read what prevents signing it: later audit log entries of its targets and
-- funds, and a later verification of the same scope, equally strict or less, that failed.
SELECT v.verification_id, v.created_at, v.verdict, v.checks_warned, v.scope, v.report_sha256, v.signed_off_at,
       v.signed_off_by, v.accepted_warnings, v.report::json ->> 'vocabulary_version' AS vocabulary_version, since.changes, since.plans,
       (SELECT max(later.verification_id) FROM stage_verifications later
        WHERE later.verification_id > v.verification_id AND later.scope = v.scope AND later.verdict = 'failed'
          AND (v.strict OR NOT later.strict)) AS failed_since
FROM stage_verifications v
CROSS JOIN LATERAL (SELECT count(*) AS changes, array_agg(DISTINCT l.plan_id) AS plans
                    FROM stage_normalization_log l
                    WHERE l.run_at > v.created_at
                      AND v.scope -> 'targets' ? concat_ws('.', l.schema_name, l.table_name, l.column_name)
                      AND ((v.scope ->> 'all_funds')::boolean
                           OR l.fund_id IS NOT DISTINCT FROM v.scope ->> 'fund_id')) AS since
WHERE v.verification_id = %(verification_id)s
FOR UPDATE OF v;
