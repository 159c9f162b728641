-- Remove the stored reports of verifications from before a time.
-- Guarantees: signed verifications are left whole. Verdict, counts and hash of the others stay.
UPDATE stage_verifications
SET report = NULL
WHERE signed_off_at IS NULL AND report IS NOT NULL AND created_at < now() - make_interval(days => %(days)s);
