-- Rows that do not hold what the audit log says they became, by what they hold now; for each kind the exact number
-- and the first ones. Promise: one pass over log and target; only mismatches are looked at twice.
-- `gone`: deleted. `null`: no stage any more. `set_back`: what stood there before us. `changed`: something else.
WITH mismatched AS (
    SELECT l.id, l.row_id, l.fund_id, l.batch_id, l.stage_before, l.stage_after, {stage} AS stage_now,
           CASE WHEN {key} IS NULL THEN 'gone'
                WHEN {stage} IS NULL THEN 'null'
                WHEN {stage} = l.stage_before THEN 'set_back'
                ELSE 'changed' END AS state
    FROM stage_normalization_log l
    LEFT JOIN {table} AS t ON {key} = l.row_id::{key_type}
    WHERE l.plan_id >= %(first_plan)s
      AND (l.schema_name, l.table_name, l.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
      AND (%(all_funds)s OR l.fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
      AND ({key} IS NULL OR {stage} IS DISTINCT FROM l.stage_after)
), latest AS (
    SELECT m.*, row_number() OVER (PARTITION BY m.state ORDER BY m.id) AS place, count(*) OVER (PARTITION BY m.state) AS total
    FROM mismatched m
    WHERE NOT EXISTS (SELECT 1 FROM stage_normalization_log later
                      WHERE later.row_id = m.row_id AND later.id > m.id AND later.plan_id >= %(first_plan)s
                        AND (later.schema_name, later.table_name, later.column_name)
                            = (%(schema_name)s, %(table_name)s, %(column_name)s))
)
SELECT state, total, row_id, fund_id, batch_id, stage_before, stage_after, left(stage_now, 1000) AS stage_now
FROM latest
WHERE place <= %(shown)s
ORDER BY state, id;
