"""The seven asset checks of `verification_report`. What a rule judges is the engine's matter."""

from collections.abc import Iterator

import dagster as dg

from stagenorm_pipeline.defs.assets.verification_report import verify_request
from stagenorm_pipeline.defs.checks.check_verdict import CHECKS_KEY, Verdict, verdicts, verdicts_from_metadata
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.resources import ApplicationDatabase, NormalizationSettings
from stagenorm_pipeline.defs.run_config import VerifyConfig
from stagenorm_pipeline.engine.verify.result import Rule
from stagenorm_pipeline.engine.verify.verification import verify


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            rule.value,
            asset="verification_report",
            description=f"Passing proves: {rule.proves} Otherwise: {rule.counts_as} Cannot know: {rule.cannot_know}",
        )
        for rule in Rule
    ],
    can_subset=True,
)
def verification_checks(
    context: dg.AssetCheckExecutionContext,
    config: VerifyConfig,
    database: ApplicationDatabase,
    settings: NormalizationSettings,
) -> Iterator[dg.AssetCheckResult]:
    """Within the report's own run: what the report found. Run by themselves: what the rules find now."""
    found = _of_this_run(context)
    if found is None:
        with errors_as_failures():
            found = verdicts(verify(database.open(), verify_request(config, settings)))
    for key in sorted(context.selected_asset_check_keys, key=lambda key: key.name):
        yield found[key.name].as_asset_check()


def _of_this_run(context: dg.AssetCheckExecutionContext) -> dict[str, Verdict] | None:
    """The verdicts that the report's materialization in this run carries, if there was one."""
    made = context.instance.get_records_for_run(
        context.run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION, ascending=False
    )
    for record in made.records:
        event = record.event_log_entry.asset_materialization
        if event is not None and CHECKS_KEY in event.metadata:
            value = event.metadata[CHECKS_KEY].value
            return verdicts_from_metadata(value) if isinstance(value, dict) else None
    return None
