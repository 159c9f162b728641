-- Read the stage and the fund that a row holds now, and its version. No row: it does not exist (any more).
SELECT left({stage}, 1000) AS stage, {fund} AS fund_id, {version} AS version
FROM {table} AS t
WHERE {key} = %(row_id)s::{key_type};
