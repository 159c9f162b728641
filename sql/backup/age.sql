-- For each target: when the newest backup that holds it was made; NULL where there is none.
SELECT asked.target, max(b.created_at) AS newest, now() AS now
FROM unnest(%(targets)s::text[]) AS asked (target)
LEFT JOIN stage_migration_backups b ON asked.target = ANY (b.targets)
GROUP BY asked.target
ORDER BY asked.target;
