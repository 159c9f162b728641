"""Ask about undecided spellings in the terminal, and write each answer at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from stagenorm_pipeline.vocabulary import Decision, Undecided


def ask_about(path: Path, undecided: tuple[Undecided, ...], by: str) -> None:
    """Ask about each spelling and write the answer into the file at `path`, which has an entry for each."""
    from stagenorm_pipeline.output_files import replace_file
    from stagenorm_pipeline.vocabulary import CANONICAL_STAGES, read_decisions_text, with_decision

    keys = "  ".join(f"{number} {stage}" for number, stage in enumerate(CANONICAL_STAGES, start=1))
    click.echo(f"{keys}  l keep as it is  s skip  q stop. Enter takes the proposal in [ ].")
    asker = _Asker(by=by)
    decided = 0
    for number, item in enumerate(undecided, start=1):
        # Read again each time: you may edit the file in an editor at the same time.
        text = read_decisions_text(path)
        try:
            decision = asker.ask(item, f"{number}/{len(undecided)}", text, str(path))
        except click.Abort:
            break
        if decision is not None:
            replace_file(path, with_decision(text, str(path), decision))
            decided += 1
    click.echo(f"\n{path}: {decided:,} decided, {len(undecided) - decided:,} left. Next: stagenorm dry-run")


@dataclass(kw_only=True)
class _Asker:
    by: str
    reasons: list[str] = field(default_factory=list)

    def ask(self, item: Undecided, number: str, text: str, source: str) -> Decision | None:
        """Ask for a decision; None to skip. Raises click.Abort on `q`."""
        from stagenorm_pipeline.report.escape import for_terminal, sentence_for_terminal
        from stagenorm_pipeline.vocabulary import (
            KEPT,
            Decision,
            Stage,
            decided_alike,
            parse_decisions,
            proposal,
            same_words,
            suggest,
        )

        alike = decided_alike(parse_decisions(text, source)).get(same_words(item.spelling))
        click.echo(f"\n{number}  {for_terminal(item.spelling, quote=True)}  {sentence_for_terminal(item.where)}")
        if alike is not None:
            click.echo(f"  the same words as {for_terminal(alike.spelling, quote=True)}, which is {alike.choice}")
        for suggestion in suggest(item.spelling):
            click.echo(f"  {suggestion}")
        choice = _choice(alike.choice if alike else proposal(item.spelling))
        if choice is None:
            return None
        if choice != KEPT:
            return Decision(spelling=item.spelling, stage=Stage(choice), decided_by=self.by, decided_on=date.today())
        reason = self._reason(alike.reason if alike else "")
        return Decision(
            spelling=item.spelling, is_kept=True, reason=reason, decided_by=self.by, decided_on=date.today()
        )

    def _reason(self, proposed: str) -> str:
        """Ask why a spelling is kept. The number of an earlier reason repeats it."""
        from stagenorm_pipeline.report.escape import for_terminal

        proposed = proposed or (self.reasons[-1] if self.reasons else "")
        numbered = {str(number): reason for number, reason in enumerate(self.reasons, start=1)}
        if len(numbered) > 1:
            click.echo("  " + "  ".join(f"{number} {for_terminal(reason)}" for number, reason in numbered.items()))
        while True:
            answer: str = click.prompt("  reason", default=proposed, show_default=bool(proposed)).strip()
            reason = numbered.get(answer, answer)
            if reason:
                break
            click.echo("  Say why it is kept: the report lists the reason.")
        if reason not in self.reasons:
            self.reasons.append(reason)
        return reason


def _choice(proposed: str | None) -> str | None:
    """Ask for a canonical stage or leave-as-is; None to skip."""
    from stagenorm_pipeline.vocabulary import CANONICAL_STAGES, KEPT, Vocabulary

    numbered = {str(number): str(stage) for number, stage in enumerate(CANONICAL_STAGES, start=1)}
    while True:
        answer = click.prompt("  stage", default=proposed or "", show_default=proposed is not None).strip()
        match answer:
            case "q":
                raise click.Abort
            case "s" | "":
                return None
            case "l":
                return KEPT
            case _ if answer == proposed:
                return proposed
        chosen = numbered.get(answer) or Vocabulary.built_in().stage_of(answer)
        if chosen:
            return str(chosen)
        click.echo("  Answer 1 to 6, the name of a stage, l, s or q.")
