-- Count rows by spelling and fund, ordered by spelling, each with its lowest and highest key if the caller asks for them.
-- One scan of the target, however many funds and spellings there are. Writes nothing.
-- A spelling is cut to 1,000 characters for the client (no alias is longer); the hash covers all of it.
SELECT left(g.spelling, 1000)                                   AS spelling,
       char_length(g.spelling) > 1000                           AS is_cut,
       sha256(convert_to(g.spelling, 'UTF8'))                   AS spelling_sha256,
       g.fund_id::text                                          AS fund_id,
       g.rows_counted,
       g.first_key,
       g.last_key
FROM (SELECT {stage} AS spelling, {fund_group} AS fund_id, count(*) AS rows_counted, {first_key} AS first_key, {last_key} AS last_key
      FROM {table} AS t
      WHERE {fund_condition}
      GROUP BY 1, 2) AS g
ORDER BY g.spelling, g.fund_id;
