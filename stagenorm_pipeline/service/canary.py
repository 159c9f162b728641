"""Check a canary after it was applied, and stop the run if it is not as it should be."""

from __future__ import annotations

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.apply.canary import CanaryBatches
from stagenorm_pipeline.engine.apply.request import ApplyRequest
from stagenorm_pipeline.engine.verify.canary import CanaryProblem, verify_canary
from stagenorm_pipeline.errors import StagenormError
from stagenorm_pipeline.service.context import ServiceContext, load_aliases


class CanaryFailedError(StagenormError):
    """The canary is applied and not as it should be. Nothing else was applied."""


def require_canary_passed(context: ServiceContext, canary: CanaryBatches, request: ApplyRequest) -> None:
    """Verify the canary by rules 1 to 5. Raises CanaryFailedError, whose remedy is the rollback."""
    targets = context.targets() if request.targets is None else request.targets
    stages = load_aliases(context.configuration).canonical
    if problems := verify_canary(context.database, canary, targets, stages=stages):
        raise _failed(canary, problems)


def _failed(canary: CanaryBatches, problems: tuple[CanaryProblem, ...]) -> CanaryFailedError:
    rules = dict.fromkeys(problem.rule for problem in problems)
    listed = " and ".join(
        f"rule {rule.value[1]} ({', '.join(problem.what for problem in problems if problem.rule is rule)})"
        for rule in rules
    )
    # `--since` leaves what earlier runs of the plan applied.
    since = canary.started_at.isoformat(" ")
    undo = " and ".join(f"stagenorm rollback --plan {plan} --since '{since}' --yes" for plan in canary.plan_ids)
    return CanaryFailedError(
        f"The canary failed {listed}. Its {counted(len(canary.batch_ids), 'batch')} of "
        f"{counted(canary.funds, 'fund')} are applied, and nothing else.",
        remedy=f"`stagenorm status` names refused rows. To undo the canary: {undo}. To go on after fixing the cause: "
        "stagenorm resume",
    )
