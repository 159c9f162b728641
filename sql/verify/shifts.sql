-- Count by fund and canonical stage (NULL: any other) where the rows of `changed` went.
-- `out`: by the fund and stage of the entry, with the rows that left the fund and the rows that are NULL in it.
-- `in`: by the fund and stage that the rows have now.
-- Entries older than the baseline of the fund do not count, because the baseline includes what became of those rows:
-- `since` for all funds, `since_times` for the funds in `since_funds`.
-- A fragment: the statements that compare log and rows add it to their own result, if `with_shifts`.
SELECT w.way AS part, NULL AS state, NULL::boolean AS is_left, count(*) AS total, NULL::bigint AS id, NULL AS row_id,
       CASE WHEN w.stage = ANY (%(canonical)s::text[]) THEN w.stage END AS stage_now, w.fund_id AS fund_now,
       count(*) FILTER (WHERE w.has_left) AS has_left, count(*) FILTER (WHERE c.state = 'null' AND NOT w.has_left) AS is_null
FROM changed c
LEFT JOIN unnest(%(since_funds)s::text[], %(since_times)s::timestamptz[]) AS own (fund_id, since)
          ON own.fund_id IS NOT DISTINCT FROM c.fund_id
CROSS JOIN LATERAL (VALUES ('out', c.fund_id, c.stage_after, c.state = 'gone' OR c.fund_now COLLATE "C" IS DISTINCT FROM c.fund_id),
                           ('in', c.fund_now, c.stage_now, NULL)) AS w (way, fund_id, stage, has_left)
WHERE %(with_shifts)s AND (w.way = 'out' OR c.state <> 'gone')
  AND coalesce(c.run_at > coalesce(own.since, %(since)s::timestamptz), true)
GROUP BY 1, 7, 8
