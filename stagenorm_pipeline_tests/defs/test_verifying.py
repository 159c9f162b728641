"""The report and its seven checks through Dagster."""

import dagster as dg

from stagenorm_pipeline.report.document import document_sha256
from stagenorm_pipeline_tests.defs.face import Face, checked, materialized
from stagenorm_pipeline_tests.engine.application import COMPANIES, Application

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


def test_seven_checks_pass_over_normalized_data(face: Face, application: Application) -> None:
    _fill(application)
    face.plan()
    face.normalize_all()

    result = face.run("verify_job")
    report = materialized(result, "verification_report")[None]

    assert sorted(checked(result)) == _RULES
    assert all(check.passed for check in checked(result).values())
    assert report["verdict"].startswith("**Passed.")
    assert report["checks_passed"] == 7
    assert report["rows_seen"] == report["rows_canonical"] == 4


def test_a_verification_is_recorded_with_the_mark_that_the_report_shows(face: Face, application: Application) -> None:
    _fill(application)

    report = materialized(face.run("verify_job"), "verification_report")[None]

    recorded = application.sql("SELECT verification_id, report_sha256 FROM stage_verifications")
    assert recorded == [(report["verification_id"], report["report_sha256"])]
    assert len(report["report_sha256"]) == len(document_sha256({}))
    assert report["report_sha256"] in report["report"]


def test_the_report_is_made_although_a_fund_failed(face: Face, application: Application) -> None:
    _fill(application)
    application.sql("ALTER TABLE portfoliocompanies ADD CHECK (fund_id <> 2 OR stage = 'seriesb') NOT VALID")
    face.plan()

    assert not face.normalize_all().success
    result = face.run("verify_job")

    assert result.success
    failed = checked(result)["r1_batch_tracking"]
    assert not failed.passed
    assert failed.severity is dg.AssetCheckSeverity.ERROR
    assert failed.metadata["failed_batches"].value == 1
    assert "resume" in (failed.description or "")


def test_a_warning_becomes_an_error_in_strict_mode(face: Face, application: Application) -> None:
    _fill(application)
    face.plan()
    face.normalize_all()
    application.sql("DELETE FROM portfoliocompanies WHERE fund_id = 2")

    lenient = checked(face.run("verify_job"))["r4_row_counts"]
    strict = checked(face.run("verify_job", verification_report={"strict": True}))["r4_row_counts"]

    assert (lenient.passed, lenient.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert (strict.passed, strict.severity) == (False, dg.AssetCheckSeverity.ERROR)


def test_the_checks_show_what_the_report_found_though_the_data_changed_since(
    face: Face, application: Application
) -> None:
    _fill(application)
    face.plan()
    face.normalize_all()
    # The report notes itself after its snapshot and before the checks: there a user spoils a row.
    application.sql("""
        CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN UPDATE portfoliocompanies SET stage = 'Seed'; RETURN NULL; END $$;
        CREATE TRIGGER spoil AFTER INSERT ON stage_verifications EXECUTE FUNCTION spoil();
    """)

    in_the_run = checked(face.run("verify_job"))
    alone = checked(face.check("r2_canonical_stages"))

    assert in_the_run["r2_canonical_stages"].passed
    assert not alone["r2_canonical_stages"].passed


def test_a_check_that_is_run_alone_gives_its_verdict_and_no_other(face: Face, application: Application) -> None:
    _fill(application)

    result = face.check("r2_canonical_stages")

    assert list(checked(result)) == ["r2_canonical_stages"]
    assert checked(result)["r2_canonical_stages"].metadata["rows_messy"].value == 3
    assert application.value("SELECT count(*) FROM stage_verifications") == 0


def test_values_from_the_data_cannot_become_markup(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "<img src=x onerror=alert(1)> | [a](http://b)")])

    planned = face.plan()
    report = face.run("verify_job")
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
