-- The state of a row compared with its audit log entry `l`.
-- `gone`: deleted. `null`: NULL now. `set_back`: holds the spelling from before the change. `changed`: holds another one.
-- `moved`: holds the stage of the entry in another fund. `holds`: stage and fund are as in the entry.
-- A fragment: an expression of the statements that compare log and rows.
CASE WHEN {key} IS NULL THEN 'gone'
     WHEN {stage} IS NULL THEN 'null'
     WHEN {stage} = l.stage_after AND ({fund} COLLATE "C") IS NOT DISTINCT FROM l.fund_id THEN 'holds'
     WHEN {stage} = l.stage_after THEN 'moved'
     WHEN {stage} = l.stage_before THEN 'set_back'
     ELSE 'changed' END
