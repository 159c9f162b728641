"""Jobs that materialize the assets. There is none for all four: a failed fund would prevent the report."""

import dagster as dg

plan_job = dg.define_asset_job(
    "plan_job",
    selection=["stage_inventory", "batch_plan"],
    description="List the spellings, then record a plan. Changes no business data.",
)

normalize_job = dg.define_asset_job(
    "normalize_job",
    selection=["normalized_stages"],
    description="Apply the open plan's batches of the selected funds. This changes business data.",
)

verify_job = dg.define_asset_job(
    "verify_job",
    selection=["verification_report"],
    description="Run the seven checks and make the report. Works at any time, also after failed funds.",
)
