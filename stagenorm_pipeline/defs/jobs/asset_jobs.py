"""The jobs over the assets. Not one for all four: a failed fund would keep the report from being made."""

import dagster as dg

plan_job = dg.define_asset_job(
    "plan_job",
    selection=["stage_inventory", "batch_plan"],
    description="Look and plan: lists the spellings, then records a plan. Changes no business data.",
)

normalize_job = dg.define_asset_job(
    "normalize_job",
    selection=["normalized_stages"],
    description="Apply the open plan's batches of the chosen funds. This changes business data.",
)

verify_job = dg.define_asset_job(
    "verify_job",
    selection=["verification_report"],
    description="Prove: runs the seven checks and makes the report. Works at any time, after failed funds too.",
)
