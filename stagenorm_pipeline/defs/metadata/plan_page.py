"""Format a plan that was just worked out, for the page of `batch_plan`."""

from collections.abc import Mapping

import dagster as dg

from stagenorm_pipeline.engine.inventory.inventory import count_unknown_spellings
from stagenorm_pipeline.engine.monitor.estimate import DurationEstimate
from stagenorm_pipeline.engine.plan.plan import Plan
from stagenorm_pipeline.report.estimate_text import estimate_sentence
from stagenorm_pipeline.report.markdown_text import plan_markdown


def planned_metadata(plan: Plan, estimate: DurationEstimate) -> Mapping[str, dg.MetadataValue]:
    """Return the plan and its figures, and how long it takes. Dagster plots the numbers."""
    sentence = estimate_sentence(estimate)
    return {
        **({"how long": dg.MetadataValue.text(sentence)} if sentence else {}),
        "plan": dg.MetadataValue.md(plan_markdown(plan)),
        "batches": dg.MetadataValue.int(plan.total_batches),
        "rows_to_update": dg.MetadataValue.int(plan.counts.rows_to_change),
        "rows_seen": dg.MetadataValue.int(plan.counts.rows_seen),
        "rows_unknown": dg.MetadataValue.int(plan.counts.rows_unknown),
        "unknown_spellings": dg.MetadataValue.int(count_unknown_spellings(plan.inventories)),
        "funds_to_change": dg.MetadataValue.int(len(plan.funds_to_change)),
    }
