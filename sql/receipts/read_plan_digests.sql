-- Read the recorded digests of closed plans, and which of their parts differ from what the tables hold now.
-- `altered_spellings`: spellings of the mapping whose text no longer has its recorded hash. All of them are kept whole: a
-- spelling that was cut is too long for the vocabulary, so it was never changed.
-- Guarantees: reads only. A plan without a recorded digest has no row.
SELECT p.plan_id, p.receipts, p.plan_sha256, p.recorded_at, p.recorded_by, d.receipts AS receipts_now,
       d.receipts_sha256 <> p.receipts_sha256 AS receipts_differ,
       d.baseline_sha256 <> p.baseline_sha256 AS baseline_differs,
       d.mapping_sha256 <> p.mapping_sha256 AS mapping_differs,
       d.members_sha256 <> p.members_sha256 AS members_differ,
       sha256(p.receipts_sha256 || p.baseline_sha256 || p.mapping_sha256 || p.members_sha256) <> p.plan_sha256 AS digest_differs,
       (SELECT count(*)
        FROM ({plan_spellings}) AS u
        JOIN stage_migration_spellings s USING (spelling_id)
        WHERE s.spelling_sha256 <> sha256(convert_to(s.spelling, 'UTF8'))) AS altered_spellings
FROM stage_migration_plan_digests p
JOIN ({plan_digest}) AS d USING (plan_id)
ORDER BY p.plan_id;
