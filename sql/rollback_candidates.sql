-- The rows that a rollback is about, each with whether it can be restored.
-- Promise: reads only. A row goes back to where it stood before the scope: the stage_before of its first change in the
-- scope. `restorable`: it still holds what we wrote last, and that was in the scope. Otherwise it is left: `undone` (a
-- rollback had it), `later` (a plan outside the scope changed it since), `changed` or `null` (somebody else did), `gone`.
-- One pass over the log, which is enough for a row that it mentions once; the others' entries are looked up by id.
-- A fragment: the statements of a rollback put it in front of their own SELECT.
changes AS NOT MATERIALIZED (
    SELECT l.row_id, l.id, l.batch_id, l.fund_id, l.stage_before, l.stage_after,
           l.action = 'normalize' AND l.stage_before IS NOT NULL
           AND (%(rolled_plan)s::bigint IS NULL OR l.plan_id = %(rolled_plan)s::bigint)
           AND (%(rolled_batch)s::bigint IS NULL OR l.batch_id = %(rolled_batch)s::bigint)
           AND (%(since)s::timestamptz IS NULL OR l.run_at >= %(since)s::timestamptz)
           AND (%(all_funds)s OR l.fund_id IS NOT DISTINCT FROM %(fund_id)s::text) AS in_scope
    FROM stage_normalization_log l
    WHERE (l.schema_name, l.table_name, l.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
), rows_in_scope AS MATERIALIZED (
    -- `min` of a single value is that value.
    SELECT row_id, count(*) > 1 AS has_history,
           min(id) FILTER (WHERE in_scope) AS first_id, max(id) FILTER (WHERE in_scope) AS last_id, max(id) AS latest_id,
           min(fund_id COLLATE "C") AS fund_id, min(stage_before COLLATE "C") AS stage_before,
           min(stage_after COLLATE "C") AS stage_after
    FROM changes
    GROUP BY row_id
    HAVING bool_or(in_scope)
), histories AS (
    SELECT row_id, fund_id, stage_before AS restore, stage_after AS expected, false AS is_repeated,
           NULL::bigint AS later_plan, NULL::text AS later_action
    FROM rows_in_scope
    WHERE NOT has_history
    UNION ALL
    SELECT s.row_id, last.fund_id, first.stage_before, last.stage_after, s.first_id <> s.last_id, latest.plan_id, latest.action
    FROM rows_in_scope s
    JOIN stage_normalization_log first ON first.id = s.first_id
    JOIN stage_normalization_log last ON last.id = s.last_id
    LEFT JOIN stage_normalization_log latest ON latest.id = s.latest_id AND s.latest_id <> s.last_id
    WHERE s.has_history
), candidates AS MATERIALIZED (
    SELECT h.row_id, h.row_id::{key_type} AS row_key, h.fund_id, h.restore, h.expected,
           left({stage}, 1000) AS stage_now, h.is_repeated, h.later_plan,
           CASE WHEN h.later_action = 'rollback' THEN 'undone'
                WHEN h.later_action IS NOT NULL THEN 'later'
                WHEN {key} IS NULL THEN 'gone'
                WHEN {stage} IS NULL THEN 'null'
                WHEN {stage} = h.expected THEN 'restorable'
                ELSE 'changed' END AS state
    FROM histories h
    LEFT JOIN {table} AS t ON {key} = h.row_id::{key_type}
)
