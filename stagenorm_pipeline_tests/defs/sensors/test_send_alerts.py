"""The sensor `send_alerts` with a webhook on this machine."""

import json
import socket
from collections.abc import Iterator

import dagster as dg
import pytest

from stagenorm_pipeline.config.alerts import AlertKind
from stagenorm_pipeline.config.configuration import DEFAULT_TARGETS
from stagenorm_pipeline.defs.alerts.kinds import FailedRun
from stagenorm_pipeline.defs.alerts.message import message
from stagenorm_pipeline.defs.alerts.webhook import WEBHOOK
from stagenorm_pipeline.defs.assets.asset_names import BATCH_PLAN
from stagenorm_pipeline.defs.checks.drift_check import drift_check_result
from stagenorm_pipeline.defs.checks.runless import runless_evaluation
from stagenorm_pipeline.engine.inventory.drift import read_drift
from stagenorm_pipeline.engine.monitor.alert_facts import FailedPlace
from stagenorm_pipeline_tests.support.application import COMPANIES, VOCABULARY, Application
from stagenorm_pipeline_tests.support.dagster_project import DagsterProject
from stagenorm_pipeline_tests.support.failed_ticks import record_failed_tick
from stagenorm_pipeline_tests.support.server_homes import directory_in_memory
from stagenorm_pipeline_tests.support.webhook import SECRET, Webhook, open_webhook

_UI = "http://127.0.0.1:3000"
# A stage that would start a mention in Slack. Nothing of it may be in an alert.
_MARKER = "<!channel> M4RKER"


@pytest.fixture(scope="module")
def instance_in_files() -> Iterator[dg.DagsterInstance]:
    """An instance that stores ticks: an ephemeral one does not."""
    with directory_in_memory() as directory, dg.DagsterInstance.local_temp(str(directory)) as instance:
        yield instance


@pytest.fixture
def project(project: DagsterProject, instance_in_files: dg.DagsterInstance) -> Iterator[DagsterProject]:
    yield DagsterProject(instance_in_files)
    instance_in_files.wipe()
    instance_in_files.wipe_all_schedules()


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    with open_webhook() as server:
        monkeypatch.setenv(WEBHOOK, server.url)
        monkeypatch.setenv("STAGENORM_UI_URL", f"{_UI}/")
        yield server


class Alerts:
    """The sensor, tick after tick, with the cursor that the daemon would keep."""

    def __init__(self, project: DagsterProject) -> None:
        self._project = project
        self._cursor: str | None = None
        self.tick()

    def tick(self) -> None:
        self._cursor = self._project.sensor("send_alerts", cursor=self._cursor).cursor


def _refuse_fund_2(application: Application) -> None:
    """Let the database refuse fund 2 with an error that quotes the row."""
    application.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE check_violation USING MESSAGE = 'not ' || OLD.stage; END $$;"
        "CREATE TRIGGER refuse BEFORE UPDATE ON portfoliocompanies "
        "FOR EACH ROW WHEN (OLD.fund_id = 2) EXECUTE FUNCTION refuse()"
    )


def _wait_long(application: Application) -> None:
    """Pause for nine hours, with a runner that has been throttled for an hour."""
    application.sql(
        "UPDATE stage_migration_control SET paused = true, reason = %s, changed_by = 'ann@host', "
        "changed_at = now() - interval '9 hours'",
        _MARKER,
    )
    application.sql(
        "INSERT INTO stage_migration_runners (worker, run_by, plan_id, held_since, hold_reason) "
        "VALUES ('w', 'ann@host', 1, now() - interval '1 hour', %s)",
        _MARKER,
    )


def test_each_kind_is_sent_once_and_contains_no_stage(
    project: DagsterProject, application: Application, webhook: Webhook
) -> None:
    # The second one is the same stage for the vocabulary, and quoted by the trigger's error.
    application.add(COMPANIES, [(1, "Seed"), (2, "SEED\t"), (1, _MARKER)])
    _refuse_fund_2(application)
    alerts = Alerts(project)

    application.plan()
    failed = project.run("normalize_all_job")
    verified = project.run("verify_job").dagster_run
    application.add(COMPANIES, [(1, f"{_MARKER} again"), (2, f"{_MARKER} again")])
    drift = drift_check_result(read_drift(application.database, DEFAULT_TARGETS, VOCABULARY))
    project.instance.report_runless_asset_event(runless_evaluation(drift))
    project.instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(BATCH_PLAN, "not_paused", passed=False, description=_MARKER, metadata={"x": _MARKER})
    )
    _wait_long(application)
    record_failed_tick(project.instance, "discover_funds", _MARKER)
    alerts.tick()

    messages = webhook.take()
    alerts.tick()
    assert webhook.received == []
    assert "M4RKER" not in json.dumps(messages)
    assert "Seed" not in json.dumps(messages)
    sent = {message["kind"]: message for message in messages}
    assert set(sent) == set(AlertKind)
    checks = {message["what"]: message for message in messages if message["kind"] == "failed_check"}
    assert set(checks) == {
        "The check no_batch_failed of batch_plan failed",
        "The check fund_clean of normalized_stages failed",
        "The check not_paused of batch_plan failed",
    }
    assert checks["The check fund_clean of normalized_stages failed"]["funds"] == ["fund-2"]
    assert sent["failed_check"]["url"].startswith(f"{_UI}/assets/stagenorm/")
    assert len(messages) == len(AlertKind) + 2
    assert sent["failed_run"] == {
        "text": "stagenorm: normalize_all_job failed (plan 1; public.portfoliocompanies.stage; fund-2; SQLSTATE 23514 "
        f"CheckViolation). Open the run: it shows the error and what to do. {_UI}/runs/{failed.run_id}",
        "kind": "failed_run",
        "what": "normalize_all_job failed",
        "next_step": "Open the run: it shows the error and what to do.",
        "url": f"{_UI}/runs/{failed.run_id}",
        "plan_ids": [1],
        "tables": ["public.portfoliocompanies.stage"],
        "funds": ["fund-2"],
        "error_class": None,
        "sqlstates": ["23514"],
        "job": "normalize_all_job",
        "run_id": failed.run_id,
    }
    assert [run.run_id for run in project.instance.get_runs(dg.RunsFilter(tags={"verdict": "failed"}))] == [
        verified.run_id
    ]
    assert sent["failed_verification"]["what"] == "Verification 1 failed: r1_batch_tracking, r2_canonical_stages"
    assert sent["unknown_spellings"]["what"] == "1 new unknown spelling in 2 rows"
    assert sent["finished_plan"]["what"].startswith("Plan 1 has finished with 1 failed batch: 1 row updated")
    assert sent["long_throttle"]["plan_ids"] == [1]
    assert sent["long_pause"]["what"].endswith("by ann@host")
    assert sent["failed_sensor"]["error_class"] == "ValueError"


def test_check_is_reported_again_only_after_it_passed(project: DagsterProject, webhook: Webhook) -> None:
    alerts = Alerts(project)
    for passed, expected in ((False, 1), (False, 0), (True, 0), (False, 1)):
        evaluation = dg.AssetCheckEvaluation(BATCH_PLAN, "not_paused", passed=passed)
        project.instance.report_runless_asset_event(evaluation)
        alerts.tick()
        assert [message["kind"] for message in webhook.take()].count("failed_check") == expected


def test_history_before_the_first_tick_is_not_sent(
    project: DagsterProject, application: Application, webhook: Webhook
) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed")])
    _refuse_fund_2(application)
    application.run()
    application.sql(
        "INSERT INTO stage_verifications (created_by, scope, strict, verdict, checks_passed, checks_failed, "
        "checks_warned, report_sha256) VALUES ('me', '{\"all_funds\": true}', false, 'failed', 6, 1, 0, '')"
    )
    project.run("cancel_plan_job", cancel={"plan_id": 9})
    project.instance.report_runless_asset_event(dg.AssetCheckEvaluation(BATCH_PLAN, "not_paused", passed=False))

    alerts = Alerts(project)
    alerts.tick()

    assert webhook.received == []


def test_refused_alerts_are_sent_again_and_no_other(
    project: DagsterProject, application: Application, webhook: Webhook
) -> None:
    alerts = Alerts(project)
    _wait_long(application)
    webhook.refuses_after = 1
    alerts.tick()
    (first,) = webhook.received
    webhook.refuses_after = None
    alerts.tick()

    assert {message["kind"] for message in webhook.received} == {"long_throttle", "long_pause"}
    assert len(webhook.received) == 2
    assert first in webhook.received


def test_failed_run_is_reported_while_postgresql_is_unreachable(project: DagsterProject, webhook: Webhook) -> None:
    alerts = Alerts(project)
    webhook.take()
    project.run("verify_job")
    alerts.tick()

    (message,) = webhook.received
    assert (message["kind"], message["job"], message["error_class"]) == (
        "failed_run",
        "verify_job",
        "ConfigurationError",
    )


def test_unreadable_report_is_an_alert_about_the_sensor_itself(
    project: DagsterProject, application: Application, webhook: Webhook
) -> None:
    application.sql(
        "INSERT INTO stage_verifications (created_by, scope, strict, verdict, checks_passed, checks_failed, "
        "checks_warned, report_sha256, report) "
        "VALUES ('me', '{\"all_funds\": true}', false, 'failed', 6, 1, 0, '', '{M4RKER')"
    )
    Alerts(project).tick()

    (message,) = webhook.received
    assert (message["kind"], message["what"]) == ("failed_sensor", "A tick of send_alerts failed")
    assert "M4RKER" not in json.dumps(message)


def test_alert_names_the_funds_that_were_asked_for(
    project: DagsterProject, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.instance.add_dynamic_partitions("stagenorm_funds", ["fund-1", "fund-2", "fund-3"])
    alerts = Alerts(project)
    webhook.take()
    project.normalize_all()
    project.normalize("fund-2")
    alerts.tick()

    assert [message["funds"] for message in webhook.received] == [["fund-1", "fund-2", "fund-3"], ["fund-2"]]


def test_configuration_chooses_kinds_and_times(
    project: DagsterProject, application: Application, webhook: Webhook
) -> None:
    with open("stagenorm.toml", "w") as file:  # noqa: PTH123
        file.write('[alerts]\nsend = ["long_pause", "long_throttle"]\nthrottled_minutes = 90\n')
    alerts = Alerts(project)
    _wait_long(application)
    project.run("cancel_plan_job", cancel={"plan_id": 9})
    alerts.tick()

    assert [message["kind"] for message in webhook.received] == ["long_pause"]


def test_failed_webhook_fails_tick_without_url(
    project: DagsterProject, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook.refuses_after = 0
    for url, error in {
        f"http://127.0.0.1:{webhook.server_port}/{SECRET}": "returned HTTP status 500",
        f"http://127.0.0.1:{_closed_port()}/{SECRET}": "cannot be reached",
        f"http://127.0.0.1:{SECRET}/": "cannot be reached: InvalidURL",
        f"http://127.0.0.1/\x01{SECRET}": "cannot be reached: InvalidURL",
        f"file:///etc/{SECRET}": "not an http or https URL",
    }.items():
        monkeypatch.setenv(WEBHOOK, url)
        # Without DATABASE_URL there is always something to report.
        with pytest.raises(dg.Failure, match=error) as raised:
            project.sensor("send_alerts")
        assert SECRET not in (raised.value.description or "")
        assert raised.value.__cause__ is None


def test_names_from_the_data_are_escaped() -> None:
    place = FailedPlace(plan_id=1, table="<!here>.stage", fund_id="7\x1b[2J", sqlstates=("X0001",))
    sent = message(FailedRun(run_id="r", job="j", funds=(), error_class=None, places=(place,)), ui_url="")

    assert sent["text"].startswith("stagenorm: j failed (plan 1; &lt;!here&gt;.stage; fund-7%1B%5B2J; SQLSTATE X0001).")
    assert sent["funds"] == ["fund-7%1B%5B2J"]
    assert sent["url"] is None


def test_tick_is_skipped_without_webhook(project: DagsterProject) -> None:
    assert WEBHOOK in (project.sensor("send_alerts").skip_message or "")


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
