-- Create the tables of approvals: whether plans need one, who recorded each plan, and who approved it.
--
-- Runs in psql as it is. Safe to run twice. Changes nothing of the application's.
-- All three are append-only and have no foreign keys, so they remain as evidence when plans are deleted. sql/roles.sql
-- grants no role the columns with names and times, so only the database fills them in.

BEGIN;

-- Two runs of this file at once could collide in spite of IF NOT EXISTS, so the second waits for the first.
DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtext('stagenorm migrations')); END $$;

CREATE TABLE IF NOT EXISTS stage_migration_approval_rules (
    rule_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    required boolean     NOT NULL,
    set_by   text        NOT NULL DEFAULT session_user,
    set_at   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE stage_migration_approval_rules IS 'Whether a plan needs an approval before it is applied. The newest row counts; no row means no.';
COMMENT ON COLUMN stage_migration_approval_rules.rule_id IS 'Number of the row.';
COMMENT ON COLUMN stage_migration_approval_rules.required IS 'true: plans need an approval from now on. false: they do not.';
COMMENT ON COLUMN stage_migration_approval_rules.set_by IS 'The database role that set it.';
COMMENT ON COLUMN stage_migration_approval_rules.set_at IS 'When.';

CREATE TABLE IF NOT EXISTS stage_migration_plan_authors (
    plan_id bigint PRIMARY KEY,
    author  text   NOT NULL DEFAULT session_user
);
COMMENT ON TABLE stage_migration_plan_authors IS 'The database role that recorded each plan. Plans from before this table have no row.';
COMMENT ON COLUMN stage_migration_plan_authors.plan_id IS 'The plan.';
COMMENT ON COLUMN stage_migration_plan_authors.author IS 'The role that logged in. It cannot approve the plan.';

CREATE TABLE IF NOT EXISTS stage_migration_approvals (
    plan_id        bigint      PRIMARY KEY,
    approved_by    text        NOT NULL DEFAULT session_user,
    approved_at    timestamptz NOT NULL DEFAULT now(),
    ticket         text,
    content_sha256 bytea       NOT NULL CHECK (octet_length(content_sha256) = 32)
);
COMMENT ON TABLE stage_migration_approvals IS 'One row for each plan that was approved.';
COMMENT ON COLUMN stage_migration_approvals.plan_id IS 'The plan.';
COMMENT ON COLUMN stage_migration_approvals.approved_by IS 'The database role that logged in and approved it.';
COMMENT ON COLUMN stage_migration_approvals.approved_at IS 'When.';
COMMENT ON COLUMN stage_migration_approvals.ticket IS 'The ticket that the approver named; NULL if none.';
COMMENT ON COLUMN stage_migration_approvals.content_sha256 IS 'SHA-256 over mapping_sha256 and members_sha256 of the plan''s digest: which rows it changes, and to what. The plan is opened only while it still has this hash.';

INSERT INTO stage_migration_versions (file_name, last_log_id)
SELECT '20261127_approval.sql', (SELECT max(id) FROM stage_normalization_log)
ON CONFLICT DO NOTHING;

COMMIT;
