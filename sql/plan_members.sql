-- The exact rows that a plan changes, cut into batches: one line for each batch.
-- Promise: one scan of the target, however many funds there are; rows of a batch in the order of their keys; writes nothing.
SELECT by_fund.fund_id,
       by_fund.row_keys[place : place + %(batch_size)s - 1]     AS row_keys,
       by_fund.spelling_ids[place : place + %(batch_size)s - 1] AS spelling_ids
FROM (SELECT {fund} AS fund_id,
             array_agg({key}::{member_type} ORDER BY {key})     AS row_keys,
             array_agg(m.spelling_id ORDER BY {key})            AS spelling_ids
      FROM {table} AS t
      JOIN unnest(%(spellings)s::text[], %(spelling_ids)s::integer[]) AS m (spelling, spelling_id)
        ON {stage} = m.spelling COLLATE "C"
      WHERE {fund_condition}
      GROUP BY 1) AS by_fund
CROSS JOIN LATERAL generate_series(1, cardinality(by_fund.row_keys), %(batch_size)s) AS place
ORDER BY by_fund.fund_id, place;
