-- Fragment: the spellings that plan `p` changes, and what each becomes; for a rollback those that it finds and restores.
SELECT spelling_id, stage_after
FROM stage_migration_plan_spellings
WHERE plan_id = p.plan_id
UNION
SELECT DISTINCT n.spelling_id, NULL
FROM stage_migration_batches
JOIN stage_migration_batch_members USING (batch_id)
CROSS JOIN LATERAL (SELECT unnest(spelling_ids) UNION SELECT unnest(restore_ids)) AS n (spelling_id)
WHERE plan_id = p.plan_id AND restore_ids IS NOT NULL
