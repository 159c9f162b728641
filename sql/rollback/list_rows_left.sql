-- List the rows of a target that a rollback would leave, or restore only to what another session wrote, by state.
WITH {candidates}
SELECT state, row_id, fund_id, restore, expected, stage_now, later_plan, is_touched
FROM candidates
WHERE state <> 'restorable'
ORDER BY state, row_key;
