"""The end of a report: what a reviewer says by signing it, and how that is recorded.

Nothing here signs: the reviewer does, on paper or by the command, with a role that may.
"""

from collections.abc import Sequence
from typing import Final

from stagenorm_pipeline.engine.verify.result import Outcome, Verdict, VerificationResult
from stagenorm_pipeline.report.wording import rule_number

FIELDS: Final = ("Name", "Date", "Signature")
RECORD: Final = "To record it, as a role that may, with the JSON of this report as FILE:"


def statement(result: VerificationResult) -> str:
    """What a signature would mean; where the verification failed, that there is nothing to sign. Nothing from data."""
    if result.verdict is Verdict.FAILED:
        return f"Not to be signed: {_checks(result, Outcome.FAILED)} failed. Do what is said there, then verify again."
    read = "I have read this report and looked through its sample"
    if result.count(Outcome.WARNED):
        read += f", I know the cause of the warnings of {_checks(result, Outcome.WARNED)}"
    if not result.plans:
        return f"{read}, and I accept the data as they are. No migration is in force that this could accept."
    whole = "the migration" if result.scope.all_funds else "the migration of the fund named above, and of no other,"
    return f"{read}, and I accept {whole} as done."


def record_command(result: VerificationResult, verification_id: int, file: str = "FILE") -> str:
    """The command that records the signature: from then on the next verification starts there."""
    accepting = ' --accept-warnings "REASON"' if result.count(Outcome.WARNED) else ""
    return f"stagenorm sign-off {verification_id} --report {file}{accepting}"


def is_to_sign(result: VerificationResult) -> bool:
    return result.verdict is not Verdict.FAILED


def _checks(result: VerificationResult, outcome: Outcome) -> str:
    numbers = [str(rule_number(check.rule)) for check in result.checks if check.outcome is outcome]
    return f"check {numbers[0]}" if len(numbers) == 1 else f"checks {_listed(numbers)}"


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"
