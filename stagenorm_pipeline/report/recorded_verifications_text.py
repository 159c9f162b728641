"""List the recorded verifications as text for a terminal."""

from collections.abc import Iterator, Sequence
from datetime import UTC

from stagenorm_pipeline.engine.verify.recorded_verifications import RecordedVerification
from stagenorm_pipeline.report.escape import for_terminal
from stagenorm_pipeline.report.tables import Cell, Name, Table
from stagenorm_pipeline.report.terminal_layout import PLAIN, Screen, folded, rows_lines, text_of, wrapped
from stagenorm_pipeline.report.wording import VERDICTS, scope_name


def verifications_text(verifications: Sequence[RecordedVerification], screen: Screen = PLAIN) -> str:
    """Write one line for each verification, in the given order, and below them what applies to few."""
    if not verifications:
        return "No verification is recorded. Make one: stagenorm verify"
    # Who made each one is in its report: with it, most lines would not fit 80 columns.
    headings = ("No.", "Made at (UTC)", "Verdict", "Funds", "Tables", "Signed by")
    rows = tuple(map(_row, verifications))
    table = Table(title="Verifications", headings=headings, rows=rows, total=len(rows), unit="verifications")
    return text_of((*rows_lines(table, screen), *_remarks(verifications, screen)))


def _row(recorded: RecordedVerification) -> tuple[Cell, ...]:
    return (
        recorded.verification_id,
        Name(text=f"{recorded.created_at.astimezone(UTC):%Y-%m-%d %H:%M}"),
        VERDICTS[recorded.verdict].lower() + (" (strict)" if recorded.strict else ""),
        Name(text=scope_name(recorded.scope).removesuffix(" funds")),
        len(recorded.targets),
        "not signed" if recorded.signed_off_by is None else Name(text=recorded.signed_off_by),
    )


def _remarks(verifications: Sequence[RecordedVerification], screen: Screen) -> Iterator[str]:
    for recorded in (one for one in verifications if one.accepted_warnings is not None):
        reason = for_terminal(recorded.accepted_warnings or "")
        yield from folded(f"No. {recorded.verification_id}: warnings accepted: {reason}", screen, indent=2)
    pruned = [str(one.verification_id) for one in verifications if not one.has_report]
    if pruned:
        yield from wrapped(f"no stored report: {', '.join(pruned)}", screen, indent=2)
