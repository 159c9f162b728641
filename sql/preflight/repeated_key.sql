-- A key that more than one row of a target and its inheritance children have, if there is one.
-- Promise: one scan of the target; asked only where it has inheritance children.
SELECT {key}::text AS row_id FROM {table} AS t GROUP BY {key} HAVING count(*) > 1 LIMIT 1;
