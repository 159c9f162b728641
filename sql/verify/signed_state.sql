-- The newest signed verification that covers all of the asked targets and funds: the state that later ones compare with.
-- Signing one fund settles nothing of the others. A rollback that reaches back before a signed verification cancels its
-- effect: what was restored is judged by the plans that were undone. `has_newer_plan`: a plan was opened after it.
-- `is_stored`: it was made when reports were stored already.
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
