-- Rows of given funds that have no stage, the newest keys first: which of them are new, no baseline can tell.
SELECT {key}::text AS row_id, {fund} AS fund_id
FROM {table} AS t
WHERE {stage} IS NULL AND ({fund} = ANY (%(funds)s::text[]) OR %(no_fund)s AND {fund} IS NULL)
  AND {key}::text <> ALL (%(listed)s::text[])
ORDER BY {key} DESC
LIMIT %(shown)s;
