-- For each target, when its newest backup was made; NULL if there is none.
SELECT asked.target, max(b.created_at) AS newest, now() AS now
FROM unnest(%(targets)s::text[]) AS asked (target)
LEFT JOIN stage_migration_backups b ON asked.target = ANY (b.targets)
GROUP BY asked.target
ORDER BY asked.target;
