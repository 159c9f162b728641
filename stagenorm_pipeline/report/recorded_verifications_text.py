"""List the recorded verifications as text for a terminal."""

from collections.abc import Sequence

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.verify.recorded_verifications import RecordedVerification
from stagenorm_pipeline.report.escape import for_terminal
from stagenorm_pipeline.report.terminal_layout import PLAIN, Screen, text_of, wrapped
from stagenorm_pipeline.report.wording import VERDICTS, scope_name


def verifications_text(verifications: Sequence[RecordedVerification], screen: Screen = PLAIN) -> str:
    """Write each verification in a line or two, in the given order."""
    if not verifications:
        return "No verification is recorded. Make one: stagenorm verify"
    return text_of(line for recorded in verifications for line in _lines(recorded, screen))


def _lines(recorded: RecordedVerification, screen: Screen) -> list[str]:
    facts = [
        f"{recorded.created_at:%Y-%m-%d %H:%M %Z}",
        VERDICTS[recorded.verdict].lower() + (" (strict)" if recorded.strict else ""),
        for_terminal(scope_name(recorded.scope)),
        counted(len(recorded.targets), "table"),
        f"by {for_terminal(recorded.created_by)}",
        f"signed by {for_terminal(recorded.signed_off_by)}" if recorded.signed_off_by is not None else "not signed",
    ]
    if recorded.accepted_warnings is not None:
        facts.append(f"warnings accepted: {for_terminal(recorded.accepted_warnings)}")
    if not recorded.has_report:
        facts.append("no stored report")
    number = f"{recorded.verification_id:>6}"
    first, *others = wrapped(", ".join(facts), screen, indent=len(number) + 2, hang=0)
    return [f"{number}  {first.lstrip(' ')}", *others]
