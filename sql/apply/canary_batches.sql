-- Choose whole batches for a canary, among the waiting batches `batch_ids`: the tables in turns, each with the first batch of
-- every fund, small ones first, then the second of each, until together they have `rows` rows.
-- Guarantees: at least one batch of every table that has any, because a canary says nothing of a table that it left out;
-- reads only.
WITH in_turn AS (
    SELECT batch_id, plan_id, schema_name, table_name, column_name, fund_id, rows_planned, batch_number,
           row_number() OVER (PARTITION BY schema_name, table_name, column_name, fund_id ORDER BY plan_id, batch_number) AS turn
    FROM stage_migration_batches
    WHERE batch_id = ANY (%(batch_ids)s::bigint[])
), of_table AS (
    SELECT *, row_number() OVER (PARTITION BY schema_name, table_name, column_name
                                 ORDER BY turn, rows_planned, plan_id, batch_number) AS place
    FROM in_turn
), added_up AS (
    SELECT *, sum(rows_planned) OVER (ORDER BY place, rows_planned, plan_id, batch_number) - rows_planned AS rows_before
    FROM of_table
)
SELECT coalesce(array_agg(batch_id ORDER BY batch_id), '{{}}') AS batch_ids,
       coalesce(array_agg(DISTINCT plan_id), '{{}}') AS plan_ids,
       coalesce(sum(rows_planned), 0)::bigint AS rows,
       count(DISTINCT coalesce('fund-' || fund_id, 'no-fund')) AS funds,
       clock_timestamp() AS started_at,
       coalesce((SELECT max(id) FROM stage_normalization_log), 0) AS after_log_id
FROM added_up
WHERE rows_before < %(rows)s OR place = 1;
