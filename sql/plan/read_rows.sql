-- Read what a target holds, and the exact rows of it that are not canonical, in one scan.
-- First, for each spelling, numbered from 1 in their order, lines with up to {chunk} funds and the number of rows in each. Then,
-- by fund and key, {chunk} keys per line, each with the number of the spelling that it holds.
-- Guarantees: one scan of the target, however many funds and spellings there are; writes nothing. Rows of unknown spellings
-- are among the keys, because only the client knows the vocabulary.
-- A spelling is cut at 1,000 characters for the client (no alias is longer); the hash is of the whole spelling.
WITH spellings AS MATERIALIZED (
    SELECT {stage} AS spelling, {fund_group} AS fund_id, count(*) AS rows_counted,
           array_agg({key}) FILTER (WHERE {stage} <> ALL (%(canonical)s::text[])) AS row_keys
    FROM {table} AS t
    WHERE {fund_condition}
    GROUP BY 1, 2
), numbered AS MATERIALIZED (
    SELECT (dense_rank() OVER (ORDER BY spelling))::integer AS spelling_no,
           (row_number() OVER (PARTITION BY spelling ORDER BY fund_id) - 1) / {chunk} AS part, *
    FROM spellings
), by_fund AS (
    SELECT fund_id, array_agg(row_key::{member_type} ORDER BY row_key) AS row_keys,
           array_agg(spelling_no ORDER BY row_key) AS spelling_nos
    FROM numbered, unnest(row_keys) AS row_key
    GROUP BY fund_id
)
(SELECT spelling_no, left(spelling, 1000) AS spelling, char_length(spelling) > 1000 AS is_cut,
        sha256(convert_to(spelling, 'UTF8')) AS spelling_sha256, array_agg(fund_id::text ORDER BY fund_id) AS fund_ids,
        array_agg(rows_counted ORDER BY fund_id) AS rows_counted, NULL::{member_type}[] AS row_keys, NULL::integer[] AS spelling_nos
 FROM numbered
 GROUP BY spelling_no, spelling, part
 ORDER BY spelling_no, part)
UNION ALL
SELECT NULL, NULL, NULL, NULL, ARRAY[fund_id::text], NULL,
       row_keys[place : place + {chunk} - 1], spelling_nos[place : place + {chunk} - 1]
FROM by_fund CROSS JOIN LATERAL generate_series(1, cardinality(row_keys), {chunk}) AS place;
