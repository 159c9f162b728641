-- What became of a row since the entry `l` of the audit log about it.
-- `gone`: deleted. `null`: no stage any more. `set_back`: what stood there before us. `changed`: something else.
-- `moved`: the stage holds, the fund does not. `holds`: all is as the entry says.
-- A fragment: an expression of the statements that hold the log against the rows.
CASE WHEN {key} IS NULL THEN 'gone'
     WHEN {stage} IS NULL THEN 'null'
     WHEN {stage} = l.stage_after AND ({fund} COLLATE "C") IS NOT DISTINCT FROM l.fund_id THEN 'holds'
     WHEN {stage} = l.stage_after THEN 'moved'
     WHEN {stage} = l.stage_before THEN 'set_back'
     ELSE 'changed' END
