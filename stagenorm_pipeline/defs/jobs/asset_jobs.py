"""Jobs that materialize the assets. There is none for all four: a failed fund would prevent the report."""

import dagster as dg

from stagenorm_pipeline.defs.assets.asset_names import (
    BATCH_PLAN,
    NORMALIZED_STAGES,
    STAGE_INVENTORY,
    VERIFICATION_REPORT,
)

plan_job = dg.define_asset_job(
    "plan_job",
    selection=[STAGE_INVENTORY, BATCH_PLAN],
    description="List the spellings, then record a plan. Changes no business data.",
)

normalize_job = dg.define_asset_job(
    "normalize_job",
    selection=[NORMALIZED_STAGES],
    description="Apply the open plan's batches of the selected funds. This changes business data.",
)

verify_job = dg.define_asset_job(
    "verify_job",
    selection=[VERIFICATION_REPORT],
    description="Run the seven checks and make the report. Works at any time, also after failed funds.",
)
