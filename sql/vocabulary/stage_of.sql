-- Create the function that returns the canonical stage that a spelling means; NULL if it means none.
-- Looks up what `stagenorm run` looks up: NFKD, lower case, white space collapsed and trimmed, then an alias; then the
-- same after folding dashes and look-alike letters; then a decision, byte for byte. Reads no table.
-- Independent of the database's locale: every character that an alias can contain is listed.
-- The length is checked first: NFKD of a long run of combining marks takes quadratic time.
CREATE OR REPLACE FUNCTION stagenorm_stage_of(spelling text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $stagenorm$
    SELECT coalesce(
        {aliases}::jsonb ->> alias.text,
        {aliases}::jsonb ->> translate(alias.text, {look_alikes}, {ascii}),
        nullif({decisions}::jsonb ->> spelling, {kept})
    )
    FROM (SELECT btrim(regexp_replace(translate(spelling, {white_space}, {spaces}), ' +', ' ', 'g'), ' ') AS text) AS short,
    LATERAL (SELECT CASE WHEN length(short.text) <= {longest} THEN
                 btrim(regexp_replace(translate(translate(
                     normalize(short.text, NFKD), {upper}, {lower}), {white_space}, {spaces}), ' +', ' ', 'g'), ' ')
             END AS text) AS alias
$stagenorm$;
