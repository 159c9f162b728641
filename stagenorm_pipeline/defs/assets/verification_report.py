"""The asset `verification_report`: checks the database against the seven rules and makes the report to sign."""

from collections.abc import Mapping

import dagster as dg

from stagenorm_pipeline import __version__
from stagenorm_pipeline.defs.assets.asset_names import GROUP, NORMALIZED_STAGES, OWNERS, VERIFICATION_REPORT, page_path
from stagenorm_pipeline.defs.checks.check_verdict import CHECKS_KEY, verdicts_to_metadata
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.metadata.report_files import write_report_files
from stagenorm_pipeline.defs.resources import StagenormService
from stagenorm_pipeline.defs.run_config import VerifyConfig
from stagenorm_pipeline.engine.verify.result import Outcome, VerificationResult
from stagenorm_pipeline.report.formats import ReportForm
from stagenorm_pipeline.report.sign_off_statement import is_to_sign, statement
from stagenorm_pipeline.report.summary import funds_markdown, stages_markdown, verdict_markdown
from stagenorm_pipeline.service.selecting import select
from stagenorm_pipeline.service.verifying import VerificationReport, VerificationSettings, verify

ReportMetadata = dict[str, dg.MetadataValue | dg.JsonMetadataValue | int | str]


@dg.asset(
    key=VERIFICATION_REPORT,
    deps=[NORMALIZED_STAGES],
    group_name=GROUP,
    owners=OWNERS,
    kinds={"postgres", "markdown"},
    code_version=__version__,
)
def verification_report(
    context: dg.AssetExecutionContext,
    config: VerifyConfig,
    service: StagenormService,
) -> dg.MaterializeResult[None]:
    """**Step 4: verify.** Checks the database against seven rules, in one snapshot, and makes a report to sign.

    The rules are the checks of this asset. A failed rule does not fail the run. Its check lists the rows and says what
    to do. Materialize the report at any time, during a migration or after a fund has failed.

    Never writes to your tables. Records the verification in `stage_verifications` and writes the report to the files
    in `report_json` and `report_html`.
    """
    with errors_as_failures():
        opened = service.open()
        report = verify(opened, selection=select(opened), settings=verification_settings(config))
    # A failed rule fails no run, so the list of runs would show nothing.
    context.instance.add_run_tags(context.run.run_id, {"verdict": report.result.verdict.value})
    return dg.MaterializeResult(metadata=report_metadata(report, write_report_files(context, report)))


def verification_settings(config: VerifyConfig) -> VerificationSettings:
    """Return the settings of a verification, for the report and for checks that run alone."""
    return VerificationSettings(strict=config.strict, sample_size=config.sample_size, sample_seed=config.sample_seed)


def report_metadata(report: VerificationReport, files: Mapping[str, dg.MetadataValue]) -> ReportMetadata:
    """Return the metadata of the asset. `files`: its entries about the report's files and the sign-off."""
    result = report.result
    return {
        # The page shows short values at once, in this order, and the report behind a link.
        "verdict": dg.MetadataValue.md(verdict_markdown(result)),
        "what next": dg.MetadataValue.md(_what_next(result)),
        "stages": dg.MetadataValue.md(stages_markdown(result)),
        "funds": dg.MetadataValue.md(funds_markdown(result)),
        **files,
        "report": dg.MetadataValue.md(report.text(ReportForm.MARKDOWN)),
        "checks_passed": result.count(Outcome.PASSED),
        "checks_warned": result.count(Outcome.WARNED),
        "checks_failed": result.count(Outcome.FAILED),
        "rows_seen": result.counts.rows_seen,
        "rows_canonical": result.counts.rows_canonical,
        "rows_not_canonical": result.counts.rows_seen - result.counts.rows_canonical - result.counts.rows_null,
        "unknown_spellings": result.unknown_spellings,
        "verification_id": report.number,
        "report_sha256": report.sha256,
        CHECKS_KEY: verdicts_to_metadata(result),
    }


def _what_next(result: VerificationResult) -> str:
    if is_to_sign(result):
        return "Read the report and its sample, then sign it: the entry `sign-off` has the command."
    return f"{statement(result)} [Open the checks]({page_path(VERIFICATION_REPORT, 'view=checks')})."
