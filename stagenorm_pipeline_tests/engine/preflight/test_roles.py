"""The role of sql/roles.sql can do the whole runbook, and nothing else."""

import secrets
from collections.abc import Callable, Iterator

import psycopg
import pytest
import sqlalchemy as sa

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.apply.pause import set_paused
from stagenorm_pipeline.engine.apply.rehearsal import rehearse_plan
from stagenorm_pipeline.engine.apply.runner import ApplyRequest, apply_batches
from stagenorm_pipeline.engine.monitor.status import read_status
from stagenorm_pipeline.engine.plan.life_cycle import cancel_plan, open_plan
from stagenorm_pipeline.engine.plan.plan import record_plan
from stagenorm_pipeline.engine.plan.request import PlanRequest
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.preflight import PreflightLevel
from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest, preview_rollback, record_rollback
from stagenorm_pipeline.engine.verify.recorded_verifications import record_verification
from stagenorm_pipeline.engine.verify.result import Outcome
from stagenorm_pipeline.engine.verify.verification import VerifyRequest, verify
from stagenorm_pipeline.vocabulary import Vocabulary
from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.database_roles import apply_roles
from stagenorm_pipeline_tests.support.preflight_advice import COMPANIES, DEALS, ask

VOCABULARY = Vocabulary.built_in()
_REFUSES_FUND_2 = (
    "ALTER TABLE portfoliocompanies ADD CONSTRAINT frozen CHECK (fund_id <> 2 OR stage <> 'seed') NOT VALID"
)


@pytest.fixture
def role(application: Application) -> Iterator[str]:
    """A role that roles.sql made."""
    name = f"stagenorm_test_{secrets.token_hex(6)}"
    result = apply_roles(application, role=name)
    assert result.returncode == 0, result.stderr
    yield name
    application.sql(f"DROP OWNED BY {name}")
    application.sql(f"DROP ROLE {name}")


@pytest.fixture
def as_role(application: Application, role: str, url_of: Callable[[str], str]) -> Iterator[Database]:
    opened = Database.at(url_of(role))
    yield opened
    opened.close()


def _apply(database: Database, plan_id: int | None = None) -> None:
    apply_batches(database, ApplyRequest(worker="worker", run_by="operator", plan_id=plan_id, sleep_ms=0))


def _verdicts(database: Database) -> set[Outcome]:
    result = verify(database, VerifyRequest(vocabulary=VOCABULARY, created_by="reviewer"))
    record_verification(database, result, report="{}\n")
    return {check.outcome for check in result.checks}


def test_role_can_do_the_whole_runbook(application: Application, as_role: Database) -> None:
    request = PlanRequest(vocabulary=VOCABULARY, batch_size=2)
    messy = [(1, "Seed"), (2, "Seed"), (None, "SERIES A"), (1, "pre seed"), (2, "seed")]
    companies = application.add("portfoliocompanies", messy)
    application.add("deal_opportunities", [(1, "series b"), (1, None)])
    application.sql(_REFUSES_FUND_2)
    before = application.stages("portfoliocompanies")

    draft = record_plan(as_role, request, created_by="operator", as_draft=True).plan_id
    assert draft is not None
    assert rehearse_plan(as_role, draft, run_by="operator").rows.rows_failed == 1
    set_paused(as_role, paused=True, reason="lunch", changed_by="operator")
    set_paused(as_role, paused=False, reason=None, changed_by="operator")
    open_plan(as_role, draft)
    cancel_plan(as_role, draft)
    plan = record_plan(as_role, request, created_by="operator").plan_id
    _apply(as_role)
    assert read_status(as_role, targets=2).failures_total == 1
    assert _verdicts(as_role) >= {Outcome.FAILED}
    application.sql("ALTER TABLE portfoliocompanies DROP CONSTRAINT frozen")
    _apply(as_role, plan)
    assert _verdicts(as_role) == {Outcome.PASSED}
    assert [application.stages("portfoliocompanies")[key] for key in companies] == [
        "seed",
        "seed",
        "series-a",
        "pre-seed",
        "seed",
    ]

    undo = RollbackRequest(plan_id=plan)
    assert preview_rollback(as_role, undo).restorable == 5
    rollback = record_rollback(as_role, undo, created_by="operator")
    _apply(as_role, rollback)
    assert application.stages("portfoliocompanies") == before


def test_preflight_accepts_the_role(application: Application, role: str, url_of: Callable[[str], str]) -> None:
    findings = ask(application, targets=[COMPANIES, DEALS], url=url_of(role))

    assert [finding for finding in findings if finding.level is not PreflightLevel.INFO] == []


_FORBIDDEN = (
    "SELECT name FROM portfoliocompanies",
    "SELECT * FROM deal_opportunities",
    "SELECT secret FROM salaries",
    "UPDATE portfoliocompanies SET name = 'x'",
    "UPDATE portfoliocompanies SET fund_id = 9",
    "UPDATE deal_opportunities SET id = 9 WHERE id = 1",
    "UPDATE salaries SET secret = 'x'",
    "DELETE FROM portfoliocompanies",
    "TRUNCATE portfoliocompanies",
    "INSERT INTO deal_opportunities (stage) VALUES ('seed')",
    "SELECT nextval('portfoliocompanies_id_seq')",
    "DO $$ BEGIN LOCK TABLE portfoliocompanies IN ACCESS EXCLUSIVE MODE; END $$",
    "ALTER TABLE portfoliocompanies DISABLE TRIGGER ALL",
    "CREATE TRIGGER mine AFTER UPDATE ON portfoliocompanies EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "UPDATE stage_normalization_log SET stage_before = 'x'",
    "DELETE FROM stage_normalization_log",
    "TRUNCATE stage_normalization_log",
    "INSERT INTO stage_normalization_log (id, schema_name, table_name, column_name, row_id, action) "
    "OVERRIDING SYSTEM VALUE VALUES (1, '', '', '', '', 'rollback')",
    "INSERT INTO stage_normalization_log (run_at, schema_name, table_name, column_name, row_id, action) "
    "VALUES ('2020-01-01', '', '', '', '', 'rollback')",
    "DELETE FROM stage_migration_plans",
    "DELETE FROM stage_migration_batches",
    "UPDATE stage_migration_batch_members SET row_numbers = '{1}'",
    "UPDATE stage_migration_spellings SET spelling = 'x'",
    "UPDATE stage_migration_baseline SET rows_counted = 1",
    "UPDATE stage_migration_receipts SET rows_updated = 0",
    "DELETE FROM stage_migration_receipts",
    "TRUNCATE stage_migration_receipts",
    "UPDATE stage_migration_plan_digests SET receipts = 0",
    "DELETE FROM stage_migration_plan_digests",
    "TRUNCATE stage_migration_plan_digests",
    "INSERT INTO stage_migration_versions (file_name) VALUES ('mine')",
    "UPDATE stage_migration_versions SET last_log_id = 9",
    "UPDATE stage_verifications SET signed_off_by = 'me', signed_off_at = now()",
    "INSERT INTO stage_migration_control (only_row) VALUES (false)",
    "INSERT INTO stage_migration_approval_rules (required) VALUES (false)",
    "INSERT INTO stage_migration_plan_authors (plan_id, author) VALUES (7, 'somebody')",
    "UPDATE stage_migration_plan_authors SET author = 'somebody'",
    "INSERT INTO stage_migration_approvals (plan_id, content_sha256) VALUES (1, sha256('x'))",
    "INSERT INTO stage_migration_rehearsals (plan_id, rehearsed_by) VALUES (1, 'somebody')",
    "UPDATE stage_migration_rehearsals SET rows_refused = 0",
    "DELETE FROM stage_migration_rehearsals",
    "CREATE TABLE mine ()",
    "CREATE SCHEMA mine",
    "CREATE ROLE another",
    "CREATE DATABASE another",
    "SET session_replication_role = replica",
    "COPY (SELECT 1) TO PROGRAM 'true'",
)


def test_role_cannot_do_anything_else(
    application: Application, role: str, url_of: Callable[[str], str], subtests: pytest.Subtests
) -> None:
    application.sql("CREATE TABLE salaries (secret text)")
    # As sql/roles.sql advises before PostgreSQL 15.
    application.sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC")

    with psycopg.connect(url_of(role), autocommit=True) as connection:
        for statement in _FORBIDDEN:
            with subtests.test(statement), pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_roles_file_names_every_tracking_table_and_view(application: Application, role: str) -> None:
    unreadable = application.column(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'v') AND relname LIKE 'stage\\_%%' "
        "AND NOT has_table_privilege(%s, oid, 'SELECT') ORDER BY 1",
        role,
    )

    # A view behind the other views, which look into it with their owner's rights; and what only a table's owner can do.
    assert unreadable == ["stage_migration_current_plans", "stage_migration_enforcements"]


def test_second_run_changes_nothing(application: Application, role: str) -> None:
    privileges = "SELECT oid, relacl::text FROM pg_class UNION ALL SELECT attrelid, attacl::text FROM pg_attribute"
    before = set(application.sql(privileges))

    result = apply_roles(application, role=role)

    assert result.returncode == 0, result.stderr
    assert set(application.sql(privileges)) == before


def test_other_names_one_target_and_no_fund_column(
    application: Application, new_role: Callable[..., str], url_of: Callable[[str], str]
) -> None:
    role = new_role()
    application.sql('CREATE SCHEMA "Deal Flow"')
    application.sql('CREATE TABLE "Deal Flow"."The Deals" ("Key" integer PRIMARY KEY, "The Stage" text, note text)')
    target = TargetSetting(table="The Deals", column="The Stage", schema="Deal Flow")
    names = {"schema": "Deal Flow", "table": "The Deals", "key": "Key", "stage": "The Stage"}

    result = apply_roles(
        application, role=role, target2_table="", **{f"target1_{name}": value for name, value in names.items()}
    )

    assert result.returncode == 0, result.stderr
    findings = ask(application, targets=[target], url=url_of(role))
    assert [finding for finding in findings if finding.level is not PreflightLevel.INFO] == []
    assert application.value("SELECT has_any_column_privilege(%s, 'deal_opportunities', 'SELECT')", role) is False


def test_pg_monitor_is_granted_only_on_request(application: Application, role: str) -> None:
    is_member = "SELECT pg_has_role(%s, 'pg_monitor', 'MEMBER')"
    assert application.value(is_member, role) is False

    apply_roles(application, role=role, pg_monitor="on")

    assert application.value(is_member, role) is True


def test_role_with_more_attributes_is_refused(application: Application) -> None:
    superuser = str(sa.make_url(application.url).username)

    result = apply_roles(application, role=superuser)

    assert result.returncode != 0
    assert "attributes of its own" in result.stderr


def test_missing_table_rolls_everything_back(application: Application, new_role: Callable[..., str]) -> None:
    role = new_role()

    result = apply_roles(application, role=role, target2_table="nowhere")

    assert result.returncode != 0
    assert "nowhere" in result.stderr
    assert application.value("SELECT has_any_column_privilege(%s, 'portfoliocompanies', 'SELECT')", role) is False


def test_extra_privileges_of_the_role_are_listed(application: Application, role: str) -> None:
    application.sql("CREATE TABLE salaries (secret text)")
    application.sql("GRANT SELECT ON salaries TO PUBLIC")

    assert "salaries" in apply_roles(application, role=role).stdout
