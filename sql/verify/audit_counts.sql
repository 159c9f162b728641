-- Count the audit log in one pass and compare it with the batches. The column `part` tells the kinds of rows apart:
-- `target`: the number of entries of a target by action, with the first and last id;
-- `work`: the number of entries by plan, action and person, the first ones of `total`;
-- `batch`: batches that disagree with the log, the first ones of `total`, each with its `problem`:
--   `count`: the number of audit rows is not rows_updated;
--   `rows`: all rows were updated, but the audit rows name other rows than the members (by a hash of the row ids);
--   `no batch`: audit rows of a batch that does not exist, and neither receipts nor lost rows of the plan explain them;
-- `plan`: the plans that the entries name;
-- `stage`: stages that the entries must not say, by batch, the first ones of `total`, with the number of such entries of
--   all batches as `all_rows`. An entry says a stage that is canonical today, one that its plan writes, or, if it is a
--   rollback's, a spelling that a plan read;
-- `move`: how many rows the entries moved from (`taken_from`) and to (`given_to`) each canonical stage, by target and fund,
--   and since when. Only if a single plan wrote all entries: it changes each row at most once.
-- `after_id`: newer entries are judged. `is_whole_log`: there are no older entries. Then the log is read without a
-- condition: with one, the planner expects few rows and groups in a single process (six million entries: 1.9 s instead
-- of 1.1 s).
WITH entries AS MATERIALIZED (
    -- Stages are cut after they are grouped: cutting each entry's took a tenth of this pass.
    SELECT l.schema_name, l.table_name, l.column_name, l.plan_id, l.batch_id, l.action, l.run_by, count(*) AS entries,
           min(l.id) AS first_id, max(l.id) AS last_id, min(l.run_at) AS first_at, max(l.run_at) AS last_at,
           bit_xor(hashtextextended(l.row_id, 0)) AS rows_mark, l.fund_id,
           CASE WHEN l.stage_before = ANY (%(canonical)s::text[]) THEN l.stage_before END AS taken_from,
           left(l.stage_after, 1000) AS stage_after
    FROM stage_normalization_log l
    WHERE (%(is_whole_log)s OR l.id > %(after_id)s)
      AND (%(all_funds)s OR l.fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
    GROUP BY l.schema_name, l.table_name, l.column_name, l.plan_id, l.batch_id, l.action, l.run_by, l.fund_id, taken_from,
             l.stage_after
), asked AS (
    SELECT e.*, t.target, coalesce(e.stage_after = ANY (%(canonical)s::text[]), false) AS is_canonical
    FROM entries e
    JOIN unnest(%(targets)s::text[]) AS t (target)
         ON t.target = concat_ws('.', e.schema_name, e.table_name, e.column_name)
    WHERE e.plan_id IS NOT NULL AND e.action IN ('normalize', 'rollback')
), audited AS (
    SELECT target, plan_id, batch_id, action, sum(entries)::bigint AS audit_rows, bit_xor(rows_mark) AS rows_mark
    FROM asked
    GROUP BY target, plan_id, batch_id, action
), receipts AS (
    -- `rows_before`: rows changed by attempts before the judged entries.
    SELECT concat_ws('.', schema_name, table_name, column_name) AS target, plan_id, batch_id, action,
           coalesce(sum(rows_updated) FILTER (WHERE last_log_id > %(after_id)s), 0) AS rows_receipted,
           coalesce(sum(rows_updated) FILTER (WHERE last_log_id <= %(after_id)s), 0) AS rows_before
    FROM stage_migration_receipts
    GROUP BY 1, 2, 3, 4
), batches AS (
    SELECT concat_ws('.', b.schema_name, b.table_name, b.column_name) AS target, b.plan_id, b.batch_id, p.kind AS action,
           b.fund_id, b.rows_planned, coalesce(b.rows_updated, 0) AS rows_updated
    FROM stage_migration_batches b
    JOIN stage_migration_plans p USING (plan_id)
    WHERE b.batch_id IN (SELECT batch_id FROM audited)
       OR b.plan_id = ANY (%(plans)s::bigint[])
          AND concat_ws('.', b.schema_name, b.table_name, b.column_name) = ANY (%(targets)s::text[])
          AND (%(all_funds)s OR b.fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
), compared AS (
    SELECT target, plan_id, batch_id, action, b.fund_id, b.rows_planned, b.rows_updated - coalesce(r.rows_before, 0) AS rows_updated,
           coalesce(a.audit_rows, 0) AS audit_rows, a.rows_mark, b.rows_updated IS NULL AS is_orphan,
           sum(a.audit_rows) FILTER (WHERE b.rows_updated IS NULL AND a.audit_rows IS DISTINCT FROM r.rows_receipted)
               OVER (PARTITION BY target, plan_id) AS orphans,
           a.audit_rows IS NOT DISTINCT FROM r.rows_receipted AS is_receipted
    FROM audited a
    FULL JOIN batches b USING (target, plan_id, batch_id, action)
    LEFT JOIN receipts r USING (target, plan_id, batch_id, action)
), judged AS (
    SELECT c.*, CASE
               WHEN c.is_orphan THEN
                   CASE WHEN NOT c.is_receipted AND c.orphans > coalesce(lost.rows_lost, 0) THEN 'no batch' END
               WHEN c.rows_updated <> c.audit_rows THEN 'count'
               WHEN c.rows_updated = c.rows_planned
                    AND c.rows_mark IS DISTINCT FROM
                        (SELECT bit_xor(hashtextextended(coalesce(member.row_key, member.row_number::text), 0))
                         FROM stage_migration_batch_members m
                         CROSS JOIN LATERAL (SELECT unnest(m.row_keys), unnest(m.row_numbers)) AS member (row_key, row_number)
                         WHERE m.batch_id = c.batch_id) THEN 'rows'
           END AS problem
    FROM compared c
    LEFT JOIN unnest(%(lost_plans)s::bigint[], %(lost_targets)s::text[], %(lost_rows)s::bigint[])
              AS lost (plan_id, target, rows_lost) USING (plan_id, target)
), other_stages AS (
    SELECT target, plan_id, batch_id, action, stage_after, sum(entries)::bigint AS audit_rows
    FROM asked
    WHERE NOT is_canonical
    GROUP BY target, plan_id, batch_id, action, stage_after
), wrong_stages AS (
    SELECT o.*, b.fund_id
    FROM other_stages o
    LEFT JOIN batches b USING (target, plan_id, batch_id, action)
    WHERE NOT EXISTS (SELECT FROM stage_migration_spellings s
                      WHERE o.action = 'rollback' AND s.spelling_sha256 = sha256(convert_to(o.stage_after, 'UTF8')))
      AND NOT EXISTS (SELECT FROM stage_migration_plan_spellings p
                      WHERE o.action = 'normalize' AND (p.plan_id, p.stage_after) = (o.plan_id, o.stage_after))
)
(SELECT 'target' AS part, target, NULL::bigint AS plan_id, NULL::bigint AS batch_id, action, NULL AS run_by,
        NULL AS fund_id, sum(entries)::bigint AS audit_rows, NULL::integer AS rows_updated, NULL AS problem,
        min(first_id) AS first_id, max(last_id) AS last_id, NULL::timestamptz AS first_at, NULL::timestamptz AS last_at,
        NULL::bigint AS total, NULL AS stage_after, NULL::bigint AS all_rows, NULL AS taken_from, NULL AS given_to
 FROM asked
 GROUP BY target, action)
UNION ALL
(SELECT 'work', NULL, plan_id, NULL, action, run_by, NULL, sum(entries)::bigint, NULL, NULL, NULL, NULL,
        min(first_at), max(last_at), count(*) OVER (), NULL, NULL, NULL, NULL
 FROM asked
 GROUP BY plan_id, action, run_by
 ORDER BY plan_id, action, run_by
 LIMIT %(shown)s)
UNION ALL
(SELECT DISTINCT 'plan', NULL, plan_id, NULL::bigint, NULL, NULL, NULL, NULL::bigint, NULL::integer, NULL, NULL::bigint, NULL::bigint,
        NULL::timestamptz, NULL::timestamptz, NULL::bigint, NULL, NULL::bigint, NULL, NULL
 FROM asked)
UNION ALL
(SELECT 'batch', target, plan_id, batch_id, action, NULL, fund_id, audit_rows, rows_updated, problem, NULL, NULL,
        NULL, NULL, count(*) OVER (), NULL, NULL, NULL, NULL
 FROM judged
 WHERE problem IS NOT NULL
 ORDER BY batch_id, target
 LIMIT %(shown)s)
UNION ALL
(SELECT 'stage', target, plan_id, batch_id, action, NULL, fund_id, audit_rows, NULL, NULL, NULL, NULL,
        NULL, NULL, count(*) OVER (), stage_after, sum(audit_rows) OVER ()::bigint, NULL, NULL
 FROM wrong_stages
 ORDER BY batch_id, target, stage_after
 LIMIT %(shown)s)
UNION ALL
(SELECT 'move', target, NULL, NULL, NULL, NULL, fund_id, sum(entries)::bigint, NULL, NULL, NULL, NULL,
        min(first_at), NULL, NULL, NULL, NULL, taken_from, CASE WHEN is_canonical THEN stage_after END
 FROM asked
 WHERE (SELECT count(DISTINCT plan_id) FROM asked) = 1
 GROUP BY target, fund_id, taken_from, CASE WHEN is_canonical THEN stage_after END);
