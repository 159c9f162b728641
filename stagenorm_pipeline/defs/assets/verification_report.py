"""The asset `verification_report`: checks the database against the seven rules and makes the report to sign."""

from collections.abc import Iterator

import dagster as dg

from stagenorm_pipeline.defs.assets.asset_names import GROUP, NORMALIZED_STAGES, VERIFICATION_REPORT
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.reconcile.verification_events import report_metadata, verification_next
from stagenorm_pipeline.defs.resources import StagenormService
from stagenorm_pipeline.defs.run_config import VerifyConfig
from stagenorm_pipeline.engine.monitor.recorded_state import VerificationState
from stagenorm_pipeline.service.selecting import select
from stagenorm_pipeline.service.verifying import VerificationSettings, verify


@dg.asset(
    key=VERIFICATION_REPORT,
    deps=[NORMALIZED_STAGES],
    group_name=GROUP,
    kinds={"postgres", "markdown"},
)
def verification_report(
    context: dg.AssetExecutionContext,
    config: VerifyConfig,
    service: StagenormService,
) -> Iterator[dg.MaterializeResult[None]]:
    """Step 4: verify. Checks the database against seven rules, in one snapshot, and makes a report to sign.

    The rules are the checks of this asset. A failed rule does not fail the run. Its check lists the rows and says what
    to do. Materialize the report at any time, during a migration or after a fund has failed.

    Never writes to your tables. Records the verification and its report in `stage_verifications`. The entry `report`
    opens the report or has the command that writes it to a file.
    """
    with errors_as_failures():
        opened = service.open()
        report = verify(opened, selection=select(opened), settings=verification_settings(config))
        state = VerificationState(verification_id=report.number, signed_off_by=None, is_whole=True, is_current=True)
        metadata, what_next = report_metadata(opened, report, state), verification_next(report, state)
    # A failed rule fails no run, so the list of runs would show nothing.
    context.instance.add_run_tags(context.run.run_id, {"verdict": report.result.verdict.value})
    yield dg.MaterializeResult(metadata=metadata)
    what_next.log(context.log)


def verification_settings(config: VerifyConfig) -> VerificationSettings:
    """Return the settings of a verification, for the report and for checks that run alone."""
    return VerificationSettings(strict=config.strict, sample_size=config.sample_size, sample_seed=config.sample_seed)
