-- List which of the plans `plan_ids` were rehearsed, whatever they held then.
-- Guarantees: reads only, and no members.
SELECT DISTINCT plan_id FROM stage_migration_rehearsals WHERE plan_id = ANY (%(plan_ids)s::bigint[]);
