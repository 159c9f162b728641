"""Ask about clusters of undecided spellings in the terminal, and write each answer at once."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, assert_never

import click

from stagenorm_pipeline.cli.decision_answers import (
    HELP,
    Answer,
    ChooseStage,
    KeepCluster,
    KeepRest,
    Key,
    NotUnderstood,
    TakeOut,
    read_answer,
)
from stagenorm_pipeline.cli.decision_session import DecisionSession, Moved, Outcome, Stayed
from stagenorm_pipeline.counts import counted

if TYPE_CHECKING:
    from stagenorm_pipeline.service.deciding import UndecidedSpellings
    from stagenorm_pipeline.vocabulary import Cluster, Keep, Undecided

# Members shown at once: a cluster fits on a screen of 24 lines.
_SHOWN: Final = 12
_SPELLING_WIDTH: Final = 48
# A longer spelling is cut, and its length is added.
_SPELLING_SHOWN: Final = 36


def ask_about(found: UndecidedSpellings, by: str) -> None:
    """Ask about each cluster, the one with most rows first, until all are decided or the person stops."""
    stages = found.decided.aliases.canonical
    session = DecisionSession(found=found, by=by, clusters=list(found.clusters))
    keys = "  ".join(f"{number} {stage}" for number, stage in enumerate(stages, start=1))
    click.echo(f"{keys}\nk keep  a all sure  r keep the rest  s skip  b back  u undo  q stop  ? help")
    _show_sure(session.sure())
    asker = _Asker(session=session)
    while session.goes_on():
        try:
            asker.ask()
        except click.Abort:
            break
    left = len(found.undecided) - len(session.decided)
    following = "Next: stagenorm dry-run" if not left else "Go on: stagenorm decisions --ask"
    click.echo(f"\n{found.path}: {len(session.decided):,} decided, {left:,} left. {following}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asker:
    """Shows clusters and reads answers. `reasons`: those given so far, to repeat one by its number."""

    session: DecisionSession
    reasons: list[str] = field(default_factory=list)

    def ask(self) -> None:
        """Ask about one cluster until the session moves on. Raises click.Abort to stop."""
        from stagenorm_pipeline.report.escape import sentence_for_terminal

        cluster = self.session.cluster
        _show(cluster, f"[{self.session.at + 1}/{len(self.session.clusters)}]")
        proposed = f" [{cluster.proposal.choice}]" if cluster.proposal else ""
        while True:
            outcome = self._act(read_answer(_prompt(f"stage{proposed}"), self.session.found.decided.aliases))
            if outcome.said:
                for line in outcome.said.splitlines():
                    _say(sentence_for_terminal(line))
            if isinstance(outcome, Moved):
                return

    def _act(self, answer: Answer) -> Outcome:
        match answer:
            case Key():
                return self._press(answer)
            case ChooseStage(stage=stage):
                return self.session.decide(stage)
            case KeepCluster(reason=reason):
                return self.session.decide(self._keep(reason))
            case KeepRest(reason=reason):
                return self.session.keep_rest(self._keep(reason))
            case TakeOut(numbers=numbers):
                return self.session.take_out(numbers)
            case NotUnderstood():
                last = len(self.session.found.decided.aliases.canonical)
                return Stayed(said=f"Answer 1 to {last}, the name of a stage, k, a, r, s, b, u or q. ? explains them.")
        assert_never(answer)

    def _press(self, key: Key) -> Outcome:  # noqa: PLR0911 - one return for each key
        session = self.session
        match key:
            case Key.TAKE_PROPOSAL:
                return session.decide(session.cluster.proposal.choice) if session.cluster.proposal else session.skip()
            case Key.ACCEPT_SURE:
                return session.accept_sure()
            case Key.MEMBERS:
                _show_members(session.cluster.members, with_where=True)
                return Stayed(said="")
            case Key.SKIP:
                return session.skip()
            case Key.BACK:
                return session.back()
            case Key.UNDO:
                return session.undo()
            case Key.HELP:
                return Stayed(said=HELP)
            case Key.QUIT:
                raise click.Abort
        assert_never(key)

    def _keep(self, given: str) -> Keep:
        """Ask why spellings are kept, unless the answer said it. The number of an earlier reason repeats it."""
        from stagenorm_pipeline.report.escape import for_terminal
        from stagenorm_pipeline.vocabulary import Keep

        numbered = {str(number): reason for number, reason in enumerate(self.reasons, start=1)}
        last = self.reasons[-1] if self.reasons else ""
        if not given and len(numbered) > 1:
            click.echo("  " + "  ".join(f"{number} {for_terminal(reason)}" for number, reason in numbered.items()))
        answer = given
        while not answer:
            answer = _prompt(f"reason [{for_terminal(last)}]" if last else "reason") or last
            if not answer:
                click.echo("  Say why they are kept: the report lists the reason.")
        reason = numbered.get(answer, answer)
        if reason not in self.reasons:
            self.reasons.append(reason)
        return Keep(reason=reason)


def _show_sure(sure: list[Cluster]) -> None:
    """Name the proposals that `a` accepts."""
    from stagenorm_pipeline.report.escape import for_terminal

    if not sure:
        return
    click.echo(f"\na accepts {counted(len(sure), 'sure proposal')}:")
    for cluster in sure[:_SHOWN]:
        more = f" and {len(cluster.members) - 1:,} more" if len(cluster.members) > 1 else ""
        choice = cluster.proposal.choice if cluster.proposal else ""
        label = for_terminal(cluster.label, quote=True, limit=_SPELLING_SHOWN)
        click.echo(f"  {choice}: {label}{more} ({counted(cluster.rows, 'row')})")
    if len(sure) > _SHOWN:
        click.echo(f"  and {len(sure) - _SHOWN:,} more")


def _show(cluster: Cluster, number: str) -> None:
    from stagenorm_pipeline.report.escape import sentence_for_terminal

    several = f", {len(cluster.members):,} spellings" if len(cluster.members) > 1 else ""
    share = f"up to here {cluster.cumulative_share:.0%} of all undecided rows"
    click.echo(f"\n{number} {counted(cluster.rows, 'row')}{several}; {share}")
    _show_members(cluster.members[:_SHOWN])
    if len(cluster.members) > _SHOWN:
        click.echo(f"      and {len(cluster.members) - _SHOWN:,} more: m shows all")
    if cluster.proposal is not None:
        _say(f"{cluster.proposal.confidence}: {sentence_for_terminal(cluster.proposal.why)}")
    elif several:
        _say(f"together: {cluster.why}")
    for hint in cluster.hints:
        _say(hint)


def _show_members(members: tuple[Undecided, ...], *, with_where: bool = False) -> None:
    from stagenorm_pipeline.report.escape import for_terminal, sentence_for_terminal

    for number, member in enumerate(members, start=1):
        spelling = for_terminal(member.spelling, quote=True, limit=_SPELLING_SHOWN)
        click.echo(f"  {number:>3} {spelling:<{_SPELLING_WIDTH}} {member.rows:>11,}")
        if with_where:
            _say(sentence_for_terminal(member.where), margin="      ")


def _say(sentence: str, *, margin: str = "  ") -> None:
    width = shutil.get_terminal_size().columns
    click.echo(click.wrap_text(sentence, width, initial_indent=margin, subsequent_indent=margin))


def _prompt(words: str) -> str:
    answer: str = click.prompt(f"  {words}", default="", show_default=False)
    return answer.strip()
