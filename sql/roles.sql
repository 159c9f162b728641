-- A role that can do the stage normalization, and nothing more. For psql, to be read by a DBA before it is run.
--
--   psql "$OWNER_DATABASE_URL" -f sql/roles.sql
--   psql "$OWNER_DATABASE_URL" -f sql/roles.sql -v role=stage_bot -v target2_table=
--
-- Run it as the owner of the tables (with CREATEROLE, or with the role made beforehand), in the application's database,
-- after sql/migrations/*.sql. It is one transaction, safe to run twice, and only ever adds: it revokes nothing, drops
-- nothing, and sets no password (do that with \password, or let the server's own authentication do it).
--
-- What can be set with -v NAME=VALUE, and what it is otherwise. Names are taken as they are, capitals and spaces too.
--   role             stagenorm_runner
--   tracking_schema  public               where sql/migrations/*.sql made our tables
--   target1_schema   public
--   target1_table    portfoliocompanies
--   target1_key      id                   its primary key
--   target1_stage    stage                the one column that is ever changed
--   target1_fund     fund_id              left out where the table has no such column
--   target2_...      the same for deal_opportunities; target2_table= (empty): there is no second target
--   pg_monitor       off                  on: grant it, see the end
-- More than two targets: run the file again with their names. Every run adds to what the role may do.

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

BEGIN;

-- The role. LOGIN and nothing else: no superuser, no CREATEDB, no CREATEROLE, no REPLICATION, no BYPASSRLS.
SELECT format('CREATE ROLE %I LOGIN', :'role')
WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = :'role')
\gexec

-- A role that is there already and can do more by itself is refused: grants could not make it any smaller.
SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls AS is_mightier
FROM pg_roles WHERE rolname = :'role'
\gset
\if :is_mightier
    ROLLBACK;
    \warn 'The role' :role 'has attributes of its own (superuser, createdb, createrole, replication or bypassrls).'
    \warn 'Nothing was changed. Name another role: -v role=...'
    DO $$ BEGIN RAISE EXCEPTION 'sql/roles.sql: this role can do more than the job already'; END $$;
\endif

GRANT CONNECT ON DATABASE :"DBNAME" TO :"role";

-- The application's tables ----------------------------------------------------------------------------------------
-- Three columns can be read: the key names the row in the batch and in the audit log, the fund groups the rows, the
-- stage is what it is all about. xmin, the system column with a row's version, tells a rollback which rows were touched
-- since. Only the stage can be changed. No INSERT, no DELETE, no other column, no other table.
-- A partitioned table needs the grant on itself alone. UPDATE on a column is also what PostgreSQL asks for where a
-- statement locks the row; nothing here needs more than that.

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
-- No DELETE and no TRUNCATE on any of them. Their keys are identity columns, which need no grant on a sequence; their
-- foreign keys and views are looked after with the rights of their owner.

GRANT USAGE ON SCHEMA :"tracking_schema" TO :"role";

-- Written once, when a plan is recorded or a backup made, and from then on only read.
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

-- What moves on while the work goes on: status, counts, refused rows. UPDATE is also what `FOR NO KEY UPDATE` needs,
-- by which a worker holds the row of its batch.
GRANT SELECT, INSERT, UPDATE ON TABLE
    :"tracking_schema".stage_migration_plans,
    :"tracking_schema".stage_migration_batches,
    :"tracking_schema".stage_migration_quarantine
TO :"role";

-- Who runs and what holds them: a row for each runner, which it alone changes.
GRANT SELECT, INSERT, UPDATE ON TABLE :"tracking_schema".stage_migration_runners TO :"role";

-- The pause switch: one row, which is turned and never added to.
GRANT SELECT, UPDATE ON TABLE :"tracking_schema".stage_migration_control TO :"role";

-- The audit log is append-only for this role. It cannot choose the number or the time of an entry either: both columns
-- are left out, so the database alone fills them in.
GRANT SELECT ON TABLE :"tracking_schema".stage_normalization_log TO :"role";
GRANT INSERT (schema_name, table_name, column_name, row_id, fund_id, stage_before, stage_after,
              action, plan_id, batch_id, run_by)
    ON TABLE :"tracking_schema".stage_normalization_log TO :"role";

-- Which migrations the database has: read only.
GRANT SELECT ON TABLE :"tracking_schema".stage_migration_versions TO :"role";

-- The views that people and `stagenorm status` read.
GRANT SELECT ON TABLE
    :"tracking_schema".stage_migration_progress,
    :"tracking_schema".stage_migration_progress_by_fund,
    :"tracking_schema".stage_migration_current_runners,
    :"tracking_schema".stage_migration_failures
TO :"role";

-- Optional: -v pg_monitor=on ----------------------------------------------------------------------------------------
-- pg_monitor lets the role see how far replicas are behind and since when transactions have been open, for the whole
-- server. It also shows other sessions' queries and all settings, which is more than the job: hence not by default.
-- Without it pre-flight says that the lag is invisible; everything else works.
\if :pg_monitor
    GRANT pg_monitor TO :"role";
\endif

COMMIT;

-- What is not done here, because it is yours to decide:
--   * `stagenorm enforce` changes the definition of a target, which only its owner may do: run that one as the owner.
--     So the role gets nothing on stage_migration_enforcements.
--   * Row-level security on a target hides rows from this role. Pre-flight finds it and names the policy that mends it.
--   * A trigger on a target runs with the rights of whoever fires it, unless its function is SECURITY DEFINER: this
--     role may need rights for what the trigger does, for example INSERT on a history table.
--   * What PUBLIC may do, every role may. Two defaults are worth a look:
--       REVOKE TEMPORARY ON DATABASE ... FROM PUBLIC;      (everybody may make temporary tables)
--       REVOKE CREATE ON SCHEMA public FROM PUBLIC;        (the default before PostgreSQL 15)

\echo 'What the role may do beyond this file, through PUBLIC, memberships or earlier grants (wanted: no rows):'
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
