"""Write the history of a row or of a spelling, as text for a terminal and as a JSON document."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, assert_never

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.history.recorded_facts import Checked, Signed
from stagenorm_pipeline.engine.history.row_history import EntryKind, HistoryEntry, RowHistory, RowNow, Since
from stagenorm_pipeline.engine.history.spelling_history import SpellingChange, SpellingHistory
from stagenorm_pipeline.engine.targets.funds import fund_key
from stagenorm_pipeline.report.decision_changes_text import undo_command
from stagenorm_pipeline.report.escape import for_terminal, sentence_for_terminal
from stagenorm_pipeline.report.json_document import Document, history_document
from stagenorm_pipeline.report.rollback_text import STATES, row_text
from stagenorm_pipeline.report.shell_words import shell_word
from stagenorm_pipeline.report.target_names import short_names
from stagenorm_pipeline.report.terminal_layout import PLAIN, Screen, folded, next_line, text_of
from stagenorm_pipeline.report.wording import VERDICTS
from stagenorm_pipeline.vocabulary import KEPT, ByAlias, ByDecision, Decision, IsCanonical, IsUnknown, MeaningReason

# Of each state of the rows of a spelling. `stagenorm rollback --spelling ... --full` has more.
_ROWS_SHOWN: Final = 3
_UNDONE_BY_ROLLBACK: Final = (Since.UNCHANGED, Since.TOUCHED)


def row_history_text(history: RowHistory, screen: Screen = PLAIN) -> str:
    """Write what a row holds, each of its changes with the reason, and what happened since."""
    return text_of(_row_lines(history, screen))


def spelling_history_text(history: SpellingHistory, screen: Screen = PLAIN) -> str:
    """Write what a spelling means, what plans made of it, and what these rows hold now."""
    return text_of(_spelling_lines(history, screen))


def row_history_document(history: RowHistory) -> Document:
    """Return the history of a row as a JSON document."""
    return history_document("row_history", history)


def spelling_history_document(history: SpellingHistory) -> Document:
    """Return the history of a spelling as a JSON document."""
    return history_document("spelling_history", history)


def _row_lines(history: RowHistory, screen: Screen) -> Iterator[str]:
    funds = [history.now.fund_id] if history.now else [entry.fund_id for entry in history.entries[-1:]]
    fund = "".join(f" ({for_terminal(fund_key(fund_id))})" for fund_id in funds)
    table = for_terminal(_short(history.target))
    yield from folded(f"Row {for_terminal(history.row_id)} of {table}{fund}", screen)
    yield from folded(_holds(history.now), screen, indent=2)
    yield from ("", "History, oldest first (times in UTC):")
    if not history.entries:
        yield "  stagenorm has not changed this row."
    for entry in history.entries:
        yield from _entry_lines(entry, screen)
    for sentence in (*_since(history), *_open_work(history)):
        yield from folded(sentence, screen, indent=2)
    yield ""
    yield from next_line(_next_for_row(history), screen)


def _holds(now: RowNow | None) -> str:
    if now is None:
        return "Does not exist now."
    if now.stage is None or now.reason is None:
        return "Holds NULL."
    return f"Holds {for_terminal(now.stage, quote=True)}: {_meaning(now.reason)}."


def _meaning(reason: MeaningReason) -> str:
    """Say what a spelling means today, and why."""
    match reason:
        case IsCanonical():
            return "a canonical stage"
        case ByAlias(stage=stage):
            return f"means {stage}, by {_why(reason)}"
        case ByDecision(choice=choice):
            return f"{'kept' if choice == KEPT else f'means {choice}'}, by {_why(reason)}"
        case IsUnknown():
            return "unknown, nobody has decided what it means"
        case _:
            assert_never(reason)


def _why(reason: MeaningReason | None) -> str:
    """Say which alias or whose decision gives a spelling its meaning."""
    match reason:
        case None:
            return "not recorded: the vocabulary of the plan was not kept"
        case IsCanonical():
            return "a canonical stage"
        case ByAlias(alias=alias):
            return f"the alias {for_terminal(alias, quote=True)}"
        case ByDecision():
            return _decided(reason)
        case IsUnknown():
            return "neither an alias nor a decision"
        case _:
            assert_never(reason)


def _decided(reason: ByDecision) -> str:
    if reason.decision is not None:
        return _decision(reason.decision)
    then = f"a decision for {for_terminal(reason.choice)}"
    if reason.instead is None:
        return f"{then}, which the decisions file does not have any more"
    return f"{then}; today it means {reason.instead.choice}, by {_decision(reason.instead)}"


def _decision(decision: Decision) -> str:
    by = f" of {for_terminal(decision.decided_by)}" if decision.decided_by else " without a name"
    on = f" on {decision.decided_on}" if decision.decided_on else ""
    reason = f" ({sentence_for_terminal(decision.reason)})" if decision.reason.strip() else ""
    return f"the decision{by}{on}{reason}"


def _entry_lines(entry: HistoryEntry, screen: Screen) -> Iterator[str]:
    if entry.follows_other_write:
        text = f"Before this, another session wrote {_spelled(entry.before)}."
        yield from folded(text, screen, indent=2)
    yield from folded(f"{_moment(entry.at)}  {_spelled(entry.before)} → {_spelled(entry.after)}", screen, indent=2)
    yield from folded(_by_whom(entry), screen, indent=4)
    if entry.kind is EntryKind.NORMALIZED:
        yield from folded(f"why: {_why(entry.reason)}", screen, indent=4)
    yield from folded(_assured(entry.checked, entry.signed), screen, indent=4)


def _by_whom(entry: HistoryEntry) -> str:
    if entry.kind is EntryKind.OTHER_TOOL:
        return f"written to the log by another tool, as {for_terminal(entry.by)}"
    name = "rollback, plan" if entry.kind is EntryKind.ROLLED_BACK else "plan"
    batch = f"batch {entry.batch_number}" if entry.batch_number else f"deleted batch {entry.batch_id}"
    made = f"made by {for_terminal(entry.plan.planned_by)}" if entry.plan else "deleted since"
    return f"{name} {entry.plan_id} ({made}), {batch}, applied by {for_terminal(entry.by)}"


def _assured(checked: Checked | None, signed: Signed | None) -> str:
    if checked is None:
        return "not verified"
    verdict = VERDICTS[checked.verdict].lower()
    text = f"verification {checked.verification_id} on {_moment(checked.checked_at)}: {verdict}"
    if signed is None:
        return f"{text}; not signed"
    which = "" if signed.verification_id == checked.verification_id else f"verification {signed.verification_id} "
    return f"{text}; {which}signed by {for_terminal(signed.signed_by)} on {_moment(signed.signed_at)}"


def _since(history: RowHistory) -> Iterator[str]:
    match history.since:
        case Since.NO_ENTRY | Since.UNCHANGED:
            pass
        case Since.TOUCHED:
            yield "Since then another session updated the row, or inserted it again, with the same stage."
        case Since.CHANGED:
            yield f"Since then another session wrote {_spelled(history.now.stage if history.now else None)}."
        case Since.NULL:
            yield "Since then another session set the stage to NULL."
        case Since.GONE:
            yield "Since then another session deleted the row."
        case _:
            assert_never(history.since)
    last = history.entries[-1] if history.entries else None
    if history.now and last and history.now.fund_id != last.fund_id:
        yield f"The row was in {for_terminal(fund_key(last.fund_id))} then."
    if history.grant_wanted:
        yield (
            "This role cannot see whether another session updated the row with the same stage. As the table's owner, "
            f"run: {for_terminal(history.grant_wanted)}"
        )


def _open_work(history: RowHistory) -> Iterator[str]:
    for change in history.waiting:
        yield (
            f"Plan {change.plan_id} will change it: {_spelled(change.before)} → {_spelled(change.after)} "
            f"(batch {change.batch_number}, {change.status})."
        )
    for refused in history.refused:
        settled = "still refused" if refused.resolution is None else f"settled since: {refused.resolution}"
        yield (
            f"{_moment(refused.refused_at)}  the database refused {_spelled(refused.before)} → "
            f"{_spelled(refused.after)} of plan {refused.plan_id} ({settled}): {sentence_for_terminal(refused.error)}"
        )


def _next_for_row(history: RowHistory) -> str:
    last = history.entries[-1] if history.entries else None
    if last and last.kind is EntryKind.NORMALIZED and history.since in _UNDONE_BY_ROLLBACK:
        return f"to undo it: stagenorm rollback --row {shell_word(f'{_short(history.target)}:{history.row_id}')}"
    if history.waiting:
        return "stagenorm resume"
    return "stagenorm status" if history.now is None else _next_for(history.now.reason)


def _next_for(reason: MeaningReason | None) -> str:
    match reason:
        case None | IsCanonical() | ByDecision(choice="leave-as-is"):
            return "stagenorm status"
        case ByAlias() | ByDecision():
            return "stagenorm dry-run"
        case IsUnknown():
            return "stagenorm decisions"
        case _:
            assert_never(reason)


def _spelling_lines(history: SpellingHistory, screen: Screen) -> Iterator[str]:
    names = short_names(found.target for found in history.now)
    yield from folded(f"Spelling {for_terminal(history.spelling, quote=True)}: {_meaning(history.reason)}.", screen)
    for found in history.now:
        rows = f"{counted(found.rows, 'row')} in {counted(found.funds, 'fund')}" if found.rows else "no row"
        yield from folded(f"{for_terminal(names[found.target])}: {rows} now", screen, indent=2)
    yield from ("", "What plans made of it, oldest first (times in UTC):")
    if not history.changes:
        yield "  No plan has changed this spelling."
        if history.undo.similar:
            similar = ", ".join(for_terminal(text, quote=True) for text in history.undo.similar)
            yield from folded(f"Spellings are compared byte for byte. Plans changed: {similar}", screen, indent=2)
    for change in history.changes:
        yield from _change_lines(change, names[change.target], screen)
    if history.undo.counts:
        yield from ("", "These rows now, and what a rollback would restore:")
        yield from _rows_by_state(history, screen)
    yield ""
    yield from next_line(_next_for_spelling(history), screen)


def _change_lines(change: SpellingChange, short_target: str, screen: Screen) -> Iterator[str]:
    rows = f"{counted(change.rows, 'row')} of {for_terminal(short_target)}"
    what = f"restored from {_spelled(change.stage)}" if change.is_rollback else f"became {_spelled(change.stage)}"
    yield from folded(f"{_moment(change.last_at)}  {rows} {what}", screen, indent=2)
    kind = "rollback, plan" if change.is_rollback else "plan"
    plan = "no plan" if change.plan_id is None else f"{kind} {change.plan_id}"
    made = f" (made by {for_terminal(change.plan.planned_by)})" if change.plan else ""
    yield from folded(f"{plan}{made}, applied by {', '.join(map(for_terminal, change.by))}", screen, indent=4)
    if not change.is_rollback:
        yield from folded(f"why: {_why(change.reason)}", screen, indent=4)
    yield from folded(_assured(change.checked, change.signed), screen, indent=4)


def _rows_by_state(history: SpellingHistory, screen: Screen) -> Iterator[str]:
    names = short_names(row.target for row in history.undo.examples)
    for state, words in STATES.items():
        if not (count := history.undo.counts.get(state, 0)):
            continue
        yield from folded(f"{count:,} {words.partition(':')[0]}", screen, indent=2)
        shown = [row for row in history.undo.examples if row.state == state][:_ROWS_SHOWN]
        for row in shown:
            yield from folded(row_text(row, names[row.target]), screen, indent=6)


def _next_for_spelling(history: SpellingHistory) -> str:
    if history.undo.restorable:
        return f"to undo it: {undo_command(history.spelling)}"
    return _next_for(history.reason)


def _short(target: str) -> str:
    return short_names([target])[target]


def _spelled(text: str | None) -> str:
    return "NULL" if text is None else for_terminal(text, quote=True)


def _moment(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
