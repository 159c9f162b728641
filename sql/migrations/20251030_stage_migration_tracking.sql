-- Plans, batches, the baseline, refused rows, verifications and the pause switch of the stage normalization.
--
-- Promise: valid for psql as it is (psql -1 is not needed), safe to run twice, touches nothing of the application.
-- The audit log is the other file: 20251030_stage_normalization_log.sql.

BEGIN;

-- Two runs of this file at once would race on the names, which IF NOT EXISTS does not prevent.
DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtext('stagenorm migrations')); END $$;

CREATE TABLE IF NOT EXISTS stage_migration_plans (
    plan_id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at         timestamptz NOT NULL DEFAULT now(),
    created_by         text        NOT NULL,
    kind               text        NOT NULL DEFAULT 'normalize' CHECK (kind IN ('normalize', 'rollback')),
    vocabulary_version text        NOT NULL,
    code_version       text        NOT NULL,
    batch_size         integer     NOT NULL CHECK (batch_size > 0),
    scope              jsonb       NOT NULL,
    status             text        NOT NULL DEFAULT 'draft'
                       CHECK (status IN ('draft', 'open', 'completed', 'cancelled', 'rolled_back')),
    opened_at          timestamptz,
    completed_at       timestamptz,
    total_batches      integer     NOT NULL DEFAULT 0,
    rows_seen          bigint      NOT NULL DEFAULT 0,
    rows_canonical     bigint      NOT NULL DEFAULT 0,
    rows_null          bigint      NOT NULL DEFAULT 0,
    rows_unknown       bigint      NOT NULL DEFAULT 0,
    rows_left_as_is    bigint      NOT NULL DEFAULT 0,
    rows_to_change     bigint      NOT NULL DEFAULT 0
);
COMMENT ON TABLE stage_migration_plans IS 'One row for each recorded plan: which rows would change, under which vocabulary, and how far it is.';
COMMENT ON COLUMN stage_migration_plans.plan_id IS 'Number of the plan; `stagenorm run --plan` takes it.';
COMMENT ON COLUMN stage_migration_plans.created_at IS 'When the plan was recorded.';
COMMENT ON COLUMN stage_migration_plans.created_by IS 'Who recorded it: user@host of the command line, or the Dagster run.';
COMMENT ON COLUMN stage_migration_plans.kind IS 'normalize: changes messy spellings. rollback: restores what earlier plans changed.';
COMMENT ON COLUMN stage_migration_plans.vocabulary_version IS 'Hash of the vocabulary that gave each spelling its stage.';
COMMENT ON COLUMN stage_migration_plans.code_version IS 'Version of the stagenorm package that planned.';
COMMENT ON COLUMN stage_migration_plans.batch_size IS 'Most rows that one batch changes.';
COMMENT ON COLUMN stage_migration_plans.scope IS 'What the plan covers: {"targets": ["schema.table.column", ...], "all_funds": true} or, for one fund, {"targets": [...], "all_funds": false, "fund_id": "12"} (fund_id null: the rows without a fund). A rollback adds {"rollback": {"plan_id": ..., "batch_id": ..., "since": ...}}.';
COMMENT ON COLUMN stage_migration_plans.status IS 'draft: recorded, waits for a yes. open: batches may run. completed: every batch ended. cancelled: superseded or dropped. rolled_back: undone.';
COMMENT ON COLUMN stage_migration_plans.opened_at IS 'When the plan was opened for applying; from then on its baseline counts for verification.';
COMMENT ON COLUMN stage_migration_plans.completed_at IS 'When its last batch ended, or when it was cancelled or rolled back.';
COMMENT ON COLUMN stage_migration_plans.total_batches IS 'Batches planned.';
COMMENT ON COLUMN stage_migration_plans.rows_seen IS 'Rows in scope when the plan was made, NULL stages included.';
COMMENT ON COLUMN stage_migration_plans.rows_canonical IS 'Of those: rows whose stage was canonical, byte for byte.';
COMMENT ON COLUMN stage_migration_plans.rows_null IS 'Of those: rows without a stage.';
COMMENT ON COLUMN stage_migration_plans.rows_unknown IS 'Of those: rows whose spelling the vocabulary does not map.';
COMMENT ON COLUMN stage_migration_plans.rows_left_as_is IS 'Of those: rows whose spelling a reviewer decided to leave as it is.';
COMMENT ON COLUMN stage_migration_plans.rows_to_change IS 'Of those: rows whose spelling is known and not canonical; the sum of rows_planned over the batches.';

CREATE TABLE IF NOT EXISTS stage_migration_plan_targets (
    plan_id     bigint   NOT NULL REFERENCES stage_migration_plans ON DELETE CASCADE,
    target_no   smallint NOT NULL,
    schema_name text     NOT NULL,
    table_name  text     NOT NULL,
    column_name text     NOT NULL,
    key_column  text     NOT NULL,
    fund_column text,
    PRIMARY KEY (plan_id, target_no)
);
COMMENT ON TABLE stage_migration_plan_targets IS 'The targets that a plan covers, as they were resolved when it was made.';
COMMENT ON COLUMN stage_migration_plan_targets.plan_id IS 'The plan.';
COMMENT ON COLUMN stage_migration_plan_targets.target_no IS 'Number of the target within the plan, from 1; keeps the baseline narrow.';
COMMENT ON COLUMN stage_migration_plan_targets.schema_name IS 'Schema of the target table.';
COMMENT ON COLUMN stage_migration_plan_targets.table_name IS 'Name of the target table.';
COMMENT ON COLUMN stage_migration_plan_targets.column_name IS 'The stage column.';
COMMENT ON COLUMN stage_migration_plan_targets.key_column IS 'The primary key column that identifies its rows.';
COMMENT ON COLUMN stage_migration_plan_targets.fund_column IS 'The column with the fund''s id, NULL where the table has none.';

CREATE TABLE IF NOT EXISTS stage_migration_spellings (
    spelling_id     integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    spelling_sha256 bytea NOT NULL UNIQUE CHECK (octet_length(spelling_sha256) = 32),
    spelling        text  COLLATE "C" NOT NULL
);
COMMENT ON TABLE stage_migration_spellings IS 'Each spelling that a plan ever saw, kept once.';
COMMENT ON COLUMN stage_migration_spellings.spelling_id IS 'Short number of the spelling, used by baseline and batches.';
COMMENT ON COLUMN stage_migration_spellings.spelling_sha256 IS 'SHA-256 of its UTF-8 bytes: the look-up key, since a spelling can be longer than an index entry may be.';
COMMENT ON COLUMN stage_migration_spellings.spelling IS 'The spelling, never trimmed, never lowered. Of one longer than 1,000 characters (always unknown, so never changed) the beginning.';

CREATE TABLE IF NOT EXISTS stage_migration_plan_spellings (
    plan_id     bigint  NOT NULL REFERENCES stage_migration_plans ON DELETE CASCADE,
    spelling_id integer NOT NULL REFERENCES stage_migration_spellings,
    stage_after text    NOT NULL
                CHECK (stage_after IN ('pre-seed', 'seed', 'series-a', 'series-b', 'series-c', 'series-c+')),
    PRIMARY KEY (plan_id, spelling_id)
);
COMMENT ON TABLE stage_migration_plan_spellings IS 'The mapping that a plan was made with: what was shown is what runs.';
COMMENT ON COLUMN stage_migration_plan_spellings.plan_id IS 'The plan.';
COMMENT ON COLUMN stage_migration_plan_spellings.spelling_id IS 'A messy spelling that the plan changes.';
COMMENT ON COLUMN stage_migration_plan_spellings.stage_after IS 'The canonical stage that it becomes.';

CREATE TABLE IF NOT EXISTS stage_migration_baseline (
    plan_id      bigint   NOT NULL,
    target_no    smallint NOT NULL,
    fund_id      text,
    spelling_id  integer  REFERENCES stage_migration_spellings,
    kind         text     NOT NULL CHECK (kind IN ('canonical', 'messy', 'leave_as_is', 'unknown', 'null')),
    rows_counted bigint   NOT NULL CHECK (rows_counted > 0),
    FOREIGN KEY (plan_id, target_no) REFERENCES stage_migration_plan_targets ON DELETE CASCADE
);
-- Wanted by: the verification's "before" figures (sql/verify_baseline.sql) and by the cascade of a deleted plan.
CREATE INDEX IF NOT EXISTS stage_migration_baseline_plan ON stage_migration_baseline (plan_id, target_no);
COMMENT ON TABLE stage_migration_baseline IS 'Rows by target, fund and spelling as they were counted when the plan was made: what verification compares with.';
COMMENT ON COLUMN stage_migration_baseline.plan_id IS 'The plan.';
COMMENT ON COLUMN stage_migration_baseline.target_no IS 'The target within the plan.';
COMMENT ON COLUMN stage_migration_baseline.fund_id IS 'The fund''s id as text, NULL for rows without a fund.';
COMMENT ON COLUMN stage_migration_baseline.spelling_id IS 'The spelling, NULL for rows whose stage was NULL.';
COMMENT ON COLUMN stage_migration_baseline.kind IS 'What the vocabulary said of the spelling.';
COMMENT ON COLUMN stage_migration_baseline.rows_counted IS 'Rows that held this spelling in this fund.';

CREATE TABLE IF NOT EXISTS stage_migration_batches (
    batch_id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plan_id              bigint      NOT NULL REFERENCES stage_migration_plans ON DELETE CASCADE,
    batch_number         integer     NOT NULL,
    schema_name          text        NOT NULL,
    table_name           text        NOT NULL,
    column_name          text        NOT NULL,
    fund_id              text,
    range_start          text        NOT NULL,
    range_end            text        NOT NULL,
    rows_planned         integer     NOT NULL CHECK (rows_planned > 0),
    status               text        NOT NULL DEFAULT 'pending'
                         CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled', 'rolled_back')),
    attempts             integer     NOT NULL DEFAULT 0,
    rows_updated         integer,
    rows_skipped         integer,
    rows_failed          integer,
    rows_skipped_changed integer,
    rows_skipped_deleted integer,
    error_message        text,
    worker               text,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    started_at           timestamptz,
    completed_at         timestamptz,
    duration_ms          bigint,
    CONSTRAINT stage_migration_batches_counts_add_up CHECK (
        (rows_updated IS NULL AND rows_skipped IS NULL AND rows_failed IS NULL)
        OR rows_updated + rows_skipped + rows_failed = rows_planned),
    CONSTRAINT stage_migration_batches_skips_add_up CHECK (
        rows_skipped IS NULL OR rows_skipped_changed + rows_skipped_deleted = rows_skipped)
);
-- Wanted by: every look at one plan (status, progress views, the next batch to take, the cascade of a deleted plan).
CREATE UNIQUE INDEX IF NOT EXISTS stage_migration_batches_number ON stage_migration_batches (plan_id, batch_number);
-- Wanted by: "which batches of this fund still wait" (sql/next_batch.sql) and the funds with pending work.
CREATE INDEX IF NOT EXISTS stage_migration_batches_waiting ON stage_migration_batches (fund_id, plan_id, batch_number)
    WHERE status IN ('pending', 'running', 'failed');
COMMENT ON TABLE stage_migration_batches IS 'One row for each batch: one table, one fund, at most batch_size rows to change; resumable from here alone.';
COMMENT ON COLUMN stage_migration_batches.batch_id IS 'Number of the batch, unique over all plans.';
COMMENT ON COLUMN stage_migration_batches.plan_id IS 'The plan it belongs to.';
COMMENT ON COLUMN stage_migration_batches.batch_number IS 'Its place within the plan, from 1.';
COMMENT ON COLUMN stage_migration_batches.schema_name IS 'Schema of the target table.';
COMMENT ON COLUMN stage_migration_batches.table_name IS 'Name of the target table.';
COMMENT ON COLUMN stage_migration_batches.column_name IS 'The stage column.';
COMMENT ON COLUMN stage_migration_batches.fund_id IS 'The fund''s id as text; NULL for rows without a fund and tables without a fund column.';
COMMENT ON COLUMN stage_migration_batches.range_start IS 'Lowest key in the batch, for people; the members are exact.';
COMMENT ON COLUMN stage_migration_batches.range_end IS 'Highest key in the batch, for people.';
COMMENT ON COLUMN stage_migration_batches.rows_planned IS 'Rows that the plan would change in this batch.';
COMMENT ON COLUMN stage_migration_batches.status IS 'pending, running (claimed; alive only while its advisory lock is held), completed, failed (an error, or refused rows in quarantine), cancelled (superseded), rolled_back.';
COMMENT ON COLUMN stage_migration_batches.attempts IS 'How often a worker claimed it.';
COMMENT ON COLUMN stage_migration_batches.rows_updated IS 'Rows changed, each with one audit row. NULL until there is a result; then updated + skipped + failed = planned.';
COMMENT ON COLUMN stage_migration_batches.rows_skipped IS 'Rows that somebody else changed or deleted since the plan; left as they are.';
COMMENT ON COLUMN stage_migration_batches.rows_failed IS 'Rows that the database refused; they are in stage_migration_quarantine.';
COMMENT ON COLUMN stage_migration_batches.rows_skipped_changed IS 'Of the skipped: rows whose stage is no longer the spelling that the plan saw.';
COMMENT ON COLUMN stage_migration_batches.rows_skipped_deleted IS 'Of the skipped: rows that are gone.';
COMMENT ON COLUMN stage_migration_batches.error_message IS 'The last error, for people.';
COMMENT ON COLUMN stage_migration_batches.worker IS 'Who claimed it last: host, process and way in.';
COMMENT ON COLUMN stage_migration_batches.created_at IS 'When it was planned.';
COMMENT ON COLUMN stage_migration_batches.updated_at IS 'When this row last changed.';
COMMENT ON COLUMN stage_migration_batches.started_at IS 'When it was claimed last.';
COMMENT ON COLUMN stage_migration_batches.completed_at IS 'When its result was recorded.';
COMMENT ON COLUMN stage_migration_batches.duration_ms IS 'Milliseconds of its work transaction, up to the recording of the result.';

CREATE TABLE IF NOT EXISTS stage_migration_batch_members (
    batch_id     bigint    PRIMARY KEY REFERENCES stage_migration_batches ON DELETE CASCADE,
    row_numbers  bigint[],
    row_keys     text[],
    spelling_ids integer[] NOT NULL,
    restore_ids  integer[],
    CHECK (num_nonnulls(row_numbers, row_keys) = 1),
    CHECK (coalesce(cardinality(row_numbers), cardinality(row_keys)) = cardinality(spelling_ids))
);
COMMENT ON TABLE stage_migration_batch_members IS 'Which rows a batch holds and which spelling of each the plan saw. Written once, never updated, so a change of status stays small.';
COMMENT ON COLUMN stage_migration_batch_members.batch_id IS 'The batch.';
COMMENT ON COLUMN stage_migration_batch_members.row_numbers IS 'Keys of the rows, in order, where the key is an integer.';
COMMENT ON COLUMN stage_migration_batch_members.row_keys IS 'Keys of the rows as text, in order, where the key is a uuid or text.';
COMMENT ON COLUMN stage_migration_batch_members.spelling_ids IS 'For each key the spelling that the plan saw.';
COMMENT ON COLUMN stage_migration_batch_members.restore_ids IS 'In a rollback, for each key the spelling to restore; NULL otherwise, where the plan''s mapping says what it becomes.';

CREATE TABLE IF NOT EXISTS stage_migration_quarantine (
    quarantine_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plan_id        bigint      NOT NULL,
    batch_id       bigint      NOT NULL,
    schema_name    text        NOT NULL,
    table_name     text        NOT NULL,
    column_name    text        NOT NULL,
    fund_id        text,
    row_id         text        NOT NULL,
    stage_before   text        NOT NULL,
    stage_after    text        NOT NULL,
    error_message  text        NOT NULL,
    sqlstate       text,
    quarantined_at timestamptz NOT NULL DEFAULT now(),
    resolved_at    timestamptz,
    resolution     text        CHECK (resolution IN ('updated', 'skipped', 'superseded', 'rolled_back')),
    CHECK ((resolved_at IS NULL) = (resolution IS NULL))
);
-- Wanted by: the retry of a batch, which takes its unresolved rows only (sql/quarantined_places.sql), and rule 1.
CREATE UNIQUE INDEX IF NOT EXISTS stage_migration_quarantine_open ON stage_migration_quarantine (batch_id, row_id)
    WHERE resolved_at IS NULL;
COMMENT ON TABLE stage_migration_quarantine IS 'Rows that the database itself refused to change (trigger, constraint), each with its error. Their batch''s other rows went through.';
COMMENT ON COLUMN stage_migration_quarantine.quarantine_id IS 'Number of the entry.';
COMMENT ON COLUMN stage_migration_quarantine.plan_id IS 'The plan.';
COMMENT ON COLUMN stage_migration_quarantine.batch_id IS 'The batch.';
COMMENT ON COLUMN stage_migration_quarantine.schema_name IS 'Schema of the target table.';
COMMENT ON COLUMN stage_migration_quarantine.table_name IS 'Name of the target table.';
COMMENT ON COLUMN stage_migration_quarantine.column_name IS 'The stage column.';
COMMENT ON COLUMN stage_migration_quarantine.fund_id IS 'The fund''s id as planned.';
COMMENT ON COLUMN stage_migration_quarantine.row_id IS 'Key of the refused row, as text.';
COMMENT ON COLUMN stage_migration_quarantine.stage_before IS 'The spelling it holds.';
COMMENT ON COLUMN stage_migration_quarantine.stage_after IS 'The stage it was to become.';
COMMENT ON COLUMN stage_migration_quarantine.error_message IS 'What the database said.';
COMMENT ON COLUMN stage_migration_quarantine.sqlstate IS 'Its SQLSTATE; NULL where a trigger silently suppressed or rewrote the change.';
COMMENT ON COLUMN stage_migration_quarantine.quarantined_at IS 'When.';
COMMENT ON COLUMN stage_migration_quarantine.resolved_at IS 'When a retry, a newer plan or a rollback settled it; NULL while it waits.';
COMMENT ON COLUMN stage_migration_quarantine.resolution IS 'How it was settled.';

CREATE TABLE IF NOT EXISTS stage_verifications (
    verification_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at      timestamptz NOT NULL DEFAULT now(),
    created_by      text        NOT NULL,
    plan_id         bigint,
    scope           jsonb       NOT NULL,
    strict          boolean     NOT NULL,
    verdict         text        NOT NULL CHECK (verdict IN ('passed', 'passed_with_warnings', 'failed')),
    checks_passed   integer     NOT NULL,
    checks_failed   integer     NOT NULL,
    checks_warned   integer     NOT NULL,
    report_sha256   text        NOT NULL,
    signed_off_at   timestamptz,
    signed_off_by   text,
    CHECK ((signed_off_at IS NULL) = (signed_off_by IS NULL))
);
COMMENT ON TABLE stage_verifications IS 'One row for each verification: its verdict, its scope, and the hash by which an archived report can be matched.';
COMMENT ON COLUMN stage_verifications.verification_id IS 'Number of the verification.';
COMMENT ON COLUMN stage_verifications.created_at IS 'When it was made.';
COMMENT ON COLUMN stage_verifications.created_by IS 'Who asked for it.';
COMMENT ON COLUMN stage_verifications.plan_id IS 'The newest plan that it covers; NULL when there was none.';
COMMENT ON COLUMN stage_verifications.scope IS 'Targets and fund, in the form of stage_migration_plans.scope.';
COMMENT ON COLUMN stage_verifications.strict IS 'Whether warnings counted as failures.';
COMMENT ON COLUMN stage_verifications.verdict IS 'passed, passed_with_warnings or failed.';
COMMENT ON COLUMN stage_verifications.checks_passed IS 'Rules that passed.';
COMMENT ON COLUMN stage_verifications.checks_failed IS 'Rules that failed as an error.';
COMMENT ON COLUMN stage_verifications.checks_warned IS 'Rules that failed as a warning.';
COMMENT ON COLUMN stage_verifications.report_sha256 IS 'SHA-256 of the JSON report.';
COMMENT ON COLUMN stage_verifications.signed_off_at IS 'When a reviewer signed it off; the next baseline is taken after this.';
COMMENT ON COLUMN stage_verifications.signed_off_by IS 'Which reviewer.';

CREATE TABLE IF NOT EXISTS stage_migration_control (
    only_row   boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    paused     boolean     NOT NULL DEFAULT false,
    reason     text,
    changed_by text,
    changed_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO stage_migration_control DEFAULT VALUES ON CONFLICT DO NOTHING;
COMMENT ON TABLE stage_migration_control IS 'The pause switch: one row, read by every runner before each batch.';
COMMENT ON COLUMN stage_migration_control.only_row IS 'Keeps the table at one row.';
COMMENT ON COLUMN stage_migration_control.paused IS 'While true, no runner starts another batch.';
COMMENT ON COLUMN stage_migration_control.reason IS 'Why, for people.';
COMMENT ON COLUMN stage_migration_control.changed_by IS 'Who turned it.';
COMMENT ON COLUMN stage_migration_control.changed_at IS 'When.';

CREATE OR REPLACE VIEW stage_migration_current_plans AS
SELECT plan_id
FROM stage_migration_plans
WHERE status = 'open'
   OR (status = 'completed'
       AND NOT EXISTS (SELECT 1 FROM stage_migration_plans WHERE status = 'open')
       AND plan_id = (SELECT max(plan_id) FROM stage_migration_plans WHERE status = 'completed'));
COMMENT ON VIEW stage_migration_current_plans IS 'The plans that progress is about: the open ones or, when none is open, the one completed last.';

CREATE OR REPLACE VIEW stage_migration_progress AS
WITH batches AS (
    SELECT b.* FROM stage_migration_batches b JOIN stage_migration_current_plans USING (plan_id)
    WHERE b.status NOT IN ('cancelled', 'rolled_back')
), latest AS (
    -- The rate seen lately: the last twenty finished batches, sleeps between them included.
    SELECT sum(rows_planned) AS rows_done, extract(epoch FROM max(completed_at) - min(started_at)) AS seconds, count(*) AS batches
    FROM (SELECT rows_planned, started_at, completed_at FROM batches
          WHERE status = 'completed' ORDER BY completed_at DESC LIMIT 20) AS finished
), totals AS (
    SELECT max(plan_id)                                                                  AS plan_id,
           count(*)                                                                      AS total_batches,
           count(*) FILTER (WHERE status = 'completed')                                  AS completed_batches,
           count(*) FILTER (WHERE status = 'pending')                                    AS pending_batches,
           count(*) FILTER (WHERE status = 'running')                                    AS running_batches,
           count(*) FILTER (WHERE status = 'failed')                                     AS failed_batches,
           coalesce(sum(rows_planned), 0)                                                AS rows_planned,
           coalesce(sum(rows_planned) FILTER (WHERE rows_updated IS NOT NULL), 0)
             - coalesce(sum(rows_failed), 0)                                             AS rows_done,
           -- A batch that is being retried has a result already: what waits is its refused rows.
           coalesce(sum(coalesce(rows_failed, rows_planned)) FILTER (WHERE status IN ('pending', 'running')), 0)
                                                                                         AS rows_waiting,
           coalesce(sum(rows_updated), 0)                                                AS rows_updated,
           coalesce(sum(rows_skipped), 0)                                                AS rows_skipped,
           coalesce(sum(rows_failed), 0)                                                 AS rows_failed,
           min(started_at)                                                               AS started_at,
           max(completed_at)                                                             AS last_completed_at
    FROM batches
)
SELECT plan_id, total_batches, completed_batches, pending_batches, running_batches, failed_batches,
       CASE WHEN rows_planned = 0 THEN 100.0 ELSE trunc(100.0 * totals.rows_done / rows_planned, 1) END AS completion_percent,
       rows_planned, totals.rows_done, rows_waiting, rows_updated, rows_skipped, rows_failed,
       CASE WHEN latest.batches >= 2 AND latest.seconds > 0 THEN round(latest.rows_done / latest.seconds) END AS rows_per_second,
       CASE WHEN rows_waiting = 0 THEN 0.0
            WHEN latest.batches >= 2 AND latest.seconds > 0 AND latest.rows_done > 0
            THEN round(rows_waiting / (latest.rows_done / latest.seconds) / 60, 1) END AS estimated_minutes_remaining,
       started_at, last_completed_at
FROM totals CROSS JOIN latest;
COMMENT ON VIEW stage_migration_progress IS 'Overall progress of the current plans, in one row; completion_percent counts rows, not batches; the estimate is NULL until two batches have ended.';

CREATE OR REPLACE VIEW stage_migration_progress_by_fund AS
SELECT b.fund_id,
       count(*)                                                    AS total_batches,
       count(*) FILTER (WHERE status = 'completed')                AS completed_batches,
       count(*) FILTER (WHERE status = 'pending')                  AS pending_batches,
       count(*) FILTER (WHERE status = 'running')                  AS running_batches,
       count(*) FILTER (WHERE status = 'failed')                   AS failed_batches,
       trunc(100.0 * (coalesce(sum(rows_planned) FILTER (WHERE rows_updated IS NOT NULL), 0) - coalesce(sum(rows_failed), 0))
             / sum(rows_planned), 1)                               AS completion_percent,
       sum(rows_planned)                                           AS rows_planned,
       coalesce(sum(rows_updated), 0)                              AS rows_updated,
       coalesce(sum(rows_skipped), 0)                              AS rows_skipped,
       coalesce(sum(rows_failed), 0)                               AS rows_failed,
       max(completed_at)                                           AS last_completed_at
FROM stage_migration_batches b JOIN stage_migration_current_plans USING (plan_id)
WHERE status NOT IN ('cancelled', 'rolled_back')
GROUP BY b.fund_id
ORDER BY b.fund_id;
COMMENT ON VIEW stage_migration_progress_by_fund IS 'The same by fund; a NULL fund_id stands for the rows without a fund.';

CREATE OR REPLACE VIEW stage_migration_failures AS
SELECT b.batch_id, b.plan_id, b.batch_number, b.schema_name, b.table_name, b.column_name, b.fund_id,
       b.rows_planned, b.rows_failed, b.attempts, b.error_message, b.worker, b.updated_at,
       q.row_id, q.stage_before, q.stage_after, q.error_message AS row_error, q.sqlstate
FROM stage_migration_batches b
JOIN stage_migration_plans p USING (plan_id)
LEFT JOIN stage_migration_quarantine q ON q.batch_id = b.batch_id AND q.resolved_at IS NULL
WHERE b.status = 'failed' AND p.status IN ('open', 'completed')
ORDER BY b.batch_id, q.quarantine_id;
COMMENT ON VIEW stage_migration_failures IS 'Failed batches, one line for each refused row (row_id NULL: the batch failed as a whole); `stagenorm resume` tries them again.';

COMMIT;
