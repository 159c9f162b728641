-- Read NULL rows of given funds, newest keys first, because the baseline cannot tell which of them are new.
SELECT {key}::text AS row_id, {fund} AS fund_id
FROM {table} AS t
WHERE {stage} IS NULL AND ({fund} = ANY (%(funds)s::text[]) OR %(no_fund)s AND {fund} IS NULL)
  AND {key}::text <> ALL (%(listed)s::text[])
ORDER BY {key} DESC
LIMIT %(shown)s;
