-- The rows that a rollback is about, each with whether it can be restored.
-- Promise: reads only. A row goes back to where it stood before the scope: the stage_before of its first change in the
-- scope. `restorable`: it still holds what we wrote last, and that was in the scope. Otherwise it is left: `undone` (a
-- rollback had it), `later` (a plan outside the scope changed it since), `changed` or `null` (somebody else did), `gone`.
-- One pass over the log: joining its parts by row_id was quadratic while the log had no statistics yet.
-- A fragment: the statements of a rollback put it in front of their own SELECT.
changes AS MATERIALIZED (
    SELECT l.row_id, l.id, l.batch_id,
           l.action = 'normalize' AND l.stage_before IS NOT NULL
           AND (%(rolled_plan)s::bigint IS NULL OR l.plan_id = %(rolled_plan)s::bigint)
           AND (%(rolled_batch)s::bigint IS NULL OR l.batch_id = %(rolled_batch)s::bigint)
           AND (%(since)s::timestamptz IS NULL OR l.run_at >= %(since)s::timestamptz)
           AND (%(all_funds)s OR l.fund_id IS NOT DISTINCT FROM %(fund_id)s::text) AS in_scope
    FROM stage_normalization_log l
    WHERE (l.schema_name, l.table_name, l.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
), rows_in_scope AS MATERIALIZED (
    SELECT row_id, min(id) FILTER (WHERE in_scope) AS first_id, max(id) FILTER (WHERE in_scope) AS last_id, max(id) AS latest_id
    FROM changes
    GROUP BY row_id
    HAVING bool_or(in_scope)
), candidates AS MATERIALIZED (
    SELECT s.row_id, s.row_id::{key_type} AS row_key, last.fund_id, first.stage_before AS restore, last.stage_after AS expected,
           left({stage}, 1000) AS stage_now, s.first_id <> s.last_id AS is_repeated, latest.plan_id AS later_plan,
           CASE WHEN latest.action = 'rollback' THEN 'undone'
                WHEN latest.action IS NOT NULL THEN 'later'
                WHEN {key} IS NULL THEN 'gone'
                WHEN {stage} IS NULL THEN 'null'
                WHEN {stage} = last.stage_after THEN 'restorable'
                ELSE 'changed' END AS state
    FROM rows_in_scope s
    JOIN stage_normalization_log first ON first.id = s.first_id
    JOIN stage_normalization_log last ON last.id = s.last_id
    LEFT JOIN stage_normalization_log latest ON latest.id = s.latest_id AND s.latest_id <> s.last_id
    LEFT JOIN {table} AS t ON {key} = s.row_id::{key_type}
)
