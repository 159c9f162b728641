-- Fragment: the contents of each of the plans `plan_ids`, as hashes; one row per number, also for a deleted plan.
-- Guarantees: the same on every server. Text is encoded as the text of an array, which quotes and escapes, and
-- distinguishes NULL from the empty string; times as microseconds; order by numbers or bytes. Statuses and results are left
-- out, because they change. Members are hashed by batch, with the numbers of the spellings; the mapping says which spelling
-- each number is.
SELECT h.*, sha256(receipts_sha256 || baseline_sha256 || mapping_sha256 || members_sha256) AS plan_sha256
FROM (
    SELECT p.plan_id, r.receipts, r.receipts_sha256,
           sha256(convert_to(concat(o.plan_row, t.targets, b.baseline), 'UTF8')) AS baseline_sha256,
           m.mapping_sha256, a.members_sha256
    FROM unnest(%(plan_ids)s::bigint[]) AS p (plan_id)
    CROSS JOIN LATERAL (
        SELECT count(*)::integer AS receipts,
               sha256(convert_to(coalesce(string_agg(
                   ARRAY[plan_id::text, batch_id::text, attempt::text, action, schema_name, table_name, column_name, fund_id,
                         rows_planned::text, rows_updated::text, rows_skipped::text, rows_failed::text,
                         first_log_id::text, last_log_id::text, encode(log_sha256, 'hex'),
                         (extract(epoch FROM recorded_at) * 1000000)::bigint::text, recorded_by]::text,
                   '' ORDER BY receipt_id), ''), 'UTF8')) AS receipts_sha256
        FROM stage_migration_receipts
        WHERE plan_id = p.plan_id
    ) AS r
    CROSS JOIN LATERAL (
        SELECT string_agg(
                   ARRAY[plan_id::text, (extract(epoch FROM created_at) * 1000000)::bigint::text, created_by, kind,
                         vocabulary_version, code_version, batch_size::text, scope::text,
                         (extract(epoch FROM opened_at) * 1000000)::bigint::text, total_batches::text, rows_seen::text,
                         rows_canonical::text, rows_null::text, rows_unknown::text, rows_left_as_is::text,
                         rows_to_change::text]::text, '') AS plan_row
        FROM stage_migration_plans
        WHERE plan_id = p.plan_id
    ) AS o
    CROSS JOIN LATERAL (
        SELECT string_agg(
                   ARRAY[target_no::text, schema_name, table_name, column_name, key_column, fund_column]::text,
                   '' ORDER BY target_no) AS targets
        FROM stage_migration_plan_targets
        WHERE plan_id = p.plan_id
    ) AS t
    CROSS JOIN LATERAL (
        -- One hash per fund first: a plan may have millions of baseline rows, and a text holds at most 1 GB.
        SELECT string_agg(ARRAY[target_no::text, fund_id, fund_sha256]::text, ''
                          ORDER BY target_no, fund_id COLLATE "C" NULLS FIRST) AS baseline
        FROM (SELECT target_no, fund_id,
                     encode(sha256(convert_to(string_agg(
                         ARRAY[encode(s.spelling_sha256, 'hex'), kind, rows_counted::text]::text,
                         '' ORDER BY s.spelling_sha256 NULLS FIRST, kind COLLATE "C", rows_counted), 'UTF8')), 'hex') AS fund_sha256
              FROM stage_migration_baseline
              LEFT JOIN stage_migration_spellings s USING (spelling_id)
              WHERE plan_id = p.plan_id
              GROUP BY target_no, fund_id) AS funds
    ) AS b
    CROSS JOIN LATERAL (
        SELECT sha256(convert_to(coalesce(string_agg(
                   ARRAY[u.spelling_id::text, encode(s.spelling_sha256, 'hex'), u.stage_after]::text,
                   '' ORDER BY u.spelling_id), ''), 'UTF8')) AS mapping_sha256
        FROM ({plan_spellings}) AS u
        LEFT JOIN stage_migration_spellings s USING (spelling_id)
    ) AS m
    CROSS JOIN LATERAL (
        SELECT sha256(convert_to(coalesce(string_agg(
                   ARRAY[batch_number::text, batch_id::text, schema_name, table_name, column_name, fund_id,
                         range_start, range_end, rows_planned::text,
                         encode(sha256(convert_to(concat_ws('/', coalesce(row_numbers::text, row_keys::text), spelling_ids::text,
                                                            restore_ids::text), 'UTF8')), 'hex')]::text,
                   '' ORDER BY batch_number), ''), 'UTF8')) AS members_sha256
        FROM stage_migration_batches
        LEFT JOIN stage_migration_batch_members USING (batch_id)
        WHERE plan_id = p.plan_id
    ) AS a
) AS h
