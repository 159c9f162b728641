"""The end of a report: what a signature means, and the command that records it."""

from collections.abc import Sequence
from typing import Final

from stagenorm_pipeline.engine.verify.result import Outcome, Verdict, VerificationResult
from stagenorm_pipeline.report.wording import rule_number

FIELDS: Final = ("Name", "Date", "Signature")
RECORD: Final = "To record the signature with a role that may sign, with the JSON of this report as FILE:"


def statement(result: VerificationResult) -> str:
    """Say what a signature means, or that a failed verification is not to be signed. Holds nothing from the data."""
    if result.verdict is Verdict.FAILED:
        return f"Not to be signed: {_checks(result, Outcome.FAILED)} failed. Follow the advice, then verify again."
    read = "I have read this report and looked through its sample"
    if result.count(Outcome.WARNED):
        read += f", I know the cause of the warnings of {_checks(result, Outcome.WARNED)}"
    if not result.plans:
        return f"{read}, and I accept the data as they are. No migration is in force."
    whole = (
        "the migration" if result.scope.all_funds else "the migration of the fund named above, and of no other fund,"
    )
    return f"{read}, and I accept {whole} as done."


def record_command(result: VerificationResult, verification_id: int, file: str = "FILE") -> str:
    """Return the command that records the signature."""
    accepting = ' --accept-warnings "REASON"' if result.count(Outcome.WARNED) else ""
    return f"stagenorm sign-off {verification_id} --report {file}{accepting}"


def is_to_sign(result: VerificationResult) -> bool:
    return result.verdict is not Verdict.FAILED


def _checks(result: VerificationResult, outcome: Outcome) -> str:
    numbers = [str(rule_number(check.rule)) for check in result.checks if check.outcome is outcome]
    return f"check {numbers[0]}" if len(numbers) == 1 else f"checks {_listed(numbers)}"


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"
