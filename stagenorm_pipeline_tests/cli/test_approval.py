"""Approvals with real roles: who may give one, what is refused without it, what the report says."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from stagenorm_pipeline.engine.approval.approval import ApprovalNeededError
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.command_line import Ran, stagenorm_here
from stagenorm_pipeline_tests.support.database_roles import apply_roles, url_as


class People:
    """The owner of the tables, the runner and the approver, each with a role of their own."""

    def __init__(self, application: Application) -> None:
        self.application = application
        mark = secrets.token_hex(6)
        self.runner, self.approver = f"stagenorm_runner_{mark}", f"stagenorm_approver_{mark}"
        made = apply_roles(application, role=self.runner, approver=self.approver)
        assert made.returncode == 0, made.stderr

    def owner(self, *arguments: str) -> Ran:
        return stagenorm_here(*arguments, url=self.application.url)

    def run(self, *arguments: str) -> Ran:
        return stagenorm_here(*arguments, url=url_as(self.application.url, self.runner))

    def approve(self, *arguments: str) -> Ran:
        return stagenorm_here(*arguments, url=url_as(self.application.url, self.approver))

    def drop(self) -> None:
        for role in (self.runner, self.approver):
            self.application.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


@pytest.fixture
def people(application: Application) -> Iterator[People]:
    """Three rows to change, and approvals required by the owner."""
    application.add(COMPANIES, [(1, "Seed"), (1, "SEED"), (2, "Series A")])
    found = People(application)
    assert found.owner("approval", "require").code == 0
    yield found
    found.drop()


def test_run_waits_for_approval_by_another_role(people: People, application: Application, tmp_path: Path) -> None:
    before = application.stages(COMPANIES)
    refused = people.run("run", "--yes", "--sleep-ms", "0")
    assert refused.code == 1
    assert "Plan 1 is recorded and waits for its approval" in refused.err
    assert "stagenorm approve 1" in refused.err
    for again in (("run", "--plan", "1", "--yes"), ("approve", "1"), ("approval", "lift")):
        ran = people.run(*again)
        assert ran.code == 1, ran.all
    # The approver reads our tables and gives approvals, and can do nothing else.
    assert people.approve("run", "--plan", "1", "--yes").code == 1
    assert application.stages(COMPANIES) == before

    waiting = people.approve("approval").out
    assert f"{people.runner}" in waiting
    assert "stagenorm approve 1" in waiting
    given = people.approve("approve", "1", "--ticket", "OPS-12")
    assert given.code == 0, given.all
    assert f"Plan 1 is approved by {people.approver}: 3 rows in 2 batches." in given.out
    assert "already" in people.approve("approve", "1").err
    assert people.run("run", "--plan", "1", "--yes", "--sleep-ms", "0").code == 0
    assert application.column(f"SELECT DISTINCT stage FROM {COMPANIES} ORDER BY 1") == ["seed", "series-a"]

    report, page = tmp_path / "report.json", tmp_path / "report.html"
    people.run("verify", "--output", str(report), "--output", str(page))
    (plan,) = json.loads(report.read_text())["plans"]
    assert (plan["author"], plan["approved_by"], plan["ticket"]) == (people.runner, people.approver, "OPS-12")
    assert people.approver in page.read_text()
    assert people.approver in people.run("plans", "1").out
    # Undoing needs no approval.
    assert people.run("rollback", "--plan", "1", "--yes", "--sleep-ms", "0").code == 0
    assert application.stages(COMPANIES) == before


def test_requirement_stops_open_plans_and_lifting_lets_them_go_on(people: People, application: Application) -> None:
    people.owner("approval", "lift")
    plan = application.plan()
    people.owner("approval", "require")

    with pytest.raises(ApprovalNeededError):
        application.apply(plan_id=plan.plan_id)
    resumed = people.run("resume", "--sleep-ms", "0")
    assert resumed.code == 1
    assert "waits for its approval" in resumed.err
    assert application.value("SELECT count(*) FROM stage_normalization_log") == 0

    assert people.owner("approval", "lift").code == 0
    assert application.apply(plan_id=plan.plan_id).ok


def test_forged_approvals_do_not_count(people: People, application: Application) -> None:
    plan = application.plan()
    assert plan.status == "draft"
    # An author who is also an approver: the INSERT is possible, and counts for nothing.
    application.sql(
        "INSERT INTO stage_migration_approvals (plan_id, content_sha256) VALUES (%s, sha256('x'))", plan.plan_id
    )
    assert "waits for its approval" in people.run("run", "--plan", "1", "--yes").err
    application.sql("UPDATE stage_migration_plans SET status = 'open', opened_at = now()")
    assert people.run("resume").code == 1
    application.sql("DELETE FROM stage_migration_approvals; UPDATE stage_migration_plans SET status = 'draft'")

    with psycopg.connect(url_as(application.url, people.approver), autocommit=True) as approver:
        for forged in ("approved_by) VALUES (1, sha256('x'), 'ann')", "approved_at) VALUES (1, sha256('x'), now())"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                approver.execute(f"INSERT INTO stage_migration_approvals (plan_id, content_sha256, {forged}".encode())
    assert people.approve("approve", "1").code == 0
    application.sql("UPDATE stage_migration_batch_members SET row_numbers = row_numbers[1:1], spelling_ids = '{1}'")
    changed = people.run("run", "--plan", "1", "--yes")
    assert changed.code == 1
    assert "no longer what was approved" in changed.err
    assert application.value("SELECT count(*) FROM stage_normalization_log") == 0


def test_plan_of_unknown_author_cannot_be_approved(people: People, application: Application) -> None:
    application.plan()
    application.sql("DELETE FROM stage_migration_plan_authors")
    refused = people.approve("approve", "1")
    assert refused.code == 1
    assert "before authors were" in refused.err
    application.sql("UPDATE stage_migration_plans SET status = 'cancelled'")
    assert "nothing left to approve" in people.approve("approve", "1").err
