"""The field `plan_id` of the jobs about one plan.

It has a default that no plan has: the launchpad then shows the field to fill in. For a required field it shows nothing
until someone clicks "Scaffold missing config".
"""

from typing import Final

from stagenorm_pipeline.errors import ConfigurationError

NO_PLAN: Final = 0


def require_plan_id(plan_id: int) -> None:
    """Raise ConfigurationError if the field was not filled in."""
    if plan_id == NO_PLAN:
        raise ConfigurationError(
            "plan_id is not set.", remedy="Write the number of the plan. The page of batch_plan shows it."
        )
