-- The applied plans that a verification is about, rollbacks and what they undid too: newer than the last signed-off
-- verification (of all that is asked for: signing off one fund settles nothing of the others), and about one of the
-- targets and the fund. A rollback of what was signed off takes the signature's effect away: what it restored is judged
-- by the plans that it undid. `first_plan`: NULL, or the plan to start from instead.
WITH signed_off AS (
    SELECT coalesce(max(plan_id), 0) AS plan_id
    FROM stage_verifications v
    WHERE signed_off_at IS NOT NULL AND verdict <> 'failed'
      AND ARRAY(SELECT jsonb_array_elements_text(scope -> 'targets')) @> %(targets)s::text[]
      AND ((scope ->> 'all_funds')::boolean
           OR NOT %(all_funds)s AND scope ->> 'fund_id' IS NOT DISTINCT FROM %(fund_id)s::text)
      AND NOT EXISTS (SELECT 1 FROM stage_migration_plans r
                      WHERE r.kind = 'rollback' AND r.status IN ('open', 'completed') AND r.opened_at > v.signed_off_at
                        AND coalesce((r.scope -> 'rollback' ->> 'plan_id')::bigint, 0) <= v.plan_id)
)
SELECT p.plan_id, p.kind, p.status, p.created_at, p.created_by, p.vocabulary_version, p.code_version, p.opened_at,
       p.completed_at, p.rows_to_change, (p.scope ->> 'all_funds')::boolean AS all_funds, p.scope ->> 'fund_id' AS fund_id,
       own.targets
FROM stage_migration_plans p
CROSS JOIN LATERAL (SELECT array_agg(concat_ws('.', t.schema_name, t.table_name, t.column_name)) AS targets
                    FROM stage_migration_plan_targets t
                    WHERE t.plan_id = p.plan_id) AS own
WHERE p.opened_at IS NOT NULL AND p.status IN ('open', 'completed', 'rolled_back')
  AND CASE WHEN %(first_plan)s::bigint IS NULL THEN p.plan_id > (SELECT plan_id FROM signed_off)
           ELSE p.plan_id >= %(first_plan)s::bigint END
  AND own.targets && %(targets)s::text[]
  AND (%(all_funds)s OR (p.scope ->> 'all_funds')::boolean OR p.scope ->> 'fund_id' IS NOT DISTINCT FROM %(fund_id)s::text)
ORDER BY p.plan_id;
