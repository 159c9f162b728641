"""Row-level security: a role that does not see every row gets no plan, verdict, change or rollback."""

import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from stagenorm_pipeline.config.settings import DEFAULT_TARGETS
from stagenorm_pipeline.engine.apply.runner import ApplyRequest, apply_batches
from stagenorm_pipeline.engine.backup.backup import make_backup
from stagenorm_pipeline.engine.enforce.constraint import read_enforcements
from stagenorm_pipeline.engine.inventory.drift import read_drift
from stagenorm_pipeline.engine.inventory.inventory import read_inventory
from stagenorm_pipeline.engine.plan.plan import preview_plan, record_plan
from stagenorm_pipeline.engine.plan.request import PlanRequest
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest, preview_rollback, record_rollback, rows_left
from stagenorm_pipeline.engine.targets.fund_lookup import read_fund_ids
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.targets.visibility import visible_targets
from stagenorm_pipeline.engine.verify.verification import VerifyRequest, verify
from stagenorm_pipeline.errors import RefusedError
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, VOCABULARY, Application

_UNDO_ALL = RollbackRequest(by_table=True)


def _read_inventory(database: Database) -> None:
    with database.snapshot() as connection:
        read_inventory(connection, visible_targets(connection, DEFAULT_TARGETS), FundScope(), VOCABULARY)


# Every call that reads a target, but `apply_batches`, which needs a plan, and `make_backup`, which needs a file.
_READERS: dict[str, Callable[[Database], object]] = {
    "inventory": _read_inventory,
    "dry run": lambda database: preview_plan(database, PlanRequest(vocabulary=VOCABULARY)),
    "record plan": lambda database: record_plan(
        database, PlanRequest(vocabulary=VOCABULARY), created_by="me", as_draft=True
    ),
    "verify": lambda database: verify(database, VerifyRequest(vocabulary=VOCABULARY, created_by="me")),
    "show rollback": lambda database: preview_rollback(database, _UNDO_ALL),
    "list rows left": lambda database: list(rows_left(database, _UNDO_ALL)),
    "record rollback": lambda database: record_rollback(database, _UNDO_ALL, created_by="me"),
    "enforce": lambda database: read_enforcements(database, DEFAULT_TARGETS, VOCABULARY),
    "drift": lambda database: read_drift(database, DEFAULT_TARGETS, VOCABULARY),
    "fund ids": lambda database: read_fund_ids(database, DEFAULT_TARGETS),
}

# SQL that is run for the role {role}, and whether the role sees every row after it.
_ROLES: dict[str, tuple[str, bool]] = {
    "owner": ("ALTER TABLE portfoliocompanies OWNER TO {role}", True),
    "owner under FORCE": (
        "ALTER TABLE portfoliocompanies OWNER TO {role}; ALTER TABLE portfoliocompanies FORCE ROW LEVEL SECURITY",
        False,
    ),
    "owner under FORCE who sees all": (
        "ALTER TABLE portfoliocompanies OWNER TO {role}; ALTER TABLE portfoliocompanies FORCE ROW LEVEL SECURITY; "
        "CREATE POLICY everything ON portfoliocompanies TO {role} USING (true)",
        True,
    ),
    "USING (true)": ("CREATE POLICY everything ON portfoliocompanies TO {role} USING (true)", True),
    "reader": ("CREATE POLICY everything ON portfoliocompanies FOR SELECT TO {role} USING (true)", True),
    "tenant": ("", False),
    "restricted": (
        "CREATE POLICY everything ON portfoliocompanies TO {role} USING (true); "
        "CREATE POLICY but ON portfoliocompanies AS RESTRICTIVE TO {role} USING (fund_id <> 7)",
        False,
    ),
    "BYPASSRLS": ("ALTER ROLE {role} BYPASSRLS", True),
}


@pytest.fixture
def role(application: Application) -> Iterator[str]:
    """Create a role that owns nothing and has every privilege that a run needs."""
    name = f"stagenorm_test_{secrets.token_hex(6)}"
    application.sql(f"CREATE ROLE {name} LOGIN; GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {name}")
    yield name
    application.sql(f"REASSIGN OWNED BY {name} TO CURRENT_USER; DROP OWNED BY {name}; DROP ROLE {name}")


@pytest.fixture
def tenancy(application: Application) -> Application:
    """Make rows of two funds, some changed by stagenorm, in a table whose policy shows tenants their own fund."""
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed"), (2, "Growth")])
    application.add(DEALS, [(1, "Seed")])
    application.run()
    application.add(COMPANIES, [(2, "Series A")])
    application.sql("ALTER TABLE portfoliocompanies ENABLE ROW LEVEL SECURITY")
    application.sql("CREATE POLICY own_fund ON portfoliocompanies USING (fund_id = 1)")
    return application


@pytest.fixture
def as_role(tenancy: Application, role: str) -> Iterator[Database]:
    """Connect to the database as the role."""
    database = Database.at(sa.make_url(tenancy.url).set(drivername="postgresql+psycopg", username=role))
    yield database
    database.close()


@pytest.mark.parametrize("kind", _ROLES)
def test_only_a_role_that_sees_every_row_reads_a_target(
    tenancy: Application, as_role: Database, role: str, kind: str, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    preparation, sees_all = _ROLES[kind]
    if preparation:
        tenancy.sql(preparation.format(role=role))

    def back_up(database: Database) -> object:
        return make_backup(database, DEFAULT_TARGETS, tmp_path / "backup.gz", made_by="me")

    readers = {**_READERS, "backup": back_up}
    for name, read in readers.items():
        with subtests.test(name):
            if sees_all:
                read(as_role)
                continue
            before = tenancy.contents()
            with pytest.raises(RefusedError, match=role) as refused:
                read(as_role)
            assert "own_fund" in refused.value.message
            assert f"ALTER ROLE {role} BYPASSRLS" in str(refused.value.remedy)
            assert tenancy.contents() == before


def test_remedy_for_hidden_rows_lets_the_tenant_read(tenancy: Application, as_role: Database) -> None:
    with pytest.raises(RefusedError) as refused:
        preview_plan(as_role, PlanRequest(vocabulary=VOCABULARY))
    policy = next(line for line in str(refused.value.remedy).splitlines() if line.startswith("CREATE POLICY"))

    tenancy.sql(policy)

    assert preview_plan(as_role, PlanRequest(vocabulary=VOCABULARY)).counts.rows_seen == 5


def test_runner_that_cannot_see_every_row_counts_none_as_deleted(tenancy: Application, as_role: Database) -> None:
    plan = tenancy.plan()
    request = ApplyRequest(worker="worker", run_by="me", plan_id=plan.plan_id)

    with pytest.raises(RefusedError, match="own_fund"):
        apply_batches(as_role, request)

    query = "SELECT rows_skipped FROM stage_migration_batches WHERE plan_id = %s"
    assert tenancy.column(query, plan.plan_id) == [None]
    assert apply_batches(tenancy.database, request).rows.rows_updated == 1


def test_policy_changed_while_a_reader_waits_for_the_table_counts(
    tenancy: Application, as_role: Database, role: str
) -> None:
    tenancy.sql(f"CREATE POLICY everything ON portfoliocompanies TO {role} USING (true)")
    found: list[BaseException | None] = []

    def read() -> None:
        try:
            preview_plan(as_role, PlanRequest(vocabulary=VOCABULARY))
            found.append(None)
        except RefusedError as error:
            found.append(error)

    reader = threading.Thread(target=read)
    with tenancy.user.transaction():
        tenancy.sql("DROP POLICY everything ON portfoliocompanies")
        reader.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'portfoliocompanies'::regclass"
        while tenancy.value(waiting) == 0:
            tenancy.sql("SELECT pg_sleep(0.01)")
    reader.join()

    assert isinstance(found[0], RefusedError)


def test_parent_policies_decide_for_partitions_and_children(tenancy: Application, as_role: Database, role: str) -> None:
    tenancy.sql("CREATE TABLE child (CHECK (fund_id = 9)) INHERITS (portfoliocompanies)")
    tenancy.sql(f"GRANT SELECT ON child TO {role}")
    tenancy.sql("ALTER TABLE child ENABLE ROW LEVEL SECURITY")
    with pytest.raises(RefusedError, match="own_fund"):
        preview_plan(as_role, PlanRequest(vocabulary=VOCABULARY))

    tenancy.sql("ALTER TABLE portfoliocompanies DISABLE ROW LEVEL SECURITY")

    assert preview_plan(as_role, PlanRequest(vocabulary=VOCABULARY)).counts.rows_seen == 5
