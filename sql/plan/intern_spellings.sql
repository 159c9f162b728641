-- Return the number of each spelling, and give one to those that have none yet.
-- Guarantees: each spelling is kept once. The planning lock is held, so no other session inserts the same one.
WITH asked AS (
    SELECT * FROM unnest(%(digests)s::bytea[], %(spellings)s::text[]) AS a (spelling_sha256, spelling)
), added AS (
    INSERT INTO stage_migration_spellings (spelling_sha256, spelling)
    SELECT a.spelling_sha256, a.spelling
    FROM asked a
    WHERE NOT EXISTS (SELECT 1 FROM stage_migration_spellings s WHERE s.spelling_sha256 = a.spelling_sha256)
    RETURNING spelling_id, spelling_sha256
)
SELECT spelling_id, spelling_sha256 FROM added
UNION ALL
SELECT s.spelling_id, s.spelling_sha256
FROM stage_migration_spellings s
JOIN asked a ON a.spelling_sha256 = s.spelling_sha256;
