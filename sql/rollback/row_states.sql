-- Find the rows in the scope of a rollback and whether each can be restored. Reads only.
-- A rollback undoes what stagenorm wrote since the last write of another session, and never goes further back. Such a write
-- is a break in the row's history: the stage_before of an entry is not the stage_after of the entry before it. A row gets
-- back the stage_before of its first change in the scope since the last break.
-- `restorable`: the row still holds the last stage that stagenorm wrote, in the scope. `kept_other_write`: the same, but the
-- scope also has changes before a break, so the row gets back what another session wrote. All other rows are left: `later`
-- (an entry outside the scope is newer), `gone`, `null`, `changed` (another session did it), `undone` (a rollback restored
-- it already), `touched` (see below; only if requested).
-- A row version and its log entry written by one statement have the same xmin, also in a savepoint and frozen.
-- `is_touched`: the row has a newer version, and its key may belong to another row. An xmin is reused after 4 billion
-- transactions, so in theory a newer version can have the same one.
-- Reads the log twice, and a third time if it mentions some row more than once.
-- A fragment: the statements of a rollback put it in front of their own SELECT. {materialized}: MATERIALIZED for one that
-- reads the candidates more than once. It writes 0.5 GB of temporary files with 6 million entries.
changes AS NOT MATERIALIZED (
    SELECT l.row_id, l.id, l.plan_id, l.batch_id, l.fund_id, l.stage_before, l.stage_after, l.action,
           l.xmin AS written_by,
           l.action IN ('normalize', 'rollback') AND l.plan_id IS NOT NULL AS is_ours,
           l.action = 'normalize' AND l.plan_id IS NOT NULL AND l.stage_before IS NOT NULL
           AND (%(rolled_plan)s::bigint IS NULL OR l.plan_id = %(rolled_plan)s::bigint)
           AND (%(rolled_batch)s::bigint IS NULL OR l.batch_id = %(rolled_batch)s::bigint)
           AND (%(since)s::timestamptz IS NULL OR l.run_at >= %(since)s::timestamptz)
           AND (%(spelling)s::text IS NULL OR l.stage_before = %(spelling)s::text COLLATE "C")
           AND (%(stage)s::text IS NULL OR l.stage_after = %(stage)s::text COLLATE "C")
           AND (%(all_funds)s OR l.fund_id IS NOT DISTINCT FROM %(fund_id)s::text) AS in_scope
    FROM stage_normalization_log l
    WHERE (l.schema_name, l.table_name, l.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
      {rows_of_spelling}
      AND (%(row_id)s::text IS NULL OR l.row_id = %(row_id)s::text COLLATE "C")
), rows_with_history AS MATERIALIZED (
    -- Only the key, so that the hash stays small.
    SELECT row_id FROM changes GROUP BY row_id HAVING count(*) > 1 AND bool_or(in_scope)
), entries AS (
    -- Entries of other tools count as writes by other sessions. They name no plan or have another action.
    SELECT c.*, lag(stage_after) OVER w IS DISTINCT FROM stage_before OR NOT is_ours AS is_break
    FROM changes c
    WHERE row_id IN (SELECT row_id FROM rows_with_history)
      AND EXISTS (SELECT 1 FROM rows_with_history)
    WINDOW w AS (PARTITION BY row_id ORDER BY id)
), segments AS (
    SELECT e.*, coalesce(id >= max(id) FILTER (WHERE is_break) OVER (PARTITION BY row_id), true) AS is_since_break
    FROM entries e
), histories AS (
    SELECT row_id, fund_id, stage_before AS restore, stage_after AS expected, stage_after AS latest_stage, written_by,
           true AS is_in_reach, false AS is_kept, false AS is_repeated, NULL::bigint AS later_plan, NULL::text AS later_action
    FROM changes c
    WHERE in_scope AND NOT EXISTS (SELECT 1 FROM rows_with_history h WHERE h.row_id = c.row_id)
    UNION ALL
    SELECT row_id, fund_id, coalesce(restores[1], stages_before[1]), expected, latest_stage, written_by,
           cardinality(restores) > 0, cardinality(stages_before) > cardinality(restores), cardinality(restores) > 1,
           CASE WHEN NOT is_latest THEN latest_plan END, CASE WHEN NOT is_latest THEN latest_action END
    FROM (SELECT row_id,
                 coalesce(array_agg(stage_before ORDER BY id) FILTER (WHERE in_scope AND is_since_break), '{{}}') AS restores,
                 array_agg(stage_before ORDER BY id) FILTER (WHERE in_scope)                                     AS stages_before,
                 (array_agg(fund_id ORDER BY id) FILTER (WHERE in_scope))[count(*) FILTER (WHERE in_scope)]       AS fund_id,
                 (array_agg(stage_after ORDER BY id) FILTER (WHERE in_scope))[count(*) FILTER (WHERE in_scope)]   AS expected,
                 (array_agg(stage_after ORDER BY id))[count(*)]                                                  AS latest_stage,
                 (array_agg(written_by ORDER BY id))[count(*)]                                                   AS written_by,
                 (array_agg(in_scope ORDER BY id))[count(*)]                                                     AS is_latest,
                 (array_agg(plan_id ORDER BY id))[count(*)]                                                      AS latest_plan,
                 (array_agg(CASE WHEN is_ours THEN action ELSE 'other' END ORDER BY id))[count(*)]                AS latest_action
          FROM segments
          GROUP BY row_id) AS grouped
), candidates AS {materialized} (
    SELECT h.row_id, h.row_id::{key_type} AS row_key, h.fund_id, h.restore, h.expected,
           left({stage}, 1000) AS stage_now, h.is_repeated, h.later_plan, {is_touched} AS is_touched,
           CASE WHEN h.later_action <> 'rollback' THEN 'later'
                WHEN {key} IS NULL THEN 'gone'
                WHEN {stage} IS NULL THEN 'null'
                WHEN {stage} <> h.latest_stage THEN 'changed'
                WHEN h.later_action = 'rollback' THEN CASE WHEN h.is_in_reach THEN 'undone' ELSE 'changed' END
                WHEN %(only_untouched)s AND {is_touched} THEN 'touched'
                WHEN h.is_kept THEN 'kept_other_write'
                ELSE 'restorable' END AS state
    FROM histories h
    {join_target}
)
