"""The seven asset checks of `verification_report`, one per rule of `engine.verify.rules`."""

from collections.abc import Iterator

import dagster as dg

from stagenorm_pipeline.defs.assets.asset_names import VERIFICATION_REPORT
from stagenorm_pipeline.defs.assets.verification_report import verification_settings
from stagenorm_pipeline.defs.checks.check_verdict import (
    CHECKS_KEY,
    CheckVerdict,
    check_verdicts,
    verdicts_from_metadata,
)
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.resources import StagenormService
from stagenorm_pipeline.defs.run_config import VerifyConfig
from stagenorm_pipeline.engine.verify.rules.registry import RULES
from stagenorm_pipeline.service.selecting import select
from stagenorm_pipeline.service.verifying import verify_without_recording


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            rule.value,
            asset=VERIFICATION_REPORT,
            description=f"Passing proves: {found.proves} Otherwise: {found.severity} Cannot know: {found.cannot_know}",
        )
        for rule, found in RULES.items()
    ],
    can_subset=True,
)
def verification_checks(
    context: dg.AssetCheckExecutionContext,
    config: VerifyConfig,
    service: StagenormService,
) -> Iterator[dg.AssetCheckResult]:
    """Show what the report found, if this run made one. Otherwise run the rules now."""
    verdicts = _verdicts_of_this_run(context)
    if verdicts is None:
        with errors_as_failures():
            opened = service.open()
            settings = verification_settings(config)
            result = verify_without_recording(opened, selection=select(opened), settings=settings)
            verdicts = check_verdicts(result)
    for key in sorted(context.selected_asset_check_keys, key=lambda key: key.name):
        yield verdicts[key.name].as_check_result()


def _verdicts_of_this_run(context: dg.AssetCheckExecutionContext) -> dict[str, CheckVerdict] | None:
    """Return the verdicts in the report's materialization of this run, or None if this run made no report."""
    materializations = context.instance.get_records_for_run(
        context.run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION, ascending=False
    )
    for record in materializations.records:
        event = record.event_log_entry.asset_materialization
        if event is not None and CHECKS_KEY in event.metadata:
            value = event.metadata[CHECKS_KEY].value
            return verdicts_from_metadata(value) if isinstance(value, dict) else None
    return None
