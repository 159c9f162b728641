-- The same as audited_rows.sql for a log with rollbacks, where many entries are not the latest of their rows.
-- `is_left`: a finished rollback undid the batch of the latest entry but left this row, and no plan in force was opened
-- since for that target and fund. The rollback's own list says which batches it undid, not a status edited by hand.
-- Two more states are rows that hold what their latest entry says (kept spellings do not count): `restored`: a rollback
-- restored the row; `left`: a rollback left the row although it undid its batch.
-- Reads log and target once. Sorts the log by row.
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
), latest AS (
    SELECT id, row_id, fund_id, stage_before, stage_after, action, run_at,
           action = 'normalize' AND coalesce(batch_id IN (SELECT batch_id FROM undone_batches), false) AS is_left
    FROM (SELECT l.*, lead(true) OVER (PARTITION BY l.row_id COLLATE "C" ORDER BY l.id) IS NULL AS is_latest
          FROM stage_normalization_log l
          WHERE (%(is_whole_log)s OR l.id > %(after_id)s)
            -- As a CASE, because the planner takes five equalities to be very rare, and IS NOT NULL to be common. It sorts
            -- in several processes only if it expects many rows.
            AND CASE WHEN l.plan_id IS NOT NULL AND l.action IN ('normalize', 'rollback')
                      AND (l.schema_name, l.table_name, l.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
                     THEN true END IS NOT NULL) AS l
    WHERE is_latest AND (%(all_funds)s OR fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
), with_state AS (
    SELECT l.id, l.row_id, l.is_left, l.fund_id, l.stage_after, l.run_at, left({stage}, 1000) AS stage_now, {fund} AS fund_now, {state} AS state,
           CASE WHEN {stage} = l.stage_after AND {stage} <> ALL (%(left_as_is)s::text[])
                THEN CASE WHEN l.action = 'rollback' THEN 'restored' WHEN l.is_left THEN 'left' END END AS undone
    FROM latest l
    LEFT JOIN {table} AS t ON ({key}::text COLLATE "C") = l.row_id
), mentioned AS MATERIALIZED (
    SELECT * FROM with_state WHERE CASE WHEN undone IS NULL AND state = 'holds' THEN 'holds' ELSE 'differs' END = 'differs'
), changed AS NOT MATERIALIZED (
    SELECT * FROM mentioned WHERE state <> 'holds'
), kinds AS MATERIALIZED (
    -- A row is in two states if a rollback restored or left it, and it is in another fund now.
    SELECT kind.state, is_left, sum(rows_counted)::bigint AS total
    FROM (SELECT state, undone, is_left, count(*) AS rows_counted FROM mentioned GROUP BY state, undone, is_left) AS counted
    CROSS JOIN LATERAL (VALUES (state), (undone)) AS kind (state)
    WHERE kind.state <> 'holds'
    GROUP BY kind.state, is_left
)
-- One pass for each state finds its first rows. A window over all rows would sort millions to show fifty.
SELECT 'row' AS part, kinds.state, kinds.is_left, kinds.total, firsts.id, firsts.row_id, firsts.stage_now, firsts.fund_now,
       NULL::bigint AS has_left, NULL::bigint AS is_null
FROM kinds
CROSS JOIN LATERAL (SELECT *
                    FROM mentioned m
                    WHERE kinds.state IN (m.state, m.undone) AND m.is_left = kinds.is_left
                    ORDER BY m.id
                    LIMIT %(shown)s) AS firsts
UNION ALL
({shifts})
ORDER BY state, is_left, id;
