-- A database of the version before receipts (commit dce0c60), as tests upgrade it.
--
-- Made by that version on PostgreSQL 18: the two application tables; plan 1, finished and signed off; plan 2, made with a
-- decision (growth is series-c), then rolled back in fund 2 by plan 3; plan 4, open: four batches tried, one row of them
-- refused by a trigger that is gone again, the others pending. Dumped with
--   pg_dump --no-owner --no-privileges --column-inserts --rows-per-insert=100
-- without comment lines, backslash commands and settings that PostgreSQL 14 does not know.

SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET client_min_messages = warning;

CREATE TABLE public.deal_opportunities (
    id integer NOT NULL,
    fund_id integer,
    title text,
    stage text
);

CREATE SEQUENCE public.deal_opportunities_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.deal_opportunities_id_seq OWNED BY public.deal_opportunities.id;

CREATE TABLE public.portfoliocompanies (
    id integer NOT NULL,
    fund_id integer,
    name text,
    stage text NOT NULL
);

CREATE SEQUENCE public.portfoliocompanies_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.portfoliocompanies_id_seq OWNED BY public.portfoliocompanies.id;

CREATE TABLE public.stage_migration_backups (
    backup_id bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    targets text[] NOT NULL,
    rows_saved bigint NOT NULL,
    file_name text NOT NULL,
    file_bytes bigint NOT NULL,
    sha256 text NOT NULL,
    CONSTRAINT stage_migration_backups_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text))
);

COMMENT ON TABLE public.stage_migration_backups IS 'One row for each backup of the stage columns that was made with `stagenorm backup`. The file itself is wherever it was put.';

COMMENT ON COLUMN public.stage_migration_backups.backup_id IS 'Number of the backup.';

COMMENT ON COLUMN public.stage_migration_backups.created_at IS 'Start of the snapshot that it holds.';

COMMENT ON COLUMN public.stage_migration_backups.created_by IS 'Who made it.';

COMMENT ON COLUMN public.stage_migration_backups.targets IS 'The columns in it, as schema.table.column.';

COMMENT ON COLUMN public.stage_migration_backups.rows_saved IS 'Rows in it, over all targets.';

COMMENT ON COLUMN public.stage_migration_backups.file_name IS 'Name of the file when it was made, without its directory.';

COMMENT ON COLUMN public.stage_migration_backups.file_bytes IS 'Size of the file in bytes.';

COMMENT ON COLUMN public.stage_migration_backups.sha256 IS 'The checksum of its content, which stands in its last line.';

ALTER TABLE public.stage_migration_backups ALTER COLUMN backup_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.stage_migration_backups_backup_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.stage_migration_baseline (
    plan_id bigint NOT NULL,
    target_no smallint NOT NULL,
    fund_id text,
    spelling_id integer,
    kind text NOT NULL,
    rows_counted bigint NOT NULL,
    CONSTRAINT stage_migration_baseline_kind_check CHECK ((kind = ANY (ARRAY['canonical'::text, 'messy'::text, 'leave_as_is'::text, 'unknown'::text, 'null'::text]))),
    CONSTRAINT stage_migration_baseline_rows_counted_check CHECK ((rows_counted > 0))
);

COMMENT ON TABLE public.stage_migration_baseline IS 'Rows by target, fund and spelling as they were counted when the plan was made: what verification compares with.';

COMMENT ON COLUMN public.stage_migration_baseline.plan_id IS 'The plan.';

COMMENT ON COLUMN public.stage_migration_baseline.target_no IS 'The target within the plan.';

COMMENT ON COLUMN public.stage_migration_baseline.fund_id IS 'The fund''s id as text, NULL for rows without a fund.';

COMMENT ON COLUMN public.stage_migration_baseline.spelling_id IS 'The spelling, NULL for rows whose stage was NULL.';

COMMENT ON COLUMN public.stage_migration_baseline.kind IS 'What the vocabulary said of the spelling.';

COMMENT ON COLUMN public.stage_migration_baseline.rows_counted IS 'Rows that held this spelling in this fund.';

CREATE TABLE public.stage_migration_batch_members (
    batch_id bigint NOT NULL,
    row_numbers bigint[],
    row_keys text[],
    spelling_ids integer[] NOT NULL,
    restore_ids integer[],
    CONSTRAINT stage_migration_batch_members_check CHECK ((num_nonnulls(row_numbers, row_keys) = 1)),
    CONSTRAINT stage_migration_batch_members_check1 CHECK ((COALESCE(cardinality(row_numbers), cardinality(row_keys)) = cardinality(spelling_ids)))
);

COMMENT ON TABLE public.stage_migration_batch_members IS 'Which rows a batch holds and which spelling of each the plan saw. Written once, never updated, so a change of status stays small.';

COMMENT ON COLUMN public.stage_migration_batch_members.batch_id IS 'The batch.';

COMMENT ON COLUMN public.stage_migration_batch_members.row_numbers IS 'Keys of the rows, in order, where the key is an integer.';

COMMENT ON COLUMN public.stage_migration_batch_members.row_keys IS 'Keys of the rows as text, in order, where the key is a uuid or text.';

COMMENT ON COLUMN public.stage_migration_batch_members.spelling_ids IS 'For each key the spelling that the plan saw.';

COMMENT ON COLUMN public.stage_migration_batch_members.restore_ids IS 'In a rollback, for each key the spelling to restore; NULL otherwise, where the plan''s mapping says what it becomes.';

CREATE TABLE public.stage_migration_batches (
    batch_id bigint NOT NULL,
    plan_id bigint NOT NULL,
    batch_number integer NOT NULL,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    column_name text NOT NULL,
    fund_id text,
    range_start text NOT NULL,
    range_end text NOT NULL,
    rows_planned integer NOT NULL,
    status text DEFAULT 'pending'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    rows_updated integer,
    rows_skipped integer,
    rows_failed integer,
    rows_skipped_changed integer,
    rows_skipped_deleted integer,
    error_message text,
    worker text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    completed_at timestamp with time zone,
    duration_ms bigint,
    CONSTRAINT stage_migration_batches_counts_add_up CHECK ((((rows_updated IS NULL) AND (rows_skipped IS NULL) AND (rows_failed IS NULL)) OR (((rows_updated + rows_skipped) + rows_failed) = rows_planned))),
    CONSTRAINT stage_migration_batches_rows_planned_check CHECK ((rows_planned > 0)),
    CONSTRAINT stage_migration_batches_skips_add_up CHECK (((rows_skipped IS NULL) OR ((rows_skipped_changed + rows_skipped_deleted) = rows_skipped))),
    CONSTRAINT stage_migration_batches_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'running'::text, 'completed'::text, 'failed'::text, 'cancelled'::text, 'rolled_back'::text])))
);

COMMENT ON TABLE public.stage_migration_batches IS 'One row for each batch: one table, one fund, at most batch_size rows to change; resumable from here alone.';

COMMENT ON COLUMN public.stage_migration_batches.batch_id IS 'Number of the batch, unique over all plans.';

COMMENT ON COLUMN public.stage_migration_batches.plan_id IS 'The plan it belongs to.';

COMMENT ON COLUMN public.stage_migration_batches.batch_number IS 'Its place within the plan, from 1.';

COMMENT ON COLUMN public.stage_migration_batches.schema_name IS 'Schema of the target table.';

COMMENT ON COLUMN public.stage_migration_batches.table_name IS 'Name of the target table.';

COMMENT ON COLUMN public.stage_migration_batches.column_name IS 'The stage column.';

COMMENT ON COLUMN public.stage_migration_batches.fund_id IS 'The fund''s id as text; NULL for rows without a fund and tables without a fund column.';

COMMENT ON COLUMN public.stage_migration_batches.range_start IS 'Lowest key in the batch, for people; the members are exact.';

COMMENT ON COLUMN public.stage_migration_batches.range_end IS 'Highest key in the batch, for people.';

COMMENT ON COLUMN public.stage_migration_batches.rows_planned IS 'Rows that the plan would change in this batch.';

COMMENT ON COLUMN public.stage_migration_batches.status IS 'pending, running (claimed; alive only while its advisory lock is held), completed, failed (an error, or refused rows in quarantine), cancelled (superseded), rolled_back.';

COMMENT ON COLUMN public.stage_migration_batches.attempts IS 'How often a worker claimed it.';

COMMENT ON COLUMN public.stage_migration_batches.rows_updated IS 'Rows changed, each with one audit row. NULL until there is a result; then updated + skipped + failed = planned.';

COMMENT ON COLUMN public.stage_migration_batches.rows_skipped IS 'Rows that somebody else changed or deleted since the plan; left as they are.';

COMMENT ON COLUMN public.stage_migration_batches.rows_failed IS 'Rows that the database refused; they are in stage_migration_quarantine.';

COMMENT ON COLUMN public.stage_migration_batches.rows_skipped_changed IS 'Of the skipped: rows whose stage is no longer the spelling that the plan saw.';

COMMENT ON COLUMN public.stage_migration_batches.rows_skipped_deleted IS 'Of the skipped: rows that are gone.';

COMMENT ON COLUMN public.stage_migration_batches.error_message IS 'The last error, for people.';

COMMENT ON COLUMN public.stage_migration_batches.worker IS 'Who claimed it last: host, process and way in.';

COMMENT ON COLUMN public.stage_migration_batches.created_at IS 'When it was planned.';

COMMENT ON COLUMN public.stage_migration_batches.updated_at IS 'When this row last changed.';

COMMENT ON COLUMN public.stage_migration_batches.started_at IS 'When it was claimed last.';

COMMENT ON COLUMN public.stage_migration_batches.completed_at IS 'When its result was recorded.';

COMMENT ON COLUMN public.stage_migration_batches.duration_ms IS 'Milliseconds of its work transaction, up to the recording of the result.';

ALTER TABLE public.stage_migration_batches ALTER COLUMN batch_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.stage_migration_batches_batch_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.stage_migration_control (
    only_row boolean DEFAULT true NOT NULL,
    paused boolean DEFAULT false NOT NULL,
    reason text,
    changed_by text,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT stage_migration_control_only_row_check CHECK (only_row)
);

COMMENT ON TABLE public.stage_migration_control IS 'The pause switch: one row, read by every runner before each batch.';

COMMENT ON COLUMN public.stage_migration_control.only_row IS 'Keeps the table at one row.';

COMMENT ON COLUMN public.stage_migration_control.paused IS 'While true, no runner starts another batch.';

COMMENT ON COLUMN public.stage_migration_control.reason IS 'Why, for people.';

COMMENT ON COLUMN public.stage_migration_control.changed_by IS 'Who turned it.';

COMMENT ON COLUMN public.stage_migration_control.changed_at IS 'When.';

CREATE TABLE public.stage_migration_plans (
    plan_id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by text NOT NULL,
    kind text DEFAULT 'normalize'::text NOT NULL,
    vocabulary_version text NOT NULL,
    code_version text NOT NULL,
    batch_size integer NOT NULL,
    scope jsonb NOT NULL,
    status text DEFAULT 'draft'::text NOT NULL,
    opened_at timestamp with time zone,
    completed_at timestamp with time zone,
    total_batches integer DEFAULT 0 NOT NULL,
    rows_seen bigint DEFAULT 0 NOT NULL,
    rows_canonical bigint DEFAULT 0 NOT NULL,
    rows_null bigint DEFAULT 0 NOT NULL,
    rows_unknown bigint DEFAULT 0 NOT NULL,
    rows_left_as_is bigint DEFAULT 0 NOT NULL,
    rows_to_change bigint DEFAULT 0 NOT NULL,
    CONSTRAINT stage_migration_plans_batch_size_check CHECK ((batch_size > 0)),
    CONSTRAINT stage_migration_plans_kind_check CHECK ((kind = ANY (ARRAY['normalize'::text, 'rollback'::text]))),
    CONSTRAINT stage_migration_plans_status_check CHECK ((status = ANY (ARRAY['draft'::text, 'open'::text, 'completed'::text, 'cancelled'::text, 'rolled_back'::text])))
);

COMMENT ON TABLE public.stage_migration_plans IS 'One row for each recorded plan: which rows would change, under which vocabulary, and how far it is.';

COMMENT ON COLUMN public.stage_migration_plans.plan_id IS 'Number of the plan; `stagenorm run --plan` takes it.';

COMMENT ON COLUMN public.stage_migration_plans.created_at IS 'When the plan was recorded.';

COMMENT ON COLUMN public.stage_migration_plans.created_by IS 'Who recorded it: user@host of the command line, or the Dagster run.';

COMMENT ON COLUMN public.stage_migration_plans.kind IS 'normalize: changes messy spellings. rollback: restores what earlier plans changed.';

COMMENT ON COLUMN public.stage_migration_plans.vocabulary_version IS 'Hash of the vocabulary that gave each spelling its stage.';

COMMENT ON COLUMN public.stage_migration_plans.code_version IS 'Version of the stagenorm package that planned.';

COMMENT ON COLUMN public.stage_migration_plans.batch_size IS 'Most rows that one batch changes.';

COMMENT ON COLUMN public.stage_migration_plans.scope IS 'What the plan covers: {"targets": ["schema.table.column", ...], "all_funds": true} or, for one fund, {"targets": [...], "all_funds": false, "fund_id": "12"} (fund_id null: the rows without a fund). A rollback adds {"rollback": {"plan_id": ..., "batch_id": ..., "since": ...}}, the restore of a backup {"backup": {"file": ..., "sha256": ...}}.';

COMMENT ON COLUMN public.stage_migration_plans.status IS 'draft: recorded, waits for a yes. open: batches may run. completed: every batch ended. cancelled: superseded or dropped. rolled_back: undone.';

COMMENT ON COLUMN public.stage_migration_plans.opened_at IS 'When the plan was opened for applying; from then on its baseline counts for verification.';

COMMENT ON COLUMN public.stage_migration_plans.completed_at IS 'When its last batch ended, or when it was cancelled or rolled back.';

COMMENT ON COLUMN public.stage_migration_plans.total_batches IS 'Batches planned.';

COMMENT ON COLUMN public.stage_migration_plans.rows_seen IS 'Rows in scope when the plan was made, NULL stages included.';

COMMENT ON COLUMN public.stage_migration_plans.rows_canonical IS 'Of those: rows whose stage was canonical, byte for byte.';

COMMENT ON COLUMN public.stage_migration_plans.rows_null IS 'Of those: rows without a stage.';

COMMENT ON COLUMN public.stage_migration_plans.rows_unknown IS 'Of those: rows whose spelling the vocabulary does not map.';

COMMENT ON COLUMN public.stage_migration_plans.rows_left_as_is IS 'Of those: rows whose spelling a reviewer decided to leave as it is.';

COMMENT ON COLUMN public.stage_migration_plans.rows_to_change IS 'Of those: rows whose spelling is known and not canonical; the sum of rows_planned over the batches.';

CREATE VIEW public.stage_migration_current_plans AS
 WITH anchors AS (
         SELECT stage_migration_plans.plan_id,
            stage_migration_plans.opened_at
           FROM public.stage_migration_plans
          WHERE (stage_migration_plans.status = 'open'::text)
        UNION ALL
        ( SELECT stage_migration_plans.plan_id,
            stage_migration_plans.opened_at
           FROM public.stage_migration_plans
          WHERE ((stage_migration_plans.status = 'completed'::text) AND (NOT (EXISTS ( SELECT 1
                   FROM public.stage_migration_plans stage_migration_plans_1
                  WHERE (stage_migration_plans_1.status = 'open'::text)))))
          ORDER BY stage_migration_plans.completed_at DESC, stage_migration_plans.plan_id DESC
         LIMIT 1)
        )
 SELECT anchors.plan_id
   FROM anchors
UNION
 SELECT stage_migration_plans.plan_id
   FROM public.stage_migration_plans
  WHERE ((stage_migration_plans.status = 'completed'::text) AND (stage_migration_plans.completed_at > ( SELECT min(anchors.opened_at) AS min
           FROM anchors)));

COMMENT ON VIEW public.stage_migration_current_plans IS 'The plans that progress is about: the open ones or, when none is open, the one completed last; and those that were completed since the first of these was opened.';

CREATE TABLE public.stage_migration_runners (
    runner_id bigint NOT NULL,
    worker text NOT NULL,
    run_by text NOT NULL,
    plan_id bigint,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_at timestamp with time zone,
    held_since timestamp with time zone,
    hold_reason text,
    backend_pid integer,
    backend_start timestamp with time zone,
    CONSTRAINT stage_migration_runners_check CHECK (((held_since IS NULL) = (hold_reason IS NULL)))
);

COMMENT ON TABLE public.stage_migration_runners IS 'One row for each runner that applied batches: since when, and what holds it. For people; no guarantee rests on it.';

COMMENT ON COLUMN public.stage_migration_runners.runner_id IS 'Number of the runner.';

COMMENT ON COLUMN public.stage_migration_runners.worker IS 'Host, process and way in; as in stage_migration_batches.worker.';

COMMENT ON COLUMN public.stage_migration_runners.run_by IS 'Who started it: user@host.';

COMMENT ON COLUMN public.stage_migration_runners.plan_id IS 'The plan it was started for; NULL: whatever is open.';

COMMENT ON COLUMN public.stage_migration_runners.started_at IS 'When it started.';

COMMENT ON COLUMN public.stage_migration_runners.updated_at IS 'When this row last changed.';

COMMENT ON COLUMN public.stage_migration_runners.ended_at IS 'When it ended; of one that was killed, when a later runner found it gone.';

COMMENT ON COLUMN public.stage_migration_runners.held_since IS 'Since when the throttle has kept it from starting a batch; NULL while it works.';

COMMENT ON COLUMN public.stage_migration_runners.hold_reason IS 'Why, as it was when the hold began or its cause changed.';

COMMENT ON COLUMN public.stage_migration_runners.backend_pid IS 'The server process of its session, by which a dead runner is known; NULL where a pooler is in between, which keeps sessions when clients die.';

COMMENT ON COLUMN public.stage_migration_runners.backend_start IS 'When that process started: process numbers come again.';

CREATE VIEW public.stage_migration_current_runners AS
 SELECT runner_id,
    worker,
    run_by,
    plan_id,
    started_at,
    updated_at,
    held_since,
    hold_reason,
        CASE
            WHEN (backend_pid IS NOT NULL) THEN (EXISTS ( SELECT
               FROM pg_stat_activity a
              WHERE ((a.pid = r.backend_pid) AND COALESCE((a.backend_start = r.backend_start), true))))
            ELSE NULL::boolean
        END AS is_alive
   FROM public.stage_migration_runners r
  WHERE ((ended_at IS NULL) AND ((backend_pid IS NOT NULL) OR (updated_at > (now() - '1 day'::interval))))
  ORDER BY runner_id;

COMMENT ON VIEW public.stage_migration_current_runners IS 'Runners that have not said that they ended. is_alive: false where the session is gone (killed; nothing to repair), NULL where a pooler hides it.';

CREATE TABLE public.stage_migration_enforcements (
    enforcement_id bigint NOT NULL,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    column_name text NOT NULL,
    constraint_name text NOT NULL,
    action text NOT NULL,
    statement text NOT NULL,
    vocabulary_version text NOT NULL,
    done_by text NOT NULL,
    done_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT stage_migration_enforcements_action_check CHECK ((action = ANY (ARRAY['added'::text, 'validated'::text, 'removed'::text])))
);

COMMENT ON TABLE public.stage_migration_enforcements IS 'Append-only: each time that a constraint on a stage column was added, validated or removed, in the same transaction.';

COMMENT ON COLUMN public.stage_migration_enforcements.enforcement_id IS 'Order of what was done.';

COMMENT ON COLUMN public.stage_migration_enforcements.schema_name IS 'Schema of the target table.';

COMMENT ON COLUMN public.stage_migration_enforcements.table_name IS 'Name of the target table.';

COMMENT ON COLUMN public.stage_migration_enforcements.column_name IS 'The stage column.';

COMMENT ON COLUMN public.stage_migration_enforcements.constraint_name IS 'The CHECK constraint.';

COMMENT ON COLUMN public.stage_migration_enforcements.action IS 'added: new rows are judged. validated: so are all that were there. removed: none any more.';

COMMENT ON COLUMN public.stage_migration_enforcements.statement IS 'The statement that did it.';

COMMENT ON COLUMN public.stage_migration_enforcements.vocabulary_version IS 'The vocabulary whose decisions said which spellings are left as they are, and so allowed.';

COMMENT ON COLUMN public.stage_migration_enforcements.done_by IS 'Who did it: user@host of the command line.';

COMMENT ON COLUMN public.stage_migration_enforcements.done_at IS 'When: start of its transaction.';

ALTER TABLE public.stage_migration_enforcements ALTER COLUMN enforcement_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.stage_migration_enforcements_enforcement_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.stage_migration_quarantine (
    quarantine_id bigint NOT NULL,
    plan_id bigint NOT NULL,
    batch_id bigint NOT NULL,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    column_name text NOT NULL,
    fund_id text,
    row_id text NOT NULL,
    stage_before text NOT NULL,
    stage_after text NOT NULL,
    error_message text NOT NULL,
    sqlstate text,
    quarantined_at timestamp with time zone DEFAULT now() NOT NULL,
    resolved_at timestamp with time zone,
    resolution text,
    CONSTRAINT stage_migration_quarantine_check CHECK (((resolved_at IS NULL) = (resolution IS NULL))),
    CONSTRAINT stage_migration_quarantine_resolution_check CHECK ((resolution = ANY (ARRAY['updated'::text, 'skipped'::text, 'superseded'::text, 'rolled_back'::text])))
);

COMMENT ON TABLE public.stage_migration_quarantine IS 'Rows that the database itself refused to change (trigger, constraint), each with its error. Their batch''s other rows went through.';

COMMENT ON COLUMN public.stage_migration_quarantine.quarantine_id IS 'Number of the entry.';

COMMENT ON COLUMN public.stage_migration_quarantine.plan_id IS 'The plan.';

COMMENT ON COLUMN public.stage_migration_quarantine.batch_id IS 'The batch.';

COMMENT ON COLUMN public.stage_migration_quarantine.schema_name IS 'Schema of the target table.';

COMMENT ON COLUMN public.stage_migration_quarantine.table_name IS 'Name of the target table.';

COMMENT ON COLUMN public.stage_migration_quarantine.column_name IS 'The stage column.';

COMMENT ON COLUMN public.stage_migration_quarantine.fund_id IS 'The fund''s id as planned.';

COMMENT ON COLUMN public.stage_migration_quarantine.row_id IS 'Key of the refused row, as text.';

COMMENT ON COLUMN public.stage_migration_quarantine.stage_before IS 'The spelling it holds.';

COMMENT ON COLUMN public.stage_migration_quarantine.stage_after IS 'The stage it was to become.';

COMMENT ON COLUMN public.stage_migration_quarantine.error_message IS 'What the database said.';

COMMENT ON COLUMN public.stage_migration_quarantine.sqlstate IS 'Its SQLSTATE; NULL where a trigger silently suppressed or rewrote the change.';

COMMENT ON COLUMN public.stage_migration_quarantine.quarantined_at IS 'When.';

COMMENT ON COLUMN public.stage_migration_quarantine.resolved_at IS 'When a retry, a newer plan or a rollback settled it; NULL while it waits.';

COMMENT ON COLUMN public.stage_migration_quarantine.resolution IS 'How it was settled.';

CREATE VIEW public.stage_migration_failures AS
 SELECT b.batch_id,
    b.plan_id,
    b.batch_number,
    b.schema_name,
    b.table_name,
    b.column_name,
    b.fund_id,
    b.rows_planned,
    b.rows_failed,
    b.attempts,
    b.error_message,
    b.worker,
    b.updated_at,
    q.row_id,
    q.stage_before,
    q.stage_after,
    q.error_message AS row_error,
    q.sqlstate
   FROM ((public.stage_migration_batches b
     JOIN public.stage_migration_plans p USING (plan_id))
     LEFT JOIN public.stage_migration_quarantine q ON (((q.batch_id = b.batch_id) AND (q.resolved_at IS NULL))))
  WHERE ((b.status = 'failed'::text) AND (p.status = ANY (ARRAY['open'::text, 'completed'::text])))
  ORDER BY b.batch_id, q.quarantine_id;

COMMENT ON VIEW public.stage_migration_failures IS 'Failed batches, one line for each refused row (row_id NULL: the batch failed as a whole); `stagenorm resume` tries them again.';

CREATE TABLE public.stage_migration_plan_spellings (
    plan_id bigint NOT NULL,
    spelling_id integer NOT NULL,
    stage_after text NOT NULL,
    CONSTRAINT stage_migration_plan_spellings_stage_after_check CHECK ((stage_after = ANY (ARRAY['pre-seed'::text, 'seed'::text, 'series-a'::text, 'series-b'::text, 'series-c'::text, 'series-c+'::text])))
);

COMMENT ON TABLE public.stage_migration_plan_spellings IS 'The mapping that a plan was made with: what was shown is what runs.';

COMMENT ON COLUMN public.stage_migration_plan_spellings.plan_id IS 'The plan.';

COMMENT ON COLUMN public.stage_migration_plan_spellings.spelling_id IS 'A messy spelling that the plan changes.';

COMMENT ON COLUMN public.stage_migration_plan_spellings.stage_after IS 'The canonical stage that it becomes.';

CREATE TABLE public.stage_migration_plan_targets (
    plan_id bigint NOT NULL,
    target_no smallint NOT NULL,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    column_name text NOT NULL,
    key_column text NOT NULL,
    fund_column text
);

COMMENT ON TABLE public.stage_migration_plan_targets IS 'The targets that a plan covers, as they were resolved when it was made.';

COMMENT ON COLUMN public.stage_migration_plan_targets.plan_id IS 'The plan.';

COMMENT ON COLUMN public.stage_migration_plan_targets.target_no IS 'Number of the target within the plan, from 1; keeps the baseline narrow.';

COMMENT ON COLUMN public.stage_migration_plan_targets.schema_name IS 'Schema of the target table.';

COMMENT ON COLUMN public.stage_migration_plan_targets.table_name IS 'Name of the target table.';

COMMENT ON COLUMN public.stage_migration_plan_targets.column_name IS 'The stage column.';

COMMENT ON COLUMN public.stage_migration_plan_targets.key_column IS 'The primary key column that identifies its rows.';

COMMENT ON COLUMN public.stage_migration_plan_targets.fund_column IS 'The column with the fund''s id, NULL where the table has none.';

ALTER TABLE public.stage_migration_plans ALTER COLUMN plan_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.stage_migration_plans_plan_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW public.stage_migration_progress AS
 WITH batches AS (
         SELECT b.batch_id,
            b.plan_id,
            b.batch_number,
            b.schema_name,
            b.table_name,
            b.column_name,
            b.fund_id,
            b.range_start,
            b.range_end,
            b.rows_planned,
            b.status,
            b.attempts,
            b.rows_updated,
            b.rows_skipped,
            b.rows_failed,
            b.rows_skipped_changed,
            b.rows_skipped_deleted,
            b.error_message,
            b.worker,
            b.created_at,
            b.updated_at,
            b.started_at,
            b.completed_at,
            b.duration_ms
           FROM (public.stage_migration_batches b
             JOIN public.stage_migration_current_plans USING (plan_id))
          WHERE (b.status <> ALL (ARRAY['cancelled'::text, 'rolled_back'::text]))
        ), paces AS (
         SELECT batches.rows_planned,
            ((batches.duration_ms)::numeric / 1000.0) AS work,
            EXTRACT(epoch FROM (batches.completed_at - GREATEST(lag(batches.completed_at) OVER ends,
                CASE
                    WHEN (row_number() OVER (PARTITION BY batches.worker ORDER BY batches.completed_at, batches.batch_id) = 1) THEN (batches.started_at - '00:01:00'::interval)
                    ELSE NULL::timestamp with time zone
                END,
                CASE
                    WHEN (switch.changed_at < batches.completed_at) THEN switch.changed_at
                    ELSE NULL::timestamp with time zone
                END))) AS seconds,
            (lag(batches.completed_at) OVER ends IS NOT NULL) AS has_earlier
           FROM (batches
             CROSS JOIN public.stage_migration_control switch)
          WHERE ((batches.completed_at IS NOT NULL) AND (batches.rows_updated IS NOT NULL))
          WINDOW ends AS (ORDER BY batches.completed_at, batches.batch_id)
          ORDER BY batches.completed_at DESC, batches.batch_id DESC
         LIMIT 100
        ), lately AS (
         SELECT count(*) AS batches,
            sum(paces.rows_planned) AS rows,
            sum(paces.seconds) AS seconds,
            LEAST(sum(paces.work), sum(paces.seconds)) AS work
           FROM paces
          WHERE paces.has_earlier
        ), totals AS (
         SELECT max(batches.plan_id) AS plan_id,
            count(*) AS total_batches,
            count(*) FILTER (WHERE (batches.status = 'completed'::text)) AS completed_batches,
            count(*) FILTER (WHERE (batches.status = 'pending'::text)) AS pending_batches,
            count(*) FILTER (WHERE (batches.status = 'running'::text)) AS running_batches,
            count(*) FILTER (WHERE (batches.status = 'failed'::text)) AS failed_batches,
            COALESCE(sum(batches.rows_planned), (0)::bigint) AS rows_planned,
            (COALESCE(sum(batches.rows_planned) FILTER (WHERE (batches.rows_updated IS NOT NULL)), (0)::bigint) - COALESCE(sum(batches.rows_failed), (0)::bigint)) AS rows_done,
            COALESCE(sum(COALESCE(batches.rows_failed, batches.rows_planned)) FILTER (WHERE (batches.status = ANY (ARRAY['pending'::text, 'running'::text]))), (0)::bigint) AS rows_waiting,
            COALESCE(sum(batches.rows_updated), (0)::bigint) AS rows_updated,
            COALESCE(sum(batches.rows_skipped), (0)::bigint) AS rows_skipped,
            COALESCE(sum(batches.rows_failed), (0)::bigint) AS rows_failed,
            min(batches.started_at) AS started_at,
            max(batches.completed_at) AS last_completed_at
           FROM batches
        )
 SELECT totals.plan_id,
    totals.total_batches,
    totals.completed_batches,
    totals.pending_batches,
    totals.running_batches,
    totals.failed_batches,
        CASE
            WHEN (totals.rows_planned = 0) THEN 100.0
            ELSE trunc(((100.0 * (totals.rows_done)::numeric) / (totals.rows_planned)::numeric), 1)
        END AS completion_percent,
    totals.rows_planned,
    totals.rows_done,
    totals.rows_waiting,
    totals.rows_updated,
    totals.rows_skipped,
    totals.rows_failed,
        CASE
            WHEN (lately.seconds > (0)::numeric) THEN round(((lately.rows)::numeric / lately.seconds))
            ELSE NULL::numeric
        END AS rows_per_second,
        CASE
            WHEN (totals.rows_waiting = 0) THEN 0.0
            WHEN (lately.seconds > (0)::numeric) THEN round((((((totals.rows_waiting)::numeric * lately.work) / (lately.rows)::numeric) + ((((totals.pending_batches + totals.running_batches))::numeric * (lately.seconds - lately.work)) / (lately.batches)::numeric)) / (60)::numeric), 2)
            ELSE NULL::numeric
        END AS estimated_minutes_remaining,
    totals.started_at,
    totals.last_completed_at
   FROM (totals
     CROSS JOIN lately);

COMMENT ON VIEW public.stage_migration_progress IS 'Overall progress of the current plans, in one row; completion_percent counts rows, not batches; the estimate looks at the last hundred batches and is NULL until two have ended.';

CREATE VIEW public.stage_migration_progress_by_fund AS
 SELECT b.fund_id,
    count(*) AS total_batches,
    count(*) FILTER (WHERE (b.status = 'completed'::text)) AS completed_batches,
    count(*) FILTER (WHERE (b.status = 'pending'::text)) AS pending_batches,
    count(*) FILTER (WHERE (b.status = 'running'::text)) AS running_batches,
    count(*) FILTER (WHERE (b.status = 'failed'::text)) AS failed_batches,
    trunc(((100.0 * ((COALESCE(sum(b.rows_planned) FILTER (WHERE (b.rows_updated IS NOT NULL)), (0)::bigint) - COALESCE(sum(b.rows_failed), (0)::bigint)))::numeric) / (sum(b.rows_planned))::numeric), 1) AS completion_percent,
    sum(b.rows_planned) AS rows_planned,
    COALESCE(sum(b.rows_updated), (0)::bigint) AS rows_updated,
    COALESCE(sum(b.rows_skipped), (0)::bigint) AS rows_skipped,
    COALESCE(sum(b.rows_failed), (0)::bigint) AS rows_failed,
    max(b.completed_at) AS last_completed_at
   FROM (public.stage_migration_batches b
     JOIN public.stage_migration_current_plans USING (plan_id))
  WHERE (b.status <> ALL (ARRAY['cancelled'::text, 'rolled_back'::text]))
  GROUP BY b.fund_id
  ORDER BY b.fund_id;

COMMENT ON VIEW public.stage_migration_progress_by_fund IS 'The same by fund; a NULL fund_id stands for the rows without a fund.';

ALTER TABLE public.stage_migration_quarantine ALTER COLUMN quarantine_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.stage_migration_quarantine_quarantine_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.stage_migration_rollback_batches (
    plan_id bigint NOT NULL,
    batch_id bigint NOT NULL,
    rows_updated integer NOT NULL
);

COMMENT ON TABLE public.stage_migration_rollback_batches IS 'The batches that a rollback takes back as a whole: every change that they made lies in its scope.';

COMMENT ON COLUMN public.stage_migration_rollback_batches.plan_id IS 'The rollback, a plan of kind rollback.';

COMMENT ON COLUMN public.stage_migration_rollback_batches.batch_id IS 'A batch of an earlier plan.';

COMMENT ON COLUMN public.stage_migration_rollback_batches.rows_updated IS 'How many rows it had changed when the rollback was recorded; one that has changed more since is not undone.';

ALTER TABLE public.stage_migration_runners ALTER COLUMN runner_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.stage_migration_runners_runner_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.stage_migration_spellings (
    spelling_id integer NOT NULL,
    spelling_sha256 bytea NOT NULL,
    spelling text NOT NULL COLLATE pg_catalog."C",
    CONSTRAINT stage_migration_spellings_spelling_sha256_check CHECK ((octet_length(spelling_sha256) = 32))
);

COMMENT ON TABLE public.stage_migration_spellings IS 'Each spelling that a plan ever saw, kept once.';

COMMENT ON COLUMN public.stage_migration_spellings.spelling_id IS 'Short number of the spelling, used by baseline and batches.';

COMMENT ON COLUMN public.stage_migration_spellings.spelling_sha256 IS 'SHA-256 of its UTF-8 bytes: the look-up key, since a spelling can be longer than an index entry may be.';

COMMENT ON COLUMN public.stage_migration_spellings.spelling IS 'The spelling, never trimmed, never lowered. Of one longer than 1,000 characters (always unknown, so never changed) the beginning.';

ALTER TABLE public.stage_migration_spellings ALTER COLUMN spelling_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.stage_migration_spellings_spelling_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.stage_migration_vocabularies (
    vocabulary_version text NOT NULL,
    content text NOT NULL,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE public.stage_migration_vocabularies IS 'Each vocabulary that a plan was made with: which spelling meant which stage.';

COMMENT ON COLUMN public.stage_migration_vocabularies.vocabulary_version IS 'The first 16 hexadecimal digits of the SHA-256 of content; stage_migration_plans.vocabulary_version names it.';

COMMENT ON COLUMN public.stage_migration_vocabularies.content IS 'JSON: the built-in aliases and the decisions of that time. Text and not jsonb, which would not keep the bytes that the version is the hash of.';

COMMENT ON COLUMN public.stage_migration_vocabularies.recorded_at IS 'When the first plan with it was recorded.';

CREATE TABLE public.stage_normalization_log (
    id bigint NOT NULL,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    column_name text NOT NULL,
    row_id text NOT NULL,
    fund_id text,
    stage_before text,
    stage_after text,
    action text NOT NULL,
    run_at timestamp with time zone DEFAULT now() NOT NULL,
    plan_id bigint,
    batch_id bigint,
    run_by text DEFAULT CURRENT_USER NOT NULL,
    CONSTRAINT stage_normalization_log_action_check CHECK ((action = ANY (ARRAY['normalize'::text, 'validate'::text, 'force_through'::text, 'rollback'::text]))),
    CONSTRAINT stage_normalization_log_check CHECK (((action <> 'normalize'::text) OR ((stage_after IS NOT NULL) AND (stage_after = ANY (ARRAY['pre-seed'::text, 'seed'::text, 'series-a'::text, 'series-b'::text, 'series-c'::text, 'series-c+'::text])) AND (stage_before IS DISTINCT FROM stage_after))))
);

COMMENT ON TABLE public.stage_normalization_log IS 'Append-only history of every stage that stagenorm changed. A row''s history is ordered by id.';

COMMENT ON COLUMN public.stage_normalization_log.id IS 'Order of the changes.';

COMMENT ON COLUMN public.stage_normalization_log.schema_name IS 'Schema of the target table.';

COMMENT ON COLUMN public.stage_normalization_log.table_name IS 'Name of the target table.';

COMMENT ON COLUMN public.stage_normalization_log.column_name IS 'The stage column.';

COMMENT ON COLUMN public.stage_normalization_log.row_id IS 'Primary key of the changed row, as text.';

COMMENT ON COLUMN public.stage_normalization_log.fund_id IS 'The row''s fund as planned; NULL without one.';

COMMENT ON COLUMN public.stage_normalization_log.stage_before IS 'The spelling that was stored, to the byte.';

COMMENT ON COLUMN public.stage_normalization_log.stage_after IS 'What stands there since.';

COMMENT ON COLUMN public.stage_normalization_log.action IS 'normalize: a plan changed it. rollback: a plan''s change was undone. validate, force_through: kept for entries of other tools.';

COMMENT ON COLUMN public.stage_normalization_log.run_at IS 'Start of the transaction that changed it.';

COMMENT ON COLUMN public.stage_normalization_log.plan_id IS 'The plan.';

COMMENT ON COLUMN public.stage_normalization_log.batch_id IS 'The batch.';

COMMENT ON COLUMN public.stage_normalization_log.run_by IS 'Who ran it: user@host of the command line, or the Dagster run.';

ALTER TABLE public.stage_normalization_log ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.stage_normalization_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.stage_verifications (
    verification_id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by text NOT NULL,
    plan_id bigint,
    scope jsonb NOT NULL,
    strict boolean NOT NULL,
    verdict text NOT NULL,
    checks_passed integer NOT NULL,
    checks_failed integer NOT NULL,
    checks_warned integer NOT NULL,
    report_sha256 text NOT NULL,
    signed_off_at timestamp with time zone,
    signed_off_by text,
    CONSTRAINT stage_verifications_check CHECK (((signed_off_at IS NULL) = (signed_off_by IS NULL))),
    CONSTRAINT stage_verifications_verdict_check CHECK ((verdict = ANY (ARRAY['passed'::text, 'passed_with_warnings'::text, 'failed'::text])))
);

COMMENT ON TABLE public.stage_verifications IS 'One row for each verification: its verdict, its scope, and the hash by which an archived report can be matched.';

COMMENT ON COLUMN public.stage_verifications.verification_id IS 'Number of the verification.';

COMMENT ON COLUMN public.stage_verifications.created_at IS 'When it was made.';

COMMENT ON COLUMN public.stage_verifications.created_by IS 'Who asked for it.';

COMMENT ON COLUMN public.stage_verifications.plan_id IS 'The newest plan that it covers; NULL when there was none.';

COMMENT ON COLUMN public.stage_verifications.scope IS 'Targets and fund, in the form of stage_migration_plans.scope.';

COMMENT ON COLUMN public.stage_verifications.strict IS 'Whether warnings counted as failures.';

COMMENT ON COLUMN public.stage_verifications.verdict IS 'passed, passed_with_warnings or failed.';

COMMENT ON COLUMN public.stage_verifications.checks_passed IS 'Rules that passed.';

COMMENT ON COLUMN public.stage_verifications.checks_failed IS 'Rules that failed as an error.';

COMMENT ON COLUMN public.stage_verifications.checks_warned IS 'Rules that failed as a warning.';

COMMENT ON COLUMN public.stage_verifications.report_sha256 IS 'SHA-256 of the JSON report.';

COMMENT ON COLUMN public.stage_verifications.signed_off_at IS 'When a reviewer signed it off; the next baseline is taken after this.';

COMMENT ON COLUMN public.stage_verifications.signed_off_by IS 'Which reviewer.';

ALTER TABLE public.stage_verifications ALTER COLUMN verification_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.stage_verifications_verification_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY public.deal_opportunities ALTER COLUMN id SET DEFAULT nextval('public.deal_opportunities_id_seq'::regclass);

ALTER TABLE ONLY public.portfoliocompanies ALTER COLUMN id SET DEFAULT nextval('public.portfoliocompanies_id_seq'::regclass);

INSERT INTO public.deal_opportunities (id, fund_id, title, stage) VALUES
	(1, 1, NULL, NULL),
	(4, NULL, NULL, 'series-a'),
	(6, 2, NULL, 'seed'),
	(8, NULL, NULL, NULL),
	(9, 1, NULL, 'series-a'),
	(11, 3, NULL, 'seed'),
	(15, 3, NULL, NULL),
	(22, 2, NULL, NULL),
	(24, NULL, NULL, 'seed'),
	(5, 1, NULL, 'series-c+'),
	(13, 1, NULL, 'pre-seed'),
	(17, 1, NULL, 'series-a'),
	(21, 1, NULL, 'series-c'),
	(2, 2, NULL, 'series-b'),
	(10, 2, NULL, 'series-c+'),
	(14, 2, NULL, 'seed'),
	(18, 2, NULL, 'pre-seed'),
	(3, 3, NULL, 'series-c'),
	(7, 3, NULL, 'series-a'),
	(19, 3, NULL, 'seed'),
	(23, 3, NULL, 'series-c+'),
	(12, NULL, NULL, 'series-a'),
	(16, NULL, NULL, 'series-c'),
	(20, NULL, NULL, 'series-b'),
	(25, 1, NULL, 'Pre-Seed'),
	(26, 1, NULL, 'Pre-Seed'),
	(27, 1, NULL, 'Pre-Seed');

INSERT INTO public.portfoliocompanies (id, fund_id, name, stage) VALUES
	(1, 1, NULL, 'series-a'),
	(2, 2, NULL, 'series-a'),
	(7, 3, NULL, 'seed'),
	(8, NULL, NULL, 'seed'),
	(18, 2, NULL, 'series-a'),
	(24, NULL, NULL, 'seed'),
	(25, 1, NULL, 'series-a'),
	(26, 2, NULL, 'series-a'),
	(31, 3, NULL, 'seed'),
	(32, NULL, NULL, 'seed'),
	(5, 1, NULL, 'series-c+'),
	(9, 1, NULL, 'seed'),
	(13, 1, NULL, 'pre-seed'),
	(17, 1, NULL, 'seed'),
	(21, 1, NULL, 'series-c+'),
	(29, 1, NULL, 'series-c+'),
	(33, 1, NULL, 'seed'),
	(37, 1, NULL, 'pre-seed'),
	(6, 2, NULL, 'pre-seed'),
	(10, 2, NULL, 'series-a'),
	(14, 2, NULL, 'pre-seed'),
	(22, 2, NULL, 'series-c'),
	(30, 2, NULL, 'pre-seed'),
	(34, 2, NULL, 'series-a'),
	(38, 2, NULL, 'pre-seed'),
	(3, 3, NULL, 'series-a'),
	(11, 3, NULL, 'series-a'),
	(15, 3, NULL, 'series-c'),
	(19, 3, NULL, 'series-b'),
	(23, 3, NULL, 'series-c'),
	(27, 3, NULL, 'series-a'),
	(35, 3, NULL, 'series-a'),
	(39, 3, NULL, 'series-c'),
	(4, NULL, NULL, 'series-c+'),
	(12, NULL, NULL, 'series-b'),
	(16, NULL, NULL, 'seed'),
	(20, NULL, NULL, 'series-b'),
	(28, NULL, NULL, 'series-c+'),
	(36, NULL, NULL, 'series-b'),
	(40, NULL, NULL, 'seed'),
	(41, 1, NULL, 'series-c'),
	(45, 1, NULL, 'series-c'),
	(49, 1, NULL, 'series-c'),
	(53, 1, NULL, 'series-c'),
	(43, 3, NULL, 'series-c'),
	(47, 3, NULL, 'series-c'),
	(51, 3, NULL, 'series-c'),
	(55, 3, NULL, 'series-c'),
	(44, NULL, NULL, 'series-b'),
	(48, NULL, NULL, 'series-b'),
	(52, NULL, NULL, 'series-b'),
	(56, NULL, NULL, 'series-b'),
	(59, 3, NULL, 'Series A'),
	(60, NULL, NULL, 'Series A'),
	(63, 3, NULL, 'Series A'),
	(64, NULL, NULL, 'Series A'),
	(66, 2, NULL, 'Series A'),
	(67, 3, NULL, 'Series A'),
	(68, NULL, NULL, 'Series A'),
	(70, 2, NULL, 'Series A'),
	(71, 3, NULL, 'Series A'),
	(72, NULL, NULL, 'Series A'),
	(74, 2, NULL, 'Series A'),
	(75, 3, NULL, 'Series A'),
	(76, NULL, NULL, 'Series A'),
	(57, 1, 'refused', 'Series A'),
	(61, 1, NULL, 'series-a'),
	(65, 1, NULL, 'series-a'),
	(69, 1, NULL, 'series-a'),
	(73, 1, NULL, 'series-a'),
	(42, 2, NULL, 'series-b'),
	(46, 2, NULL, 'series-b'),
	(50, 2, NULL, 'series-b'),
	(54, 2, NULL, 'series-b'),
	(58, 2, NULL, 'series-a'),
	(62, 2, NULL, 'series-a');

INSERT INTO public.stage_migration_baseline (plan_id, target_no, fund_id, spelling_id, kind, rows_counted) VALUES
	(1, 1, '1', 6, 'messy', 2),
	(1, 1, '2', 6, 'messy', 4),
	(1, 1, '1', 1, 'messy', 3),
	(1, 1, NULL, 1, 'messy', 2),
	(1, 1, '1', 8, 'messy', 3),
	(1, 1, NULL, 8, 'messy', 2),
	(1, 1, '2', 3, 'messy', 2),
	(1, 1, '3', 3, 'messy', 4),
	(1, 1, '3', 4, 'canonical', 2),
	(1, 1, NULL, 4, 'canonical', 3),
	(1, 1, '1', 2, 'canonical', 2),
	(1, 1, '2', 2, 'canonical', 3),
	(1, 1, '3', 7, 'messy', 1),
	(1, 1, NULL, 7, 'messy', 3),
	(1, 1, '2', 5, 'messy', 1),
	(1, 1, '3', 5, 'messy', 3),
	(1, 2, '1', 6, 'messy', 1),
	(1, 2, '2', 6, 'messy', 1),
	(1, 2, '1', 1, 'messy', 1),
	(1, 2, '2', 1, 'messy', 1),
	(1, 2, '3', 1, 'messy', 1),
	(1, 2, '2', 8, 'messy', 1),
	(1, 2, '3', 8, 'messy', 1),
	(1, 2, '1', 3, 'messy', 1),
	(1, 2, '3', 3, 'messy', 1),
	(1, 2, NULL, 3, 'messy', 1),
	(1, 2, '2', 4, 'canonical', 1),
	(1, 2, '3', 4, 'canonical', 1),
	(1, 2, NULL, 4, 'canonical', 1),
	(1, 2, '1', 2, 'canonical', 1),
	(1, 2, NULL, 2, 'canonical', 1),
	(1, 2, '2', 7, 'messy', 1),
	(1, 2, NULL, 7, 'messy', 1),
	(1, 2, '1', 5, 'messy', 1),
	(1, 2, '3', 5, 'messy', 1),
	(1, 2, NULL, 5, 'messy', 1),
	(1, 2, '1', NULL, 'null', 1),
	(1, 2, '2', NULL, 'null', 1),
	(1, 2, '3', NULL, 'null', 1),
	(1, 2, NULL, NULL, 'null', 1),
	(2, 1, '2', 13, 'messy', 4),
	(2, 1, NULL, 13, 'messy', 4),
	(2, 1, '1', 14, 'messy', 4),
	(2, 1, '3', 14, 'messy', 4),
	(2, 1, '1', 12, 'canonical', 2),
	(2, 1, '2', 12, 'canonical', 4),
	(2, 1, '1', 4, 'canonical', 3),
	(2, 1, '3', 4, 'canonical', 2),
	(2, 1, NULL, 4, 'canonical', 5),
	(2, 1, '1', 2, 'canonical', 2),
	(2, 1, '2', 2, 'canonical', 5),
	(2, 1, '3', 2, 'canonical', 4),
	(2, 1, '3', 9, 'canonical', 1),
	(2, 1, NULL, 9, 'canonical', 3),
	(2, 1, '2', 10, 'canonical', 1),
	(2, 1, '3', 10, 'canonical', 3),
	(2, 1, '1', 11, 'canonical', 3),
	(2, 1, NULL, 11, 'canonical', 2),
	(2, 2, '1', 12, 'canonical', 1),
	(2, 2, '2', 12, 'canonical', 1),
	(2, 2, '2', 4, 'canonical', 2),
	(2, 2, '3', 4, 'canonical', 2),
	(2, 2, NULL, 4, 'canonical', 1),
	(2, 2, '1', 2, 'canonical', 2),
	(2, 2, '3', 2, 'canonical', 1),
	(2, 2, NULL, 2, 'canonical', 2),
	(2, 2, '2', 9, 'canonical', 1),
	(2, 2, NULL, 9, 'canonical', 1),
	(2, 2, '1', 10, 'canonical', 1),
	(2, 2, '3', 10, 'canonical', 1),
	(2, 2, NULL, 10, 'canonical', 1),
	(2, 2, '1', 11, 'canonical', 1),
	(2, 2, '2', 11, 'canonical', 1),
	(2, 2, '3', 11, 'canonical', 1),
	(2, 2, '1', NULL, 'null', 1),
	(2, 2, '2', NULL, 'null', 1),
	(2, 2, '3', NULL, 'null', 1),
	(2, 2, NULL, NULL, 'null', 1),
	(4, 1, '1', 3, 'messy', 5),
	(4, 1, '2', 3, 'messy', 5),
	(4, 1, '3', 3, 'messy', 5),
	(4, 1, NULL, 3, 'messy', 5),
	(4, 1, '2', 13, 'messy', 4),
	(4, 1, '1', 12, 'canonical', 2),
	(4, 1, '2', 12, 'canonical', 4),
	(4, 1, '1', 4, 'canonical', 3),
	(4, 1, '3', 4, 'canonical', 2),
	(4, 1, NULL, 4, 'canonical', 5),
	(4, 1, '1', 2, 'canonical', 2),
	(4, 1, '2', 2, 'canonical', 5),
	(4, 1, '3', 2, 'canonical', 4),
	(4, 1, '3', 9, 'canonical', 1),
	(4, 1, NULL, 9, 'canonical', 7),
	(4, 1, '1', 10, 'canonical', 4),
	(4, 1, '2', 10, 'canonical', 1),
	(4, 1, '3', 10, 'canonical', 7),
	(4, 1, '1', 11, 'canonical', 3),
	(4, 1, NULL, 11, 'canonical', 2),
	(4, 2, '1', 19, 'messy', 3),
	(4, 2, '1', 12, 'canonical', 1);
INSERT INTO public.stage_migration_baseline (plan_id, target_no, fund_id, spelling_id, kind, rows_counted) VALUES
	(4, 2, '2', 12, 'canonical', 1),
	(4, 2, '2', 4, 'canonical', 2),
	(4, 2, '3', 4, 'canonical', 2),
	(4, 2, NULL, 4, 'canonical', 1),
	(4, 2, '1', 2, 'canonical', 2),
	(4, 2, '3', 2, 'canonical', 1),
	(4, 2, NULL, 2, 'canonical', 2),
	(4, 2, '2', 9, 'canonical', 1),
	(4, 2, NULL, 9, 'canonical', 1),
	(4, 2, '1', 10, 'canonical', 1),
	(4, 2, '3', 10, 'canonical', 1),
	(4, 2, NULL, 10, 'canonical', 1),
	(4, 2, '1', 11, 'canonical', 1),
	(4, 2, '2', 11, 'canonical', 1),
	(4, 2, '3', 11, 'canonical', 1),
	(4, 2, '1', NULL, 'null', 1),
	(4, 2, '2', NULL, 'null', 1),
	(4, 2, '3', NULL, 'null', 1),
	(4, 2, NULL, NULL, 'null', 1);

INSERT INTO public.stage_migration_batch_members (batch_id, row_numbers, row_keys, spelling_ids, restore_ids) VALUES
	(1, '{5,9,13,17}', NULL, '{1,8,6,8}', NULL),
	(2, '{21,29,33,37}', NULL, '{1,1,8,6}', NULL),
	(3, '{6,10,14,22}', NULL, '{6,3,6,5}', NULL),
	(4, '{30,34,38}', NULL, '{6,3,6}', NULL),
	(5, '{3,11,15,19}', NULL, '{3,3,5,7}', NULL),
	(6, '{23,27,35,39}', NULL, '{5,3,3,5}', NULL),
	(7, '{4,12,16,20}', NULL, '{1,7,8,7}', NULL),
	(8, '{28,36,40}', NULL, '{1,7,8}', NULL),
	(9, '{5,13,17,21}', NULL, '{1,6,3,5}', NULL),
	(10, '{2,10,14,18}', NULL, '{7,1,8,6}', NULL),
	(11, '{3,7,19,23}', NULL, '{5,3,8,1}', NULL),
	(12, '{12,16,20}', NULL, '{3,5,7}', NULL),
	(13, '{41,45,49}', NULL, '{14,14,14}', NULL),
	(14, '{53}', NULL, '{14}', NULL),
	(15, '{42,46,50}', NULL, '{13,13,13}', NULL),
	(16, '{54}', NULL, '{13}', NULL),
	(17, '{43,47,51}', NULL, '{14,14,14}', NULL),
	(18, '{55}', NULL, '{14}', NULL),
	(19, '{44,48,52}', NULL, '{13,13,13}', NULL),
	(20, '{56}', NULL, '{13}', NULL),
	(21, '{42,46,50}', NULL, '{9,9,9}', '{13,13,13}'),
	(22, '{54}', NULL, '{9}', '{13}'),
	(23, '{57,61,65}', NULL, '{3,3,3}', NULL),
	(24, '{69,73}', NULL, '{3,3}', NULL),
	(25, '{42,46,50}', NULL, '{13,13,13}', NULL),
	(26, '{54,58,62}', NULL, '{13,3,3}', NULL),
	(27, '{66,70,74}', NULL, '{3,3,3}', NULL),
	(28, '{59,63,67}', NULL, '{3,3,3}', NULL),
	(29, '{71,75}', NULL, '{3,3}', NULL),
	(30, '{60,64,68}', NULL, '{3,3,3}', NULL),
	(31, '{72,76}', NULL, '{3,3}', NULL),
	(32, '{25,26,27}', NULL, '{19,19,19}', NULL);

INSERT INTO public.stage_migration_batches (batch_id, plan_id, batch_number, schema_name, table_name, column_name, fund_id, range_start, range_end, rows_planned, status, attempts, rows_updated, rows_skipped, rows_failed, rows_skipped_changed, rows_skipped_deleted, error_message, worker, created_at, updated_at, started_at, completed_at, duration_ms) OVERRIDING SYSTEM VALUE VALUES
	(1, 1, 1, 'public', 'portfoliocompanies', 'stage', '1', '5', '17', 4, 'completed', 1, 4, 0, 0, 0, 0, NULL, 'worker-1', '2026-11-26 22:15:22.653627+00', '2026-11-26 22:15:23.636696+00', '2026-11-26 22:15:23.484995+00', '2026-11-26 22:15:23.636696+00', 82),
	(2, 1, 2, 'public', 'portfoliocompanies', 'stage', '1', '21', '37', 4, 'completed', 1, 4, 0, 0, 0, 0, NULL, 'worker-1', '2026-11-26 22:15:22.653627+00', '2026-11-26 22:15:23.8073+00', '2026-11-26 22:15:23.714146+00', '2026-11-26 22:15:23.8073+00', 60),
	(3, 1, 3, 'public', 'portfoliocompanies', 'stage', '2', '6', '22', 4, 'completed', 1, 4, 0, 0, 0, 0, NULL, 'worker-1', '2026-11-26 22:15:22.653627+00', '2026-11-26 22:15:23.927119+00', '2026-11-26 22:15:23.871106+00', '2026-11-26 22:15:23.927119+00', 25),
	(4, 1, 4, 'public', 'portfoliocompanies', 'stage', '2', '30', '38', 3, 'completed', 1, 3, 0, 0, 0, 0, NULL, 'worker-1', '2026-11-26 22:15:22.653627+00', '2026-11-26 22:15:24.041952+00', '2026-11-26 22:15:23.970677+00', '2026-11-26 22:15:24.041953+00', 57),
	(5, 1, 5, 'public', 'portfoliocompanies', 'stage', '3', '3', '19', 4, 'completed', 1, 4, 0, 0, 0, 0, NULL, 'worker-1', '2026-11-26 22:15:22.653627+00', '2026-11-26 22:15:24.170527+00', '2026-11-26 22:15:24.091035+00', '2026-11-26 22:15:24.170527+00', 51),
	(6, 1, 6, 'public', 'portfoliocompanies', 'stage', '3', '23', '39', 4, 'completed', 1, 4, 0, 0, 0, 0, NULL, 'worker-1', '2026-11-26 22:15:22.653627+00', '2026-11-26 22:15:24.314629+00', '2026-11-26 22:15:24.250003+00', '2026-11-26 22:15:24.314629+00', 36),
	(7, 1, 7, 'public', 'portfoliocompanies', 'stage', NULL, '4', '20', 4, 'completed', 1, 4, 0, 0, 0, 0, NULL, 'worker-1', '2026-11-26 22:15:22.653627+00', '2026-11-26 22:15:24.442689+00', '2026-11-26 22:15:24.393202+00', '2026-11-26 22:15:24.442689+00', 19),
	(8, 1, 8, 'public', 'portfoliocompanies', 'stage', NULL, '28', '40', 3, 'completed', 1, 3, 0, 0, 0, 0, NULL, 'worker-1', '2026-11-26 22:15:22.653627+00', '2026-11-26 22:15:24.610112+00', '2026-11-26 22:15:24.497808+00', '2026-11-26 22:15:24.610112+00', 88),
	(9, 1, 9, 'public', 'deal_opportunities', 'stage', '1', '5', '21', 4, 'completed', 1, 4, 0, 0, 0, 0, NULL, 'worker-1', '2026-11-26 22:15:22.653627+00', '2026-11-26 22:15:24.85297+00', '2026-11-26 22:15:24.721096+00', '2026-11-26 22:15:24.85297+00', 95),
	(10, 1, 10, 'public', 'deal_opportunities', 'stage', '2', '2', '18', 4, 'completed', 1, 4, 0, 0, 0, 0, NULL, 'worker-1', '2026-11-26 22:15:22.653627+00', '2026-11-26 22:15:24.946604+00', '2026-11-26 22:15:24.902137+00', '2026-11-26 22:15:24.946604+00', 26),
	(11, 1, 11, 'public', 'deal_opportunities', 'stage', '3', '3', '23', 4, 'completed', 1, 4, 0, 0, 0, 0, NULL, 'worker-1', '2026-11-26 22:15:22.653627+00', '2026-11-26 22:15:25.072625+00', '2026-11-26 22:15:24.993278+00', '2026-11-26 22:15:25.072625+00', 58),
	(12, 1, 12, 'public', 'deal_opportunities', 'stage', NULL, '12', '20', 3, 'completed', 1, 3, 0, 0, 0, 0, NULL, 'worker-1', '2026-11-26 22:15:22.653627+00', '2026-11-26 22:15:25.162425+00', '2026-11-26 22:15:25.114435+00', '2026-11-26 22:15:25.162425+00', 28),
	(13, 2, 1, 'public', 'portfoliocompanies', 'stage', '1', '41', '49', 3, 'completed', 1, 3, 0, 0, 0, 0, NULL, 'worker-1', '2026-11-26 22:15:25.965143+00', '2026-11-26 22:15:26.984163+00', '2026-11-26 22:15:26.812763+00', '2026-11-26 22:15:26.984163+00', 100),
	(14, 2, 2, 'public', 'portfoliocompanies', 'stage', '1', '53', '53', 1, 'completed', 1, 1, 0, 0, 0, 0, NULL, 'worker-1', '2026-11-26 22:15:25.965143+00', '2026-11-26 22:15:27.145646+00', '2026-11-26 22:15:27.077513+00', '2026-11-26 22:15:27.145646+00', 41),
	(17, 2, 5, 'public', 'portfoliocompanies', 'stage', '3', '43', '51', 3, 'completed', 1, 3, 0, 0, 0, 0, NULL, 'worker-1', '2026-11-26 22:15:25.965143+00', '2026-11-26 22:15:27.478065+00', '2026-11-26 22:15:27.448462+00', '2026-11-26 22:15:27.478065+00', 26),
	(18, 2, 6, 'public', 'portfoliocompanies', 'stage', '3', '55', '55', 1, 'completed', 1, 1, 0, 0, 0, 0, NULL, 'worker-1', '2026-11-26 22:15:25.965143+00', '2026-11-26 22:15:27.630021+00', '2026-11-26 22:15:27.539373+00', '2026-11-26 22:15:27.630021+00', 65),
	(19, 2, 7, 'public', 'portfoliocompanies', 'stage', NULL, '44', '52', 3, 'completed', 1, 3, 0, 0, 0, 0, NULL, 'worker-1', '2026-11-26 22:15:25.965143+00', '2026-11-26 22:15:27.721394+00', '2026-11-26 22:15:27.674058+00', '2026-11-26 22:15:27.721394+00', 34),
	(20, 2, 8, 'public', 'portfoliocompanies', 'stage', NULL, '56', '56', 1, 'completed', 1, 1, 0, 0, 0, 0, NULL, 'worker-1', '2026-11-26 22:15:25.965143+00', '2026-11-26 22:15:27.776283+00', '2026-11-26 22:15:27.76472+00', '2026-11-26 22:15:27.776283+00', 10),
	(21, 3, 1, 'public', 'portfoliocompanies', 'stage', '2', '42', '50', 3, 'completed', 1, 3, 0, 0, 0, 0, NULL, 'worker-1', '2026-11-26 22:15:28.308451+00', '2026-11-26 22:15:28.849825+00', '2026-11-26 22:15:28.735206+00', '2026-11-26 22:15:28.849825+00', 56),
	(22, 3, 2, 'public', 'portfoliocompanies', 'stage', '2', '54', '54', 1, 'completed', 1, 1, 0, 0, 0, 0, NULL, 'worker-1', '2026-11-26 22:15:28.308451+00', '2026-11-26 22:15:28.950802+00', '2026-11-26 22:15:28.891589+00', '2026-11-26 22:15:28.950802+00', 27),
	(15, 2, 3, 'public', 'portfoliocompanies', 'stage', '2', '42', '50', 3, 'rolled_back', 1, 3, 0, 0, 0, 0, NULL, 'worker-1', '2026-11-26 22:15:25.965143+00', '2026-11-26 22:15:29.054462+00', '2026-11-26 22:15:27.192953+00', '2026-11-26 22:15:27.238113+00', 29),
	(16, 2, 4, 'public', 'portfoliocompanies', 'stage', '2', '54', '54', 1, 'rolled_back', 1, 1, 0, 0, 0, 0, NULL, 'worker-1', '2026-11-26 22:15:25.965143+00', '2026-11-26 22:15:29.054462+00', '2026-11-26 22:15:27.300185+00', '2026-11-26 22:15:27.362188+00', 41),
	(27, 4, 5, 'public', 'portfoliocompanies', 'stage', '2', '66', '74', 3, 'pending', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-11-26 22:15:29.181013+00', '2026-11-26 22:15:29.181013+00', NULL, NULL, NULL),
	(28, 4, 6, 'public', 'portfoliocompanies', 'stage', '3', '59', '67', 3, 'pending', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-11-26 22:15:29.181013+00', '2026-11-26 22:15:29.181013+00', NULL, NULL, NULL),
	(29, 4, 7, 'public', 'portfoliocompanies', 'stage', '3', '71', '75', 2, 'pending', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-11-26 22:15:29.181013+00', '2026-11-26 22:15:29.181013+00', NULL, NULL, NULL),
	(30, 4, 8, 'public', 'portfoliocompanies', 'stage', NULL, '60', '68', 3, 'pending', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-11-26 22:15:29.181013+00', '2026-11-26 22:15:29.181013+00', NULL, NULL, NULL),
	(31, 4, 9, 'public', 'portfoliocompanies', 'stage', NULL, '72', '76', 2, 'pending', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-11-26 22:15:29.181013+00', '2026-11-26 22:15:29.181013+00', NULL, NULL, NULL),
	(32, 4, 10, 'public', 'deal_opportunities', 'stage', '1', '25', '27', 3, 'pending', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-11-26 22:15:29.181013+00', '2026-11-26 22:15:29.181013+00', NULL, NULL, NULL),
	(23, 4, 1, 'public', 'portfoliocompanies', 'stage', '1', '57', '65', 3, 'failed', 1, 2, 0, 1, 0, 0, '1 row(s) refused by the database, first: not this one', 'worker-1', '2026-11-26 22:15:29.181013+00', '2026-11-26 22:15:29.979774+00', '2026-11-26 22:15:29.694819+00', '2026-11-26 22:15:29.979774+00', 108),
	(24, 4, 2, 'public', 'portfoliocompanies', 'stage', '1', '69', '73', 2, 'completed', 1, 2, 0, 0, 0, 0, NULL, 'worker-1', '2026-11-26 22:15:29.181013+00', '2026-11-26 22:15:30.032187+00', '2026-11-26 22:15:29.989592+00', '2026-11-26 22:15:30.032187+00', 23),
	(25, 4, 3, 'public', 'portfoliocompanies', 'stage', '2', '42', '50', 3, 'completed', 1, 3, 0, 0, 0, 0, NULL, 'worker-1', '2026-11-26 22:15:29.181013+00', '2026-11-26 22:15:30.125769+00', '2026-11-26 22:15:30.083257+00', '2026-11-26 22:15:30.125769+00', 30),
	(26, 4, 4, 'public', 'portfoliocompanies', 'stage', '2', '54', '62', 3, 'completed', 1, 3, 0, 0, 0, 0, NULL, 'worker-1', '2026-11-26 22:15:29.181013+00', '2026-11-26 22:15:30.250426+00', '2026-11-26 22:15:30.197865+00', '2026-11-26 22:15:30.250426+00', 43);

INSERT INTO public.stage_migration_control (only_row, paused, reason, changed_by, changed_at) VALUES
	(true, false, NULL, NULL, '2026-11-26 22:15:21.993985+00');

INSERT INTO public.stage_migration_plan_spellings (plan_id, spelling_id, stage_after) VALUES
	(1, 6, 'pre-seed'),
	(1, 1, 'series-c+'),
	(1, 8, 'seed'),
	(1, 3, 'series-a'),
	(1, 7, 'series-b'),
	(1, 5, 'series-c'),
	(2, 13, 'series-b'),
	(2, 14, 'series-c'),
	(4, 3, 'series-a'),
	(4, 13, 'series-b'),
	(4, 19, 'pre-seed');

INSERT INTO public.stage_migration_plan_targets (plan_id, target_no, schema_name, table_name, column_name, key_column, fund_column) VALUES
	(1, 1, 'public', 'portfoliocompanies', 'stage', 'id', 'fund_id'),
	(1, 2, 'public', 'deal_opportunities', 'stage', 'id', 'fund_id'),
	(2, 1, 'public', 'portfoliocompanies', 'stage', 'id', 'fund_id'),
	(2, 2, 'public', 'deal_opportunities', 'stage', 'id', 'fund_id'),
	(3, 1, 'public', 'portfoliocompanies', 'stage', 'id', 'fund_id'),
	(3, 2, 'public', 'deal_opportunities', 'stage', 'id', 'fund_id'),
	(4, 1, 'public', 'portfoliocompanies', 'stage', 'id', 'fund_id'),
	(4, 2, 'public', 'deal_opportunities', 'stage', 'id', 'fund_id');

INSERT INTO public.stage_migration_plans (plan_id, created_at, created_by, kind, vocabulary_version, code_version, batch_size, scope, status, opened_at, completed_at, total_batches, rows_seen, rows_canonical, rows_null, rows_unknown, rows_left_as_is, rows_to_change) OVERRIDING SYSTEM VALUE VALUES
	(1, '2026-11-26 22:15:22.653627+00', 'planner', 'normalize', '2d52ee030f5ad8be', '0.1.0', 4, '{"targets": ["public.portfoliocompanies.stage", "public.deal_opportunities.stage"], "all_funds": true}', 'completed', '2026-11-26 22:15:22.653627+00', '2026-11-26 22:15:25.277819+00', 12, 64, 15, 4, 0, 0, 45),
	(2, '2026-11-26 22:15:25.965143+00', 'planner', 'normalize', '46486d2df11d6c28', '0.1.0', 3, '{"targets": ["public.portfoliocompanies.stage", "public.deal_opportunities.stage"], "all_funds": true}', 'completed', '2026-11-26 22:15:25.965143+00', '2026-11-26 22:15:27.86826+00', 8, 80, 60, 4, 0, 0, 16),
	(3, '2026-11-26 22:15:28.308451+00', 'operator@host', 'rollback', '', '0.1.0', 3, '{"fund_id": "2", "targets": ["public.portfoliocompanies.stage", "public.deal_opportunities.stage"], "rollback": {"since": null, "plan_id": 2, "batch_id": null}, "all_funds": false}', 'completed', '2026-11-26 22:15:28.308451+00', '2026-11-26 22:15:29.054462+00', 2, 0, 0, 0, 0, 0, 4),
	(4, '2026-11-26 22:15:29.181013+00', 'planner', 'normalize', '46486d2df11d6c28', '0.1.0', 3, '{"targets": ["public.portfoliocompanies.stage", "public.deal_opportunities.stage"], "all_funds": true}', 'open', '2026-11-26 22:15:29.181013+00', NULL, 10, 103, 72, 4, 0, 0, 27);

INSERT INTO public.stage_migration_quarantine (quarantine_id, plan_id, batch_id, schema_name, table_name, column_name, fund_id, row_id, stage_before, stage_after, error_message, sqlstate, quarantined_at, resolved_at, resolution) OVERRIDING SYSTEM VALUE VALUES
	(1, 4, 23, 'public', 'portfoliocompanies', 'stage', '1', '57', 'Series A', 'series-a', 'not this one', 'P0001', '2026-11-26 22:15:29.871408+00', NULL, NULL);

INSERT INTO public.stage_migration_rollback_batches (plan_id, batch_id, rows_updated) VALUES
	(3, 15, 3),
	(3, 16, 1);

INSERT INTO public.stage_migration_runners (runner_id, worker, run_by, plan_id, started_at, updated_at, ended_at, held_since, hold_reason, backend_pid, backend_start) OVERRIDING SYSTEM VALUE VALUES
	(1, 'worker-1', 'operator@host', 1, '2026-11-26 22:15:23.501557+00', '2026-11-26 22:15:25.30073+00', '2026-11-26 22:15:25.30073+00', NULL, NULL, 9208, '2026-11-26 22:15:22.74687+00'),
	(2, 'worker-1', 'operator@host', 2, '2026-11-26 22:15:26.852873+00', '2026-11-26 22:15:27.879966+00', '2026-11-26 22:15:27.879966+00', NULL, NULL, 9193, '2026-11-26 22:15:21.856928+00'),
	(3, 'worker-1', 'operator@host', 3, '2026-11-26 22:15:28.763924+00', '2026-11-26 22:15:29.088476+00', '2026-11-26 22:15:29.088476+00', NULL, NULL, 9208, '2026-11-26 22:15:22.74687+00'),
	(4, 'worker-1', 'operator@host', 4, '2026-11-26 22:15:29.709582+00', '2026-11-26 22:15:30.287159+00', '2026-11-26 22:15:30.287159+00', NULL, NULL, 9208, '2026-11-26 22:15:22.74687+00');

INSERT INTO public.stage_migration_spellings (spelling_id, spelling_sha256, spelling) OVERRIDING SYSTEM VALUE VALUES
	(1, '\xbc9489822e9e0ba5915ce67cdf53ba17b23fe72e396b36d55b02a3c8f3f42b75', 'SERIES  C+'),
	(2, '\x512309879f941cc78497f39c9092613de701a93ed063065be62dc6c0768e5a83', 'series-a'),
	(3, '\x15ba9928f2485e7c307bd09d4a40f8b274e80cdd5cceeb665651e7549162323c', 'Series A'),
	(4, '\x19b25856e1c150ca834cffc8b59b23adbd0ec0389e58eb22b3b64768098d002b', 'seed'),
	(5, '\xd4fbfb78d659969c8848c1b2e541a7acea53c1fa51fb4389bdbd7650800a2661', 'serіes_с'),
	(6, '\xc23bd34bed58c0bbeeefbff606cc642eb78db0229ad9a7a1eaf34a31d7c3f001', 'Pre Seed'),
	(7, '\x32bba785a410ed8a112b71800564525457adf1cf35efdd6022678439f649fcae', 'seriesb'),
	(8, '\x367ef06b8fbf3aaaccd9cff1301628fae45901ccd9661b5a1b256c7cc5314d24', 'Seed'),
	(9, '\xc9f51b2cf71fdcdcce8e2479d80447bbe6dea4532b13a1a9d6f7fb8c0cf1013a', 'series-b'),
	(10, '\x231ae665acb435ef427d47818281294fa10e14c76243777d54c05ce115f50ac8', 'series-c'),
	(11, '\xa8acf385b1355c75284fd8b59af85509398f4fdff3db6848c86e9b3ed5d88f4e', 'series-c+'),
	(12, '\x3ebfce7e665b8810190a7b11660eefde80d1344d543972ca463a57c6edb65f76', 'pre-seed'),
	(13, '\x3e9e86e0d88e9b70a8b27757308c3de903f5100c0574cb9614b6c81b26dd5605', 'Series B'),
	(14, '\x19c64195eb8f22c39b4bad63078823ddd82e6d61847b25f1f5b969be6c891661', 'growth'),
	(19, '\xd00d4d42bcc77bd994c1d761591eba4ceed6603ea67a80b5be7b33f686f6e968', 'Pre-Seed');

INSERT INTO public.stage_migration_vocabularies (vocabulary_version, content, recorded_at) VALUES
	('2d52ee030f5ad8be', '{"aliases":{"pre seed":"pre-seed","pre-seed":"pre-seed","pre_seed":"pre-seed","preseed":"pre-seed","seed":"seed","series a":"series-a","series b":"series-b","series c":"series-c","series c+":"series-c+","series-a":"series-a","series-b":"series-b","series-c":"series-c","series-c+":"series-c+","series_a":"series-a","series_b":"series-b","series_c":"series-c","series_c+":"series-c+","seriesa":"series-a","seriesb":"series-b","seriesc+":"series-c+","series\u0430":"series-a","series\u0441":"series-c","series\u0441+":"series-c+","series\u044c":"series-b"},"decisions":{},"folding":{"\u0430":"a","\u0435":"e","\u0440":"p","\u0441":"c","\u0455":"s","\u0456":"i","\u0501":"d","\u058a":"-","\u05be":"-","\u1400":"-","\u1806":"-","\u2010":"-","\u2012":"-","\u2013":"-","\u2014":"-","\u2015":"-","\u2212":"-","\u2e17":"-","\u2e1a":"-","\u2e3a":"-","\u2e3b":"-","\u2e40":"-","\u2e5d":"-","\u301c":"-","\u3030":"-","\u30a0":"-","\ud803\udd6e":"-","\ud803\udead":"-"},"steps":1}', '2026-11-26 22:15:22.653627+00'),
	('46486d2df11d6c28', '{"aliases":{"pre seed":"pre-seed","pre-seed":"pre-seed","pre_seed":"pre-seed","preseed":"pre-seed","seed":"seed","series a":"series-a","series b":"series-b","series c":"series-c","series c+":"series-c+","series-a":"series-a","series-b":"series-b","series-c":"series-c","series-c+":"series-c+","series_a":"series-a","series_b":"series-b","series_c":"series-c","series_c+":"series-c+","seriesa":"series-a","seriesb":"series-b","seriesc+":"series-c+","series\u0430":"series-a","series\u0441":"series-c","series\u0441+":"series-c+","series\u044c":"series-b"},"decisions":{"growth":"series-c"},"folding":{"\u0430":"a","\u0435":"e","\u0440":"p","\u0441":"c","\u0455":"s","\u0456":"i","\u0501":"d","\u058a":"-","\u05be":"-","\u1400":"-","\u1806":"-","\u2010":"-","\u2012":"-","\u2013":"-","\u2014":"-","\u2015":"-","\u2212":"-","\u2e17":"-","\u2e1a":"-","\u2e3a":"-","\u2e3b":"-","\u2e40":"-","\u2e5d":"-","\u301c":"-","\u3030":"-","\u30a0":"-","\ud803\udd6e":"-","\ud803\udead":"-"},"steps":1}', '2026-11-26 22:15:25.965143+00');

INSERT INTO public.stage_normalization_log (id, schema_name, table_name, column_name, row_id, fund_id, stage_before, stage_after, action, run_at, plan_id, batch_id, run_by) OVERRIDING SYSTEM VALUE VALUES
	(1, 'public', 'portfoliocompanies', 'stage', '5', '1', 'SERIES  C+', 'series-c+', 'normalize', '2026-11-26 22:15:23.554291+00', 1, 1, 'operator@host'),
	(2, 'public', 'portfoliocompanies', 'stage', '9', '1', 'Seed', 'seed', 'normalize', '2026-11-26 22:15:23.554291+00', 1, 1, 'operator@host'),
	(3, 'public', 'portfoliocompanies', 'stage', '13', '1', 'Pre Seed', 'pre-seed', 'normalize', '2026-11-26 22:15:23.554291+00', 1, 1, 'operator@host'),
	(4, 'public', 'portfoliocompanies', 'stage', '17', '1', 'Seed', 'seed', 'normalize', '2026-11-26 22:15:23.554291+00', 1, 1, 'operator@host'),
	(5, 'public', 'portfoliocompanies', 'stage', '21', '1', 'SERIES  C+', 'series-c+', 'normalize', '2026-11-26 22:15:23.747131+00', 1, 2, 'operator@host'),
	(6, 'public', 'portfoliocompanies', 'stage', '29', '1', 'SERIES  C+', 'series-c+', 'normalize', '2026-11-26 22:15:23.747131+00', 1, 2, 'operator@host'),
	(7, 'public', 'portfoliocompanies', 'stage', '33', '1', 'Seed', 'seed', 'normalize', '2026-11-26 22:15:23.747131+00', 1, 2, 'operator@host'),
	(8, 'public', 'portfoliocompanies', 'stage', '37', '1', 'Pre Seed', 'pre-seed', 'normalize', '2026-11-26 22:15:23.747131+00', 1, 2, 'operator@host'),
	(9, 'public', 'portfoliocompanies', 'stage', '6', '2', 'Pre Seed', 'pre-seed', 'normalize', '2026-11-26 22:15:23.902337+00', 1, 3, 'operator@host'),
	(10, 'public', 'portfoliocompanies', 'stage', '10', '2', 'Series A', 'series-a', 'normalize', '2026-11-26 22:15:23.902337+00', 1, 3, 'operator@host'),
	(11, 'public', 'portfoliocompanies', 'stage', '14', '2', 'Pre Seed', 'pre-seed', 'normalize', '2026-11-26 22:15:23.902337+00', 1, 3, 'operator@host'),
	(12, 'public', 'portfoliocompanies', 'stage', '22', '2', 'serіes_с', 'series-c', 'normalize', '2026-11-26 22:15:23.902337+00', 1, 3, 'operator@host'),
	(13, 'public', 'portfoliocompanies', 'stage', '30', '2', 'Pre Seed', 'pre-seed', 'normalize', '2026-11-26 22:15:23.98475+00', 1, 4, 'operator@host'),
	(14, 'public', 'portfoliocompanies', 'stage', '34', '2', 'Series A', 'series-a', 'normalize', '2026-11-26 22:15:23.98475+00', 1, 4, 'operator@host'),
	(15, 'public', 'portfoliocompanies', 'stage', '38', '2', 'Pre Seed', 'pre-seed', 'normalize', '2026-11-26 22:15:23.98475+00', 1, 4, 'operator@host'),
	(16, 'public', 'portfoliocompanies', 'stage', '3', '3', 'Series A', 'series-a', 'normalize', '2026-11-26 22:15:24.119938+00', 1, 5, 'operator@host'),
	(17, 'public', 'portfoliocompanies', 'stage', '11', '3', 'Series A', 'series-a', 'normalize', '2026-11-26 22:15:24.119938+00', 1, 5, 'operator@host'),
	(18, 'public', 'portfoliocompanies', 'stage', '15', '3', 'serіes_с', 'series-c', 'normalize', '2026-11-26 22:15:24.119938+00', 1, 5, 'operator@host'),
	(19, 'public', 'portfoliocompanies', 'stage', '19', '3', 'seriesb', 'series-b', 'normalize', '2026-11-26 22:15:24.119938+00', 1, 5, 'operator@host'),
	(20, 'public', 'portfoliocompanies', 'stage', '23', '3', 'serіes_с', 'series-c', 'normalize', '2026-11-26 22:15:24.278449+00', 1, 6, 'operator@host'),
	(21, 'public', 'portfoliocompanies', 'stage', '27', '3', 'Series A', 'series-a', 'normalize', '2026-11-26 22:15:24.278449+00', 1, 6, 'operator@host'),
	(22, 'public', 'portfoliocompanies', 'stage', '35', '3', 'Series A', 'series-a', 'normalize', '2026-11-26 22:15:24.278449+00', 1, 6, 'operator@host'),
	(23, 'public', 'portfoliocompanies', 'stage', '39', '3', 'serіes_с', 'series-c', 'normalize', '2026-11-26 22:15:24.278449+00', 1, 6, 'operator@host'),
	(24, 'public', 'portfoliocompanies', 'stage', '4', NULL, 'SERIES  C+', 'series-c+', 'normalize', '2026-11-26 22:15:24.423216+00', 1, 7, 'operator@host'),
	(25, 'public', 'portfoliocompanies', 'stage', '12', NULL, 'seriesb', 'series-b', 'normalize', '2026-11-26 22:15:24.423216+00', 1, 7, 'operator@host'),
	(26, 'public', 'portfoliocompanies', 'stage', '16', NULL, 'Seed', 'seed', 'normalize', '2026-11-26 22:15:24.423216+00', 1, 7, 'operator@host'),
	(27, 'public', 'portfoliocompanies', 'stage', '20', NULL, 'seriesb', 'series-b', 'normalize', '2026-11-26 22:15:24.423216+00', 1, 7, 'operator@host'),
	(28, 'public', 'portfoliocompanies', 'stage', '28', NULL, 'SERIES  C+', 'series-c+', 'normalize', '2026-11-26 22:15:24.52202+00', 1, 8, 'operator@host'),
	(29, 'public', 'portfoliocompanies', 'stage', '36', NULL, 'seriesb', 'series-b', 'normalize', '2026-11-26 22:15:24.52202+00', 1, 8, 'operator@host'),
	(30, 'public', 'portfoliocompanies', 'stage', '40', NULL, 'Seed', 'seed', 'normalize', '2026-11-26 22:15:24.52202+00', 1, 8, 'operator@host'),
	(31, 'public', 'deal_opportunities', 'stage', '5', '1', 'SERIES  C+', 'series-c+', 'normalize', '2026-11-26 22:15:24.757929+00', 1, 9, 'operator@host'),
	(32, 'public', 'deal_opportunities', 'stage', '13', '1', 'Pre Seed', 'pre-seed', 'normalize', '2026-11-26 22:15:24.757929+00', 1, 9, 'operator@host'),
	(33, 'public', 'deal_opportunities', 'stage', '17', '1', 'Series A', 'series-a', 'normalize', '2026-11-26 22:15:24.757929+00', 1, 9, 'operator@host'),
	(34, 'public', 'deal_opportunities', 'stage', '21', '1', 'serіes_с', 'series-c', 'normalize', '2026-11-26 22:15:24.757929+00', 1, 9, 'operator@host'),
	(35, 'public', 'deal_opportunities', 'stage', '2', '2', 'seriesb', 'series-b', 'normalize', '2026-11-26 22:15:24.920318+00', 1, 10, 'operator@host'),
	(36, 'public', 'deal_opportunities', 'stage', '10', '2', 'SERIES  C+', 'series-c+', 'normalize', '2026-11-26 22:15:24.920318+00', 1, 10, 'operator@host'),
	(37, 'public', 'deal_opportunities', 'stage', '14', '2', 'Seed', 'seed', 'normalize', '2026-11-26 22:15:24.920318+00', 1, 10, 'operator@host'),
	(38, 'public', 'deal_opportunities', 'stage', '18', '2', 'Pre Seed', 'pre-seed', 'normalize', '2026-11-26 22:15:24.920318+00', 1, 10, 'operator@host'),
	(39, 'public', 'deal_opportunities', 'stage', '3', '3', 'serіes_с', 'series-c', 'normalize', '2026-11-26 22:15:25.014974+00', 1, 11, 'operator@host'),
	(40, 'public', 'deal_opportunities', 'stage', '7', '3', 'Series A', 'series-a', 'normalize', '2026-11-26 22:15:25.014974+00', 1, 11, 'operator@host'),
	(41, 'public', 'deal_opportunities', 'stage', '19', '3', 'Seed', 'seed', 'normalize', '2026-11-26 22:15:25.014974+00', 1, 11, 'operator@host'),
	(42, 'public', 'deal_opportunities', 'stage', '23', '3', 'SERIES  C+', 'series-c+', 'normalize', '2026-11-26 22:15:25.014974+00', 1, 11, 'operator@host'),
	(43, 'public', 'deal_opportunities', 'stage', '12', NULL, 'Series A', 'series-a', 'normalize', '2026-11-26 22:15:25.134536+00', 1, 12, 'operator@host'),
	(44, 'public', 'deal_opportunities', 'stage', '16', NULL, 'serіes_с', 'series-c', 'normalize', '2026-11-26 22:15:25.134536+00', 1, 12, 'operator@host'),
	(45, 'public', 'deal_opportunities', 'stage', '20', NULL, 'seriesb', 'series-b', 'normalize', '2026-11-26 22:15:25.134536+00', 1, 12, 'operator@host'),
	(46, 'public', 'portfoliocompanies', 'stage', '41', '1', 'growth', 'series-c', 'normalize', '2026-11-26 22:15:26.884313+00', 2, 13, 'operator@host'),
	(47, 'public', 'portfoliocompanies', 'stage', '45', '1', 'growth', 'series-c', 'normalize', '2026-11-26 22:15:26.884313+00', 2, 13, 'operator@host'),
	(48, 'public', 'portfoliocompanies', 'stage', '49', '1', 'growth', 'series-c', 'normalize', '2026-11-26 22:15:26.884313+00', 2, 13, 'operator@host'),
	(49, 'public', 'portfoliocompanies', 'stage', '53', '1', 'growth', 'series-c', 'normalize', '2026-11-26 22:15:27.104999+00', 2, 14, 'operator@host'),
	(50, 'public', 'portfoliocompanies', 'stage', '42', '2', 'Series B', 'series-b', 'normalize', '2026-11-26 22:15:27.209361+00', 2, 15, 'operator@host'),
	(51, 'public', 'portfoliocompanies', 'stage', '46', '2', 'Series B', 'series-b', 'normalize', '2026-11-26 22:15:27.209361+00', 2, 15, 'operator@host'),
	(52, 'public', 'portfoliocompanies', 'stage', '50', '2', 'Series B', 'series-b', 'normalize', '2026-11-26 22:15:27.209361+00', 2, 15, 'operator@host'),
	(53, 'public', 'portfoliocompanies', 'stage', '54', '2', 'Series B', 'series-b', 'normalize', '2026-11-26 22:15:27.320843+00', 2, 16, 'operator@host'),
	(54, 'public', 'portfoliocompanies', 'stage', '43', '3', 'growth', 'series-c', 'normalize', '2026-11-26 22:15:27.451969+00', 2, 17, 'operator@host'),
	(55, 'public', 'portfoliocompanies', 'stage', '47', '3', 'growth', 'series-c', 'normalize', '2026-11-26 22:15:27.451969+00', 2, 17, 'operator@host'),
	(56, 'public', 'portfoliocompanies', 'stage', '51', '3', 'growth', 'series-c', 'normalize', '2026-11-26 22:15:27.451969+00', 2, 17, 'operator@host'),
	(57, 'public', 'portfoliocompanies', 'stage', '55', '3', 'growth', 'series-c', 'normalize', '2026-11-26 22:15:27.565501+00', 2, 18, 'operator@host'),
	(58, 'public', 'portfoliocompanies', 'stage', '44', NULL, 'Series B', 'series-b', 'normalize', '2026-11-26 22:15:27.687202+00', 2, 19, 'operator@host'),
	(59, 'public', 'portfoliocompanies', 'stage', '48', NULL, 'Series B', 'series-b', 'normalize', '2026-11-26 22:15:27.687202+00', 2, 19, 'operator@host'),
	(60, 'public', 'portfoliocompanies', 'stage', '52', NULL, 'Series B', 'series-b', 'normalize', '2026-11-26 22:15:27.687202+00', 2, 19, 'operator@host'),
	(61, 'public', 'portfoliocompanies', 'stage', '56', NULL, 'Series B', 'series-b', 'normalize', '2026-11-26 22:15:27.766364+00', 2, 20, 'operator@host'),
	(70, 'public', 'portfoliocompanies', 'stage', '61', '1', 'Series A', 'series-a', 'normalize', '2026-11-26 22:15:29.871408+00', 4, 23, 'operator@host'),
	(71, 'public', 'portfoliocompanies', 'stage', '65', '1', 'Series A', 'series-a', 'normalize', '2026-11-26 22:15:29.871408+00', 4, 23, 'operator@host'),
	(72, 'public', 'portfoliocompanies', 'stage', '69', '1', 'Series A', 'series-a', 'normalize', '2026-11-26 22:15:30.009233+00', 4, 24, 'operator@host'),
	(73, 'public', 'portfoliocompanies', 'stage', '73', '1', 'Series A', 'series-a', 'normalize', '2026-11-26 22:15:30.009233+00', 4, 24, 'operator@host'),
	(74, 'public', 'portfoliocompanies', 'stage', '42', '2', 'Series B', 'series-b', 'normalize', '2026-11-26 22:15:30.095957+00', 4, 25, 'operator@host'),
	(75, 'public', 'portfoliocompanies', 'stage', '46', '2', 'Series B', 'series-b', 'normalize', '2026-11-26 22:15:30.095957+00', 4, 25, 'operator@host'),
	(76, 'public', 'portfoliocompanies', 'stage', '50', '2', 'Series B', 'series-b', 'normalize', '2026-11-26 22:15:30.095957+00', 4, 25, 'operator@host'),
	(77, 'public', 'portfoliocompanies', 'stage', '54', '2', 'Series B', 'series-b', 'normalize', '2026-11-26 22:15:30.20737+00', 4, 26, 'operator@host'),
	(78, 'public', 'portfoliocompanies', 'stage', '58', '2', 'Series A', 'series-a', 'normalize', '2026-11-26 22:15:30.20737+00', 4, 26, 'operator@host'),
	(79, 'public', 'portfoliocompanies', 'stage', '62', '2', 'Series A', 'series-a', 'normalize', '2026-11-26 22:15:30.20737+00', 4, 26, 'operator@host'),
	(62, 'public', 'portfoliocompanies', 'stage', '42', '2', 'series-b', 'Series B', 'rollback', '2026-11-26 22:15:28.793633+00', 3, 21, 'operator@host'),
	(63, 'public', 'portfoliocompanies', 'stage', '46', '2', 'series-b', 'Series B', 'rollback', '2026-11-26 22:15:28.793633+00', 3, 21, 'operator@host'),
	(64, 'public', 'portfoliocompanies', 'stage', '50', '2', 'series-b', 'Series B', 'rollback', '2026-11-26 22:15:28.793633+00', 3, 21, 'operator@host'),
	(65, 'public', 'portfoliocompanies', 'stage', '54', '2', 'series-b', 'Series B', 'rollback', '2026-11-26 22:15:28.923837+00', 3, 22, 'operator@host');

INSERT INTO public.stage_verifications (verification_id, created_at, created_by, plan_id, scope, strict, verdict, checks_passed, checks_failed, checks_warned, report_sha256, signed_off_at, signed_off_by) OVERRIDING SYSTEM VALUE VALUES
	(1, '2026-11-26 22:15:25.325803+00', 'reviewer', 1, '{"targets": ["public.portfoliocompanies.stage", "public.deal_opportunities.stage"], "all_funds": true}', false, 'passed', 7, 0, 0, '845e91831319e89c4d656bdb80c278ac09a7230d61e5dfd2e1b1fbb436ac8917', '2026-11-26 22:15:25.892366+00', 'Ana Reviewer');

SELECT pg_catalog.setval('public.deal_opportunities_id_seq', 27, true);

SELECT pg_catalog.setval('public.portfoliocompanies_id_seq', 76, true);

SELECT pg_catalog.setval('public.stage_migration_backups_backup_id_seq', 1, false);

SELECT pg_catalog.setval('public.stage_migration_batches_batch_id_seq', 32, true);

SELECT pg_catalog.setval('public.stage_migration_enforcements_enforcement_id_seq', 1, false);

SELECT pg_catalog.setval('public.stage_migration_plans_plan_id_seq', 4, true);

SELECT pg_catalog.setval('public.stage_migration_quarantine_quarantine_id_seq', 1, true);

SELECT pg_catalog.setval('public.stage_migration_runners_runner_id_seq', 4, true);

SELECT pg_catalog.setval('public.stage_migration_spellings_spelling_id_seq', 19, true);

SELECT pg_catalog.setval('public.stage_normalization_log_id_seq', 79, true);

SELECT pg_catalog.setval('public.stage_verifications_verification_id_seq', 1, true);

ALTER TABLE ONLY public.deal_opportunities
    ADD CONSTRAINT deal_opportunities_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.portfoliocompanies
    ADD CONSTRAINT portfoliocompanies_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.stage_migration_backups
    ADD CONSTRAINT stage_migration_backups_pkey PRIMARY KEY (backup_id);

ALTER TABLE ONLY public.stage_migration_batch_members
    ADD CONSTRAINT stage_migration_batch_members_pkey PRIMARY KEY (batch_id);

ALTER TABLE ONLY public.stage_migration_batches
    ADD CONSTRAINT stage_migration_batches_pkey PRIMARY KEY (batch_id);

ALTER TABLE ONLY public.stage_migration_control
    ADD CONSTRAINT stage_migration_control_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY public.stage_migration_enforcements
    ADD CONSTRAINT stage_migration_enforcements_pkey PRIMARY KEY (enforcement_id);

ALTER TABLE ONLY public.stage_migration_plan_spellings
    ADD CONSTRAINT stage_migration_plan_spellings_pkey PRIMARY KEY (plan_id, spelling_id);

ALTER TABLE ONLY public.stage_migration_plan_targets
    ADD CONSTRAINT stage_migration_plan_targets_pkey PRIMARY KEY (plan_id, target_no);

ALTER TABLE ONLY public.stage_migration_plans
    ADD CONSTRAINT stage_migration_plans_pkey PRIMARY KEY (plan_id);

ALTER TABLE ONLY public.stage_migration_quarantine
    ADD CONSTRAINT stage_migration_quarantine_pkey PRIMARY KEY (quarantine_id);

ALTER TABLE ONLY public.stage_migration_rollback_batches
    ADD CONSTRAINT stage_migration_rollback_batches_pkey PRIMARY KEY (plan_id, batch_id);

ALTER TABLE ONLY public.stage_migration_runners
    ADD CONSTRAINT stage_migration_runners_pkey PRIMARY KEY (runner_id);

ALTER TABLE ONLY public.stage_migration_spellings
    ADD CONSTRAINT stage_migration_spellings_pkey PRIMARY KEY (spelling_id);

ALTER TABLE ONLY public.stage_migration_spellings
    ADD CONSTRAINT stage_migration_spellings_spelling_sha256_key UNIQUE (spelling_sha256);

ALTER TABLE ONLY public.stage_migration_vocabularies
    ADD CONSTRAINT stage_migration_vocabularies_pkey PRIMARY KEY (vocabulary_version);

ALTER TABLE ONLY public.stage_normalization_log
    ADD CONSTRAINT stage_normalization_log_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.stage_verifications
    ADD CONSTRAINT stage_verifications_pkey PRIMARY KEY (verification_id);

CREATE INDEX stage_migration_baseline_plan ON public.stage_migration_baseline USING btree (plan_id, target_no);

CREATE UNIQUE INDEX stage_migration_batches_number ON public.stage_migration_batches USING btree (plan_id, batch_number);

CREATE INDEX stage_migration_batches_waiting ON public.stage_migration_batches USING btree (fund_id, plan_id, batch_number) WHERE (status = ANY (ARRAY['pending'::text, 'running'::text, 'failed'::text]));

CREATE UNIQUE INDEX stage_migration_quarantine_open ON public.stage_migration_quarantine USING btree (batch_id, row_id) WHERE (resolved_at IS NULL);

CREATE INDEX stage_normalization_log_batch ON public.stage_normalization_log USING brin (plan_id, batch_id) WITH (pages_per_range='32', autosummarize='on');

CREATE INDEX stage_normalization_log_run_at ON public.stage_normalization_log USING brin (run_at) WITH (pages_per_range='32', autosummarize='on');

ALTER TABLE ONLY public.stage_migration_baseline
    ADD CONSTRAINT stage_migration_baseline_plan_id_target_no_fkey FOREIGN KEY (plan_id, target_no) REFERENCES public.stage_migration_plan_targets(plan_id, target_no) ON DELETE CASCADE;

ALTER TABLE ONLY public.stage_migration_baseline
    ADD CONSTRAINT stage_migration_baseline_spelling_id_fkey FOREIGN KEY (spelling_id) REFERENCES public.stage_migration_spellings(spelling_id);

ALTER TABLE ONLY public.stage_migration_batch_members
    ADD CONSTRAINT stage_migration_batch_members_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES public.stage_migration_batches(batch_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.stage_migration_batches
    ADD CONSTRAINT stage_migration_batches_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES public.stage_migration_plans(plan_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.stage_migration_plan_spellings
    ADD CONSTRAINT stage_migration_plan_spellings_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES public.stage_migration_plans(plan_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.stage_migration_plan_spellings
    ADD CONSTRAINT stage_migration_plan_spellings_spelling_id_fkey FOREIGN KEY (spelling_id) REFERENCES public.stage_migration_spellings(spelling_id);

ALTER TABLE ONLY public.stage_migration_plan_targets
    ADD CONSTRAINT stage_migration_plan_targets_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES public.stage_migration_plans(plan_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.stage_migration_rollback_batches
    ADD CONSTRAINT stage_migration_rollback_batches_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES public.stage_migration_plans(plan_id) ON DELETE CASCADE;
