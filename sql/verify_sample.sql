-- A uniform random sample of the changes, the same for the same seed, with what each row holds now.
SELECT l.id AS audit_id, l.row_id, l.fund_id, l.stage_before, l.stage_after, l.run_at,
       {key} IS NOT NULL AS row_exists, left({stage}, 1000) AS stage_now
FROM (SELECT *
      FROM stage_normalization_log l
      WHERE l.plan_id >= %(first_plan)s AND l.action = 'normalize'
        AND (l.schema_name, l.table_name, l.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
        AND (%(all_funds)s OR l.fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
      ORDER BY hashint8extended(l.id, %(seed)s), l.id
      LIMIT %(size)s) AS l
LEFT JOIN {table} AS t ON {key} = l.row_id::{key_type}
ORDER BY hashint8extended(l.id, %(seed)s), l.id;
