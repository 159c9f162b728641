-- Count the rows that were changed from each of these spellings, by new stage, minus the rows that were restored; with the
-- plans that changed them.
-- Guarantees: one scan of the log, which has no index by spelling; reads only.
WITH changes AS (
    SELECT CASE l.action WHEN 'normalize' THEN l.stage_before ELSE l.stage_after END AS spelling,
           CASE l.action WHEN 'normalize' THEN l.stage_after ELSE l.stage_before END AS stage,
           CASE l.action WHEN 'normalize' THEN 1 ELSE -1 END                        AS one,
           CASE l.action WHEN 'normalize' THEN l.plan_id END                        AS plan_id
    FROM stage_normalization_log l
    WHERE l.action = 'normalize' AND l.stage_before = ANY (%(spellings)s::text[])
       OR l.action = 'rollback' AND l.stage_after = ANY (%(spellings)s::text[])
)
SELECT spelling, stage, sum(one) AS rows_changed, array_remove(array_agg(DISTINCT plan_id ORDER BY plan_id), NULL) AS plans
FROM changes
GROUP BY spelling, stage
HAVING sum(one) > 0
ORDER BY spelling, stage;
