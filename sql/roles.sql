-- Create a role that can run the stage normalization and nothing else. Run it with psql, after a DBA has read it.
--
--   psql "$OWNER_DATABASE_URL" -f sql/roles.sql
--   psql "$OWNER_DATABASE_URL" -f sql/roles.sql -v role=stage_bot -v target2_table=
--
-- Run it as the owner of the tables (with CREATEROLE, or after the role was created), in the application's database,
-- after sql/migrations/*.sql. It is one transaction and safe to run twice. It only adds: it revokes nothing, drops
-- nothing, and sets no password (use \password, or the server's own authentication).
--
-- Variables for -v NAME=VALUE, with their defaults. Names are used unchanged, with capitals and spaces.
--   role             stagenorm_runner
--   tracking_schema  public               the schema in which sql/migrations/*.sql created our tables
--   target1_schema   public
--   target1_table    portfoliocompanies
--   target1_key      id                   its primary key
--   target1_stage    stage                the only column that stagenorm changes
--   target1_fund     fund_id              ignored if the table has no such column
--   target2_...      the same for deal_opportunities; target2_table= (empty) for no second target
--   pg_monitor       off                  on: grant pg_monitor, see the end
--   approver         (none)               a second role, which may approve plans and reads only stagenorm's own tables
-- For more than two targets, run the file again with their names. Every run adds privileges to the role.

\set ON_ERROR_STOP on

\if :{?role} \else \set role stagenorm_runner \endif
\if :{?tracking_schema} \else \set tracking_schema public \endif
\if :{?target1_schema} \else \set target1_schema public \endif
\if :{?target1_table} \else \set target1_table portfoliocompanies \endif
\if :{?target1_key} \else \set target1_key id \endif
\if :{?target1_stage} \else \set target1_stage stage \endif
\if :{?target1_fund} \else \set target1_fund fund_id \endif
\if :{?target2_schema} \else \set target2_schema public \endif
\if :{?target2_table} \else \set target2_table deal_opportunities \endif
\if :{?target2_key} \else \set target2_key id \endif
\if :{?target2_stage} \else \set target2_stage stage \endif
\if :{?target2_fund} \else \set target2_fund fund_id \endif
\if :{?pg_monitor} \else \set pg_monitor off \endif
\if :{?approver} \else \set approver '' \endif

BEGIN;

-- The role has LOGIN only: no SUPERUSER, no CREATEDB, no CREATEROLE, no REPLICATION, no BYPASSRLS.
SELECT format('CREATE ROLE %I LOGIN', :'role')
WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = :'role')
\gexec

-- Refuse an existing role that has more attributes, because grants cannot restrict it.
SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls AS has_more_attributes
FROM pg_roles WHERE rolname = :'role'
\gset
\if :has_more_attributes
    ROLLBACK;
    \warn 'The role' :role 'has attributes of its own (superuser, createdb, createrole, replication or bypassrls).'
    \warn 'Nothing was changed. Name another role: -v role=...'
    DO $$ BEGIN RAISE EXCEPTION 'sql/roles.sql: this role has more attributes than LOGIN'; END $$;
\endif

GRANT CONNECT ON DATABASE :"DBNAME" TO :"role";

-- The application's tables ----------------------------------------------------------------------------------------
-- The role reads three columns: the key, which identifies the row in batches and in the audit log, the fund, and the
-- stage. It also reads the system column xmin, the row's version, so that a rollback sees which rows were updated since.
-- It changes only the stage. No INSERT, no DELETE, no other column, no other table.
-- For a partitioned table a grant on the table itself is enough. UPDATE on the column also allows the row locks that
-- stagenorm takes.

GRANT USAGE ON SCHEMA :"target1_schema" TO :"role";
GRANT SELECT (:"target1_key", :"target1_stage", xmin), UPDATE (:"target1_stage")
    ON TABLE :"target1_schema".:"target1_table" TO :"role";
SELECT EXISTS (SELECT 1 FROM pg_attribute
               WHERE attrelid = format('%I.%I', :'target1_schema', :'target1_table')::regclass
                 AND attname = :'target1_fund' AND NOT attisdropped) AS has_fund
\gset
\if :has_fund
    GRANT SELECT (:"target1_fund") ON TABLE :"target1_schema".:"target1_table" TO :"role";
\endif

SELECT :'target2_table' <> '' AS has_second_target
\gset
\if :has_second_target
    GRANT USAGE ON SCHEMA :"target2_schema" TO :"role";
    GRANT SELECT (:"target2_key", :"target2_stage", xmin), UPDATE (:"target2_stage")
        ON TABLE :"target2_schema".:"target2_table" TO :"role";
    SELECT EXISTS (SELECT 1 FROM pg_attribute
                   WHERE attrelid = format('%I.%I', :'target2_schema', :'target2_table')::regclass
                     AND attname = :'target2_fund' AND NOT attisdropped) AS has_fund
    \gset
    \if :has_fund
        GRANT SELECT (:"target2_fund") ON TABLE :"target2_schema".:"target2_table" TO :"role";
    \endif
\endif

-- Our own tables --------------------------------------------------------------------------------------------------
-- No DELETE and no TRUNCATE on any of them. Their keys are identity columns, which need no grant on a sequence.
-- PostgreSQL checks their foreign keys and reads their views with the owner's privileges.

GRANT USAGE ON SCHEMA :"tracking_schema" TO :"role";

-- Tables with rows that are inserted once, for example when a plan is recorded, and then only read.
GRANT SELECT, INSERT ON TABLE
    :"tracking_schema".stage_migration_plan_targets,
    :"tracking_schema".stage_migration_spellings,
    :"tracking_schema".stage_migration_plan_spellings,
    :"tracking_schema".stage_migration_baseline,
    :"tracking_schema".stage_migration_batch_members,
    :"tracking_schema".stage_migration_rollback_batches,
    :"tracking_schema".stage_migration_backups,
    :"tracking_schema".stage_migration_vocabularies,
    :"tracking_schema".stage_migration_receipts,
    :"tracking_schema".stage_migration_plan_digests,
    :"tracking_schema".stage_verifications
TO :"role";

-- Tables that change during a run: status, counts, refused rows. `FOR NO KEY UPDATE`, with which a runner locks the row
-- of its batch, needs UPDATE too.
GRANT SELECT, INSERT, UPDATE ON TABLE
    :"tracking_schema".stage_migration_plans,
    :"tracking_schema".stage_migration_batches,
    :"tracking_schema".stage_migration_quarantine
TO :"role";

-- Runners: each inserts and updates its own row, and records the end of runners whose session is gone.
GRANT SELECT, INSERT, UPDATE ON TABLE :"tracking_schema".stage_migration_runners TO :"role";

-- The pause switch: one row, which is updated and never inserted.
GRANT SELECT, UPDATE ON TABLE :"tracking_schema".stage_migration_control TO :"role";

-- The audit log is append-only for this role. It cannot choose the number or time of an entry: the grant leaves out both
-- columns, so only the database sets them.
GRANT SELECT ON TABLE :"tracking_schema".stage_normalization_log TO :"role";
GRANT INSERT (schema_name, table_name, column_name, row_id, fund_id, stage_before, stage_after,
              action, plan_id, batch_id, run_by)
    ON TABLE :"tracking_schema".stage_normalization_log TO :"role";

-- Approvals: the role sees whether plans need one and which have one. It cannot set, give or withdraw any. It records
-- itself as the author of its plans: the grant leaves out the column, so only the database sets it.
GRANT SELECT ON TABLE
    :"tracking_schema".stage_migration_approval_rules,
    :"tracking_schema".stage_migration_plan_authors,
    :"tracking_schema".stage_migration_approvals
TO :"role";
GRANT INSERT (plan_id) ON TABLE :"tracking_schema".stage_migration_plan_authors TO :"role";

-- Rehearsals: append-only. The grant leaves out who and when, so only the database sets them.
GRANT SELECT ON TABLE :"tracking_schema".stage_migration_rehearsals TO :"role";
GRANT INSERT (plan_id, content_sha256, clone_name, batches, rows_updated, rows_skipped, rows_refused, duration_ms,
              slowest_batch_ms, wal_bytes, effects)
    ON TABLE :"tracking_schema".stage_migration_rehearsals TO :"role";

-- The list of applied migrations: read only.
GRANT SELECT ON TABLE :"tracking_schema".stage_migration_versions TO :"role";

-- The views, for people and for `stagenorm status`.
GRANT SELECT ON TABLE
    :"tracking_schema".stage_migration_progress,
    :"tracking_schema".stage_migration_progress_by_fund,
    :"tracking_schema".stage_migration_current_runners,
    :"tracking_schema".stage_migration_failures
TO :"role";

-- Optional: -v pg_monitor=on ----------------------------------------------------------------------------------------
-- pg_monitor lets the role see the lag of replicas and how long transactions have been open, for the whole server. It is
-- off by default because it also shows other sessions' queries and all settings, which stagenorm does not need.
-- Without it pre-flight reports that it cannot see the lag. Everything else works.
\if :pg_monitor
    GRANT pg_monitor TO :"role";
\endif

-- Optional: -v approver=NAME ----------------------------------------------------------------------------------------
-- A role for the people who approve plans: it reads what a plan would change, and inserts approvals. The grant leaves out
-- the approver and the time, so only the database sets them. `stagenorm approval require` turns the requirement on; only the
-- owner of the tables can do that.
SELECT :'approver' <> '' AS has_approver
\gset
\if :has_approver
    SELECT format('CREATE ROLE %I LOGIN', :'approver')
    WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = :'approver')
    \gexec
    GRANT CONNECT ON DATABASE :"DBNAME" TO :"approver";
    GRANT USAGE ON SCHEMA :"tracking_schema" TO :"approver";
    SELECT format('GRANT SELECT ON TABLE %I.%I TO %I', :'tracking_schema', relname, :'approver')
    FROM pg_class
    WHERE relnamespace = quote_ident(:'tracking_schema')::regnamespace AND relkind IN ('r', 'v')
      AND relname ~ '^stage_(migration_|normalization_log$|verifications$)'
    \gexec
    GRANT INSERT (plan_id, ticket, content_sha256) ON TABLE :"tracking_schema".stage_migration_approvals TO :"approver";
\endif

COMMIT;

-- This file leaves the following to you:
--   * `stagenorm enforce` alters a target, which only its owner may do. Run that command as the owner. So this role gets
--     nothing on stage_migration_enforcements.
--   * Row-level security on a target may hide rows from this role. Pre-flight finds it and shows the policy that fixes it.
--   * A trigger on a target runs with the privileges of the role that fires it, unless its function is SECURITY DEFINER.
--     This role may need privileges for what the trigger does, for example INSERT on a history table.
--   * Every role has the privileges of PUBLIC. Consider changing two defaults:
--       REVOKE TEMPORARY ON DATABASE ... FROM PUBLIC;      (by default every role may create temporary tables)
--       REVOKE CREATE ON SCHEMA public FROM PUBLIC;        (by default every role may create tables there before 15)

\echo 'Privileges of the role beyond this file, through PUBLIC, memberships or earlier grants (expected: no rows):'
SELECT what, privileges
FROM (
    SELECT format('database %I', current_database()) AS what,
           concat_ws(', ', CASE WHEN has_database_privilege(:'role', current_database(), 'CREATE') THEN 'CREATE' END,
                           CASE WHEN has_database_privilege(:'role', current_database(), 'TEMPORARY') THEN 'TEMPORARY' END) AS privileges
    UNION ALL
    SELECT format('schema %I', nspname), 'CREATE'
    FROM pg_namespace
    WHERE nspname NOT LIKE 'pg\_%' AND nspname <> 'information_schema' AND has_schema_privilege(:'role', oid, 'CREATE')
    UNION ALL
    SELECT c.oid::regclass::text, string_agg(p.privilege, ', ' ORDER BY p.place)
    FROM pg_class c
    CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'])
               WITH ORDINALITY AS p (privilege, place)
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND c.relnamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname LIKE 'pg\_%' OR nspname = 'information_schema')
      AND has_table_privilege(:'role', c.oid, p.privilege)
      AND NOT (c.relnamespace::regnamespace::text = quote_ident(:'tracking_schema')
               AND c.relname ~ '^stage_(migration_|normalization_log$|verifications$)'
               AND p.privilege IN ('SELECT', 'INSERT', 'UPDATE'))
    GROUP BY c.oid
) AS more
WHERE privileges <> '';
