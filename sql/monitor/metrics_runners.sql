-- Runners at work, how many of them are throttled, and since when the first of these is.
SELECT count(*) FILTER (WHERE held_since IS NULL)     AS working,
       count(*) FILTER (WHERE held_since IS NOT NULL) AS held,
       min(held_since)                                AS held_since
FROM stage_migration_current_runners
WHERE is_alive IS DISTINCT FROM false;
