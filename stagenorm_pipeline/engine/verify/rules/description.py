"""The description that each rule keeps beside its code. The report, the Dagster checks and the docs all use it."""

from dataclasses import dataclass

from stagenorm_pipeline.engine.verify.result import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleDescription:
    """What a rule is, for people. The texts hold nothing from the data.

    `title`: the rule's name in the runbook's report. `proves`: what holds if it passes. `cannot_know`: what it cannot
    see, passed or not. `severity`: what it counts as if it does not pass, without strict mode.
    """

    rule: Rule
    title: str
    proves: str
    cannot_know: str
    severity: str
