"""The check `no_drift` of `stage_inventory`: since the last verification, no spelling came in that needs work.

The asset evaluates it with its own scan, and the sensor `spelling_drift` with each of its scans.
"""

import dagster as dg

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.defs.assets.asset_names import BATCH_PLAN, STAGE_INVENTORY, page_link
from stagenorm_pipeline.engine.inventory.drift import Drift, DriftExample
from stagenorm_pipeline.report.escape import for_markdown

NO_DRIFT = "no_drift"
NEW_UNKNOWN_SPELLINGS = "new_unknown_spellings"
NEW_UNKNOWN_ROWS = "rows_new_unknown"
# Equal for the same set of new unknown spellings, so that an alert about them is sent once.
UNKNOWN_DIGEST = "new_unknown_digest"

NO_DRIFT_SPEC = dg.AssetCheckSpec(
    NO_DRIFT,
    asset=STAGE_INVENTORY,
    description="Since the last verification of all funds, no known spelling came in that is not canonical, and no "
    "unknown spelling that was not there before. Evaluated with each materialization and by the sensor spelling_drift.",
)


def drift_check_result(drift: Drift | None) -> dg.AssetCheckResult:
    """Return the result of `no_drift`. None: there was no verification of all funds yet."""
    return dg.AssetCheckResult(
        asset_key=STAGE_INVENTORY,
        check_name=NO_DRIFT,
        passed=drift is None or drift.is_none,
        severity=dg.AssetCheckSeverity.WARN,
        description=_describe(drift),
        metadata={} if drift is None else _metadata(drift),
    )


def _describe(drift: Drift | None) -> str:
    if drift is None:
        return "Not verified yet. After the first verification of all funds, this check compares with it."
    if drift.is_none:
        return "Since the last verification, every new spelling is canonical."
    parts = [
        f"{counted(found.spellings, f'{kind} spelling')} in {counted(found.rows, 'row')}"
        for kind, found in (("known", drift.known), ("new unknown", drift.unknown))
        if found.spellings
    ]
    return f"Since the last verification: {' and '.join(parts)}."


def _metadata(drift: Drift) -> dict[str, dg.MetadataValue | int | str]:
    examples = (*drift.known.examples, *drift.unknown.examples)
    return {
        **({"what next": dg.MetadataValue.md(_what_next(drift))} if examples else {}),
        "known_spellings": drift.known.spellings,
        "rows_known": drift.known.rows,
        NEW_UNKNOWN_SPELLINGS: drift.unknown.spellings,
        NEW_UNKNOWN_ROWS: drift.unknown.rows,
        UNKNOWN_DIGEST: drift.unknown.digest[:12],
        **({"examples": dg.MetadataValue.md(_table(examples))} if examples else {}),
    }


def _what_next(drift: Drift) -> str:
    steps = []
    if drift.known.spellings:
        steps.append(f"Materialize {page_link(BATCH_PLAN)} to plan the known spellings.")
    if drift.unknown.spellings:
        steps.append("Decide about the unknown spellings: `stagenorm decisions` writes the file to fill in.")
    return " ".join(steps)


def _table(examples: tuple[DriftExample, ...]) -> str:
    lines = ["| Spelling | Means | Rows | Target |", "| --- | --- | ---: | --- |"]
    for example in examples:
        shown = for_markdown(example.spelling + ("…" if example.is_cut else ""), quote=True)
        stage = example.stage or "unknown"
        lines.append(f"| {shown} | {stage} | {example.rows:,} | {for_markdown(example.target)} |")
    return "\n".join(lines)
