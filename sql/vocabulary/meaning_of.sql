-- Create the function that says what a spelling is: canonical, known, kept or unknown.
-- Refuse or correct `known` and `unknown` spellings where they enter. Needs stagenorm_stage_of. Reads no table.
CREATE OR REPLACE FUNCTION stagenorm_meaning_of(spelling text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $stagenorm$
    SELECT CASE
        WHEN {stages}::jsonb ? spelling THEN 'canonical'
        WHEN stagenorm_stage_of(spelling) IS NOT NULL THEN 'known'
        WHEN {decisions}::jsonb ->> spelling = {kept} THEN 'kept'
        ELSE 'unknown'
    END
$stagenorm$;
