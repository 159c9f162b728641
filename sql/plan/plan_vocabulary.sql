-- Read a plan, the vocabulary that it was made with (NULL if it was not kept), and how many rows it has changed so far.
SELECT p.kind, p.vocabulary_version, v.content,
       (SELECT coalesce(sum(b.rows_updated), 0) FROM stage_migration_batches b WHERE b.plan_id = p.plan_id) AS rows_updated
FROM stage_migration_plans p
LEFT JOIN stage_migration_vocabularies v USING (vocabulary_version)
WHERE p.plan_id = %(plan_id)s;
