-- Find plans whose batches hold another number of rows than were planned: batches were deleted (rows_lost > 0) or added.
-- By target and fund, as in the plan's baseline. A rollback has no baseline and is compared as a whole. `is_settled`: a
-- later plan (`plans` is in the order of opening) covers the target and fund and planned or undid the lost rows. The
-- runbook itself deletes failed and pending batches before a rerun.
WITH planned AS (
    SELECT b.plan_id, t.schema_name, t.table_name, t.column_name, b.fund_id, b.rows_counted AS rows_planned
    FROM stage_migration_baseline b
    JOIN stage_migration_plan_targets t USING (plan_id, target_no)
    WHERE b.plan_id = ANY (%(plans)s::bigint[]) AND b.kind = 'messy'
    UNION ALL
    SELECT b.plan_id, b.schema_name, b.table_name, b.column_name, b.fund_id, -b.rows_planned
    FROM stage_migration_batches b
    JOIN stage_migration_plans p USING (plan_id)
    WHERE b.plan_id = ANY (%(plans)s::bigint[]) AND p.kind = 'normalize'
), lost AS (
    SELECT plan_id, concat_ws('.', schema_name, table_name, column_name) AS target, true AS has_fund, fund_id,
           sum(rows_planned)::bigint AS rows_lost
    FROM planned
    WHERE %(all_funds)s OR fund_id IS NOT DISTINCT FROM %(fund_id)s::text
    GROUP BY plan_id, schema_name, table_name, column_name, fund_id
    HAVING sum(rows_planned) <> 0
    UNION ALL
    SELECT p.plan_id, NULL, false, NULL, p.rows_to_change - coalesce(sum(b.rows_planned), 0)
    FROM stage_migration_plans p
    LEFT JOIN stage_migration_batches b USING (plan_id)
    WHERE p.plan_id = ANY (%(plans)s::bigint[]) AND p.kind = 'rollback'
    GROUP BY p.plan_id
    HAVING p.rows_to_change <> coalesce(sum(b.rows_planned), 0)
)
SELECT l.*,
       EXISTS (SELECT 1 FROM stage_migration_plans later, stage_migration_plans own
               WHERE own.plan_id = l.plan_id
                 AND later.plan_id = ANY (%(plans)s::bigint[])
                 AND array_position(%(plans)s::bigint[], later.plan_id) > array_position(%(plans)s::bigint[], l.plan_id)
                 AND later.scope #>> '{{rollback,batch_id}}' IS NULL AND later.scope #>> '{{rollback,since}}' IS NULL
                 AND coalesce(later.scope #>> '{{rollback,plan_id}}'
                              = coalesce(own.scope #>> '{{rollback,plan_id}}', l.plan_id::text), true)
                 AND CASE WHEN l.has_fund
                          THEN later.scope -> 'targets' ? l.target
                               AND ((later.scope ->> 'all_funds')::boolean
                                    OR later.scope ->> 'fund_id' IS NOT DISTINCT FROM l.fund_id)
                          ELSE later.scope -> 'targets' @> (own.scope -> 'targets')
                               AND ((later.scope ->> 'all_funds')::boolean
                                    OR later.scope ->> 'fund_id' IS NOT DISTINCT FROM own.scope ->> 'fund_id'
                                       AND NOT (own.scope ->> 'all_funds')::boolean)
                     END) AS is_settled
FROM lost l
WHERE l.target IS NULL OR l.target = ANY (%(targets)s::text[])
ORDER BY l.plan_id, l.target, l.fund_id;
