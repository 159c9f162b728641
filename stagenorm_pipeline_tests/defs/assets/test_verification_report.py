"""The report and its seven checks through Dagster."""

import dagster as dg
import pytest

from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest, record_rollback
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.dagster_project import DagsterProject, checked, failure_of, materialized

_RULES = [
    "r1_batch_tracking",
    "r2_canonical_stages",
    "r3_null_integrity",
    "r4_row_counts",
    "r5_audit_consistency",
    "r6_sample_inspection",
    "r7_fund_breakdown",
]


def _fill(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (1, "Series A"), (2, "seriesb"), (None, "seed")])


def test_seven_checks_pass_after_normalization(project: DagsterProject, application: Application) -> None:
    _fill(application)
    project.plan()
    project.normalize_all()

    result = project.run("verify_job")
    report = materialized(result, "verification_report")[None]

    assert sorted(checked(result)) == _RULES
    assert all(check.passed for check in checked(result).values())
    assert report["verdict"].startswith("**✓ Ready to sign: all 4 rows are canonical**")
    assert report["checks_passed"] == 7
    assert report["rows_seen"] == report["rows_canonical"] == 4
    assert report["what next"].startswith("Ready to sign: all 4 rows are canonical. 1. Save the JSON report: ")


def test_each_asset_says_what_comes_next(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed Round")])

    looked = materialized(project.plan(), "stage_inventory")[None]
    report = materialized(project.run("verify_job"), "verification_report")[None]

    assert "[batch_plan](/assets/stagenorm/batch_plan)" in looked["what next"]
    assert "1 unknown spelling needs a decision" in looked["what next"]
    assert report["what next"].startswith("Do not sign: 1 batch is not done; 1 row holds 1 spelling")
    assert report["open"] == dg.AssetKey(["stagenorm", "verification_report"])
    assert report["sign-off"] == "not to be signed"


def test_check_names_ui_step_besides_command(project: DagsterProject, application: Application) -> None:
    _fill(application)
    application.plan()

    sentence = str(checked(project.run("verify_job"))["r1_batch_tracking"].description)

    assert "`stagenorm status` (in Dagster: open the check no_batch_failed of batch_plan) shows it" in sentence
    assert "`stagenorm resume` (in Dagster: materialize the same funds of normalized_stages again) conti" in sentence


def test_inventory_of_canonical_data_proposes_no_plan(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "seed")])

    looked = materialized(project.plan(), "stage_inventory")[None]

    assert looked["what next"].startswith("Nothing to change")


def test_verification_is_recorded_with_hash_of_report(project: DagsterProject, application: Application) -> None:
    _fill(application)

    report = materialized(project.run("verify_job"), "verification_report")[None]

    ((number, sha256),) = application.sql("SELECT verification_id, report_sha256 FROM stage_verifications")
    assert report["verification_id"] == str(number)
    # Cut: one word of 64 characters would widen the page's column and cut the verdict.
    assert report["report_sha256"] == f"{sha256[:16]}…"
    assert sha256 in report["report as text"]
    assert report["report"] == f"stagenorm report {number} --output report.html"


def test_report_links_to_where_reports_are_served(
    project: DagsterProject, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(application)
    monkeypatch.setenv("STAGENORM_REPORT_URL", "https://reports.example/stagenorm/")

    report = materialized(project.run("verify_job"), "verification_report")[None]

    sha256 = report["report_sha256"][:8]
    assert report["report"] == f"https://reports.example/stagenorm/1?sha256={sha256}"
    assert report["report_json"] == f"https://reports.example/stagenorm/1.json?sha256={sha256}"


def test_read_only_server_fails_before_reading_tables(project: DagsterProject, application: Application) -> None:
    _fill(application)
    name = application.value("SELECT current_database()")
    application.sql(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    application.sql("ALTER TABLE portfoliocompanies RENAME stage TO a_reader_would_miss_it")

    sentence, _ = failure_of(project.run("verify_job"))

    assert sentence.startswith("New transactions are read-only here")


def test_report_is_made_after_failed_fund(project: DagsterProject, application: Application) -> None:
    _fill(application)
    application.sql("ALTER TABLE portfoliocompanies ADD CHECK (fund_id <> 2 OR stage = 'seriesb') NOT VALID")
    application.run()

    result = project.run("verify_job")

    assert result.success
    failed = checked(result)["r1_batch_tracking"]
    assert not failed.passed
    assert failed.severity is dg.AssetCheckSeverity.ERROR
    assert failed.metadata["failed_batches"].value == 1
    assert "resume" in (failed.description or "")


def test_total_loss_is_error_of_r5(project: DagsterProject, application: Application) -> None:
    _fill(application)
    application.run()
    application.sql("UPDATE portfoliocompanies SET stage = 'series-c'")

    found = checked(project.run("verify_job"))

    failed = {name: check.severity for name, check in found.items() if not check.passed}
    assert failed == {"r5_audit_consistency": dg.AssetCheckSeverity.ERROR}


def test_strict_mode_turns_warning_into_error(project: DagsterProject, application: Application) -> None:
    _fill(application)
    application.run()
    application.sql("DELETE FROM portfoliocompanies WHERE fund_id = 2")

    lenient = checked(project.run("verify_job"))["r4_row_counts"]
    strict = checked(project.run("verify_job", verification_report={"strict": True}))["r4_row_counts"]

    assert (lenient.passed, lenient.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert (strict.passed, strict.severity) == (False, dg.AssetCheckSeverity.ERROR)


def test_checks_show_result_of_reports_snapshot(project: DagsterProject, application: Application) -> None:
    _fill(application)
    application.run()
    # The report notes itself after its snapshot and before the checks: there a user spoils a row.
    application.sql("""
        CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN UPDATE portfoliocompanies SET stage = 'Seed'; RETURN NULL; END $$;
        CREATE TRIGGER spoil AFTER INSERT ON stage_verifications EXECUTE FUNCTION spoil();
    """)

    in_the_run = checked(project.run("verify_job"))
    alone = checked(project.check("r2_canonical_stages"))

    assert in_the_run["r2_canonical_stages"].passed
    assert not alone["r2_canonical_stages"].passed


def test_check_run_alone_gives_only_its_verdict(project: DagsterProject, application: Application) -> None:
    _fill(application)

    result = project.check("r2_canonical_stages")

    assert list(checked(result)) == ["r2_canonical_stages"]
    assert checked(result)["r2_canonical_stages"].metadata["rows_messy"].value == 3
    assert application.value("SELECT count(*) FROM stage_verifications") == 0


def test_stored_spelling_cannot_become_markup(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "<img src=x onerror=alert(1)> | [a](http://b)")])

    planned = project.plan()
    report = project.run("verify_job")
    pages = [
        *(str(value) for value in materialized(planned, "stage_inventory")[None].values()),
        str(materialized(planned, "batch_plan")[None]["plan"]),
        str(materialized(report, "verification_report")[None]["report"]),
        str(checked(report)["r2_canonical_stages"].metadata["details"].value),
    ]

    shown = [line for page in pages for line in page.splitlines() if "onerror" in line]
    assert len(shown) >= 4
    for line in shown:
        outside_code = "".join(line.split("`")[::2])
        assert "<" not in outside_code
        assert "](" not in outside_code


def test_each_failed_check_describes_finding_and_fix(project: DagsterProject, application: Application) -> None:
    _fill(application)
    application.run()
    application.sql("""
        UPDATE stage_migration_batches SET status = 'failed' WHERE batch_id = 1;
        INSERT INTO deal_opportunities (fund_id, stage) VALUES (1, 'growth'), (1, NULL);
        DELETE FROM portfoliocompanies WHERE fund_id = 2;
        UPDATE stage_normalization_log SET row_id = 'none' WHERE row_id = '1';
    """)

    found = checked(project.run("verify_job"))

    said = {
        "r1_batch_tracking": ("1 failed", "`stagenorm resume`"),
        "r2_canonical_stages": ("1 row with 1 unknown spelling", "`stagenorm decisions` writes the file"),
        "r3_null_integrity": ("1 new NULL", "Ask who did"),
        "r4_row_counts": ("1 row fewer", "Ask who did"),
        "r5_audit_consistency": ("audit rows disagree with 1 batch", "restore them from a backup"),
        "r6_sample_inspection": ("The sample could not be read", "Fix the cause"),
    }
    assert {name for name, check in found.items() if not check.passed} == set(said)
    for name, parts in said.items():
        assert all(part in (found[name].description or "") for part in parts), found[name].description
        assert found[name].metadata["compared"].value
        assert isinstance(found[name].metadata["duration_ms"].value, int)


def test_rolled_back_rows_are_warning_of_r2(project: DagsterProject, application: Application) -> None:
    _fill(application)
    application.run()
    rollback = record_rollback(application.database, RollbackRequest(plan_id=1), created_by="operator")
    application.apply(plan_id=rollback)

    found = checked(project.run("verify_job"))

    failed = {name: check for name, check in found.items() if not check.passed}
    assert list(failed) == ["r2_canonical_stages"]
    assert failed["r2_canonical_stages"].severity is dg.AssetCheckSeverity.WARN
    assert "rolled back on purpose" in (failed["r2_canonical_stages"].description or "")
    assert failed["r2_canonical_stages"].metadata["rows_rolled_back"].value == 3


@pytest.mark.parametrize("part", [{"fund": "fund-1"}, {"fund_id": "1"}, {"table": COMPANIES}])
def test_partial_verification_is_refused_by_config(
    project: DagsterProject, application: Application, part: dict[str, str]
) -> None:
    with pytest.raises(dg.DagsterInvalidConfigError):
        project.run("verify_job", verification_report=part)
