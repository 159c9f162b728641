-- Every row of a target that a rollback would leave as it is, by state.
WITH {candidates}
SELECT state, row_id, fund_id, restore, expected, stage_now, later_plan
FROM candidates
WHERE state <> 'restorable'
ORDER BY state, row_key;
