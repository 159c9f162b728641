-- Sign a verification. Later verifications compare with the signed state.
UPDATE stage_verifications
SET signed_off_at = now(), signed_off_by = %(signed_off_by)s, accepted_warnings = %(accepted_warnings)s
WHERE verification_id = %(verification_id)s AND signed_off_at IS NULL
RETURNING signed_off_at;
