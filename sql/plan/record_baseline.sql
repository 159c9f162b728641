-- Record how many rows of a target held which spelling in which fund when the plan was made.
INSERT INTO stage_migration_baseline (plan_id, target_no, fund_id, spelling_id, kind, rows_counted)
SELECT %(plan_id)s, %(target_no)s, f.fund_id, f.spelling_id, f.kind, f.rows_counted
FROM unnest(%(fund_ids)s::text[], %(spelling_ids)s::integer[], %(kinds)s::text[], %(rows)s::bigint[])
     AS f (fund_id, spelling_id, kind, rows_counted);
