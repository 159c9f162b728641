-- Find the newest signed verification that covers all given targets and funds. Later verifications compare with it.
-- A signature for one fund does not cover other funds. A rollback of changes from before a signed verification cancels its
-- effect: the restored rows are judged by the undone plans. `has_newer_plan`: a plan was opened after it.
-- `is_stored`: it was made after reports were first stored.
SELECT v.verification_id, v.created_at, v.scope, v.verdict, v.report, v.report_sha256, v.last_log_id, v.signed_off_by,
       v.signed_off_at, v.accepted_warnings,
       EXISTS (SELECT 1 FROM stage_migration_versions m
               WHERE m.file_name = '20261126_stage_verification_reports.sql' AND m.applied_at < v.created_at) AS is_stored,
       EXISTS (SELECT 1 FROM stage_migration_plans p
               WHERE p.opened_at > v.created_at AND p.status IN ('open', 'completed', 'rolled_back')
                 AND ARRAY(SELECT jsonb_array_elements_text(p.scope -> 'targets')) && %(targets)s::text[]
                 AND (%(all_funds)s OR (p.scope ->> 'all_funds')::boolean
                      OR p.scope ->> 'fund_id' IS NOT DISTINCT FROM %(fund_id)s::text)) AS has_newer_plan
FROM stage_verifications v
WHERE v.signed_off_at IS NOT NULL AND v.verdict <> 'failed'
  AND ARRAY(SELECT jsonb_array_elements_text(v.scope -> 'targets')) @> %(targets)s::text[]
  AND ((v.scope ->> 'all_funds')::boolean
       OR NOT %(all_funds)s AND v.scope ->> 'fund_id' IS NOT DISTINCT FROM %(fund_id)s::text)
  AND NOT EXISTS (SELECT 1 FROM stage_migration_plans r
                  LEFT JOIN stage_migration_plans undone ON undone.plan_id = (r.scope #>> '{{rollback,plan_id}}')::bigint
                  WHERE r.kind = 'rollback' AND r.status IN ('open', 'completed') AND r.opened_at > v.created_at
                    AND coalesce(undone.opened_at <= v.created_at, true)
                    AND ARRAY(SELECT jsonb_array_elements_text(r.scope -> 'targets')) && %(targets)s::text[]
                    AND (%(all_funds)s OR (r.scope ->> 'all_funds')::boolean
                         OR r.scope ->> 'fund_id' IS NOT DISTINCT FROM %(fund_id)s::text))
ORDER BY v.created_at DESC, v.verification_id DESC
LIMIT 1;
