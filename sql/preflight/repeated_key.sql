-- One key that occurs more than once in a target and its inheritance children, if there is any.
-- One scan of the target. Run only for targets with inheritance children.
SELECT {key}::text AS row_id FROM {table} AS t GROUP BY {key} HAVING count(*) > 1 LIMIT 1;
