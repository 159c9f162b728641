-- The same as audited_rows.sql for a log of which something was rolled back, so that many of its entries are not the
-- latest about their rows. `is_left`: a finished rollback undid the latest entry's batch as a whole, and left this row; no
-- plan in force was opened since for the batch's target and fund. The rollback's own list says which batches it undid: a
-- status edited by hand makes no row one that was left.
-- Two more kinds are rows that hold what their latest entry says (those that by decision stay as they are do not count):
-- `restored`: what a rollback gave back; `left`: what a rollback left, although it undid its batch.
-- Promise: the log is passed twice and the target once, each hashed by row.
WITH undone_batches AS MATERIALIZED (
    SELECT DISTINCT u.batch_id
    FROM stage_migration_rollback_batches u
    JOIN stage_migration_plans r USING (plan_id)
    LEFT JOIN stage_migration_batches b ON b.batch_id = u.batch_id
    WHERE r.kind = 'rollback' AND r.status = 'completed'
      AND (b.batch_id IS NULL OR b.rows_updated = u.rows_updated)
      AND NOT EXISTS (SELECT 1 FROM stage_migration_batches own WHERE own.plan_id = r.plan_id AND own.status = 'cancelled')
      AND NOT EXISTS (SELECT 1 FROM stage_migration_plans later
                      WHERE later.plan_id = ANY (%(in_force)s::bigint[]) AND later.opened_at > r.opened_at
                        AND later.scope -> 'targets' ? concat_ws('.', b.schema_name, b.table_name, b.column_name)
                        AND ((later.scope ->> 'all_funds')::boolean
                             OR later.scope ->> 'fund_id' IS NOT DISTINCT FROM b.fund_id))
), latest AS MATERIALIZED (
    -- Before the join with the target, which else would be made with all that is outdated too.
    SELECT l.id, l.row_id, l.fund_id, l.stage_before, l.stage_after, l.action,
           l.action = 'normalize' AND l.batch_id IN (SELECT batch_id FROM undone_batches) AS is_left
    FROM stage_normalization_log l
    WHERE l.id > %(after_id)s AND l.plan_id IS NOT NULL AND l.action IN ('normalize', 'rollback')
      AND (l.schema_name, l.table_name, l.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
      AND (%(all_funds)s OR l.fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
      AND NOT EXISTS (SELECT 1 FROM stage_normalization_log later
                      WHERE later.row_id = l.row_id AND later.id > l.id
                        AND later.plan_id IS NOT NULL AND later.action IN ('normalize', 'rollback')
                        AND (later.schema_name, later.table_name, later.column_name)
                            = (%(schema_name)s, %(table_name)s, %(column_name)s))
), held_against AS (
    SELECT l.id, l.row_id, l.is_left, left({stage}, 1000) AS stage_now, {fund} AS fund_now, {state} AS state,
           CASE WHEN {stage} = l.stage_after AND {stage} <> ALL (%(left_as_is)s::text[])
                THEN CASE WHEN l.action = 'rollback' THEN 'restored' WHEN l.is_left THEN 'left' END END AS undone
    FROM latest l
    LEFT JOIN {table} AS t ON ({key}::text COLLATE "C") = l.row_id
), told AS MATERIALIZED (
    SELECT * FROM held_against WHERE CASE WHEN undone IS NULL AND state = 'holds' THEN 'holds' ELSE 'differs' END = 'differs'
), lines AS NOT MATERIALIZED (
    SELECT state, is_left, id, row_id, stage_now, fund_now FROM told WHERE state <> 'holds'
    UNION ALL
    SELECT undone, is_left, id, row_id, stage_now, fund_now FROM told WHERE undone IS NOT NULL
), kinds AS MATERIALIZED (
    SELECT state, is_left, count(*) AS total FROM lines GROUP BY state, is_left
)
-- The first ones of each kind by a pass for each: a window over all of them would sort millions to show fifty.
SELECT kinds.state, kinds.is_left, kinds.total, firsts.id, firsts.row_id, firsts.stage_now, firsts.fund_now
FROM kinds
CROSS JOIN LATERAL (SELECT *
                    FROM lines l
                    WHERE (l.state, l.is_left) = (kinds.state, kinds.is_left)
                    ORDER BY l.id
                    LIMIT %(shown)s) AS firsts
ORDER BY kinds.state, kinds.is_left, firsts.id;
