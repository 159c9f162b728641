"""Editing the decisions file: new entries and decisions never change what a person wrote."""

from dataclasses import replace
from datetime import date

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from stagenorm_pipeline.vocabulary import (
    CANONICAL_STAGES,
    KEPT,
    Decision,
    Decisions,
    DecisionsError,
    Stage,
    Undecided,
    parse_decisions,
    with_decisions,
    with_undecided,
)
from stagenorm_pipeline.vocabulary import decisions_editor as module
from stagenorm_pipeline.vocabulary import decisions_file as reading
from stagenorm_pipeline.vocabulary.aliases import built_in_aliases
from stagenorm_pipeline.vocabulary.proposals import compared
from stagenorm_pipeline.vocabulary.quoting import quoted
from stagenorm_pipeline_tests.support.spellings import near_texts, some_decisions, texts, unhurried

HOSTILE = [
    "",
    " lead and trail ",
    "quotes \" and \\ and '",
    "two\nlines\r\nand\rmore",
    "\x85\u2028\u2029\ufeff",
    "\x01\x1b[31m\x7f\x9f",
    "\u202eright to left\u200f\u200b\u00a0",
    "\ufffe\uffff\U0010ffff\U0001f600",
    "yes",
    "1.0",
    "null",
    "Seed #1: a",
    "- spelling: x",
    "# no comment",
    "---",
    "*alias &anchor !!tag %",
    "\u0301\u0327",
    "long " * 2_000,
    "\x01" * 5_000,
]


BY_HAND = """\
# Decided at the board meeting, see the minutes.

- spelling: "Seed Round"   # asked Ana
  stage: seed              # and Ben
  decided_by: Ana
  # why: it is one
- {spelling: 'Bridge', stage: leave-as-is, reason: "no round"}
- spelling: "growth"
  stage:
  reason: "ask Cleo"  # she was away
# the end
"""
TODAY = date(2026, 1, 19)


@pytest.fixture(params=[yaml.CSafeLoader, yaml.SafeLoader], ids=["libyaml", "pure"], autouse=True)
def _both_parsers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_LOADER", request.param)


def added(text: str, *undecided: Undecided) -> str:
    return with_undecided(text, "f.yaml", undecided)


def decided(text: str, *decisions: Decision) -> str:
    return with_decisions(text, "f.yaml", decisions)


def written(decisions: Decisions) -> str:
    """A file with these decisions, as a program might write one."""
    return "".join(
        f"- spelling: {quoted(entry.spelling)}\n  stage: {entry.choice or ''}\n  reason: {quoted(entry.reason)}\n"
        f"  decided_by: {quoted(entry.decided_by)}\n  decided_on: {entry.decided_on or ''}\n"
        for entry in decisions.entries
    )


def test_each_cluster_is_one_new_entry_with_its_proposal_most_rows_first() -> None:
    asked = [
        Undecided(spelling="Series D", rows=1, where="1 in public.deals.stage (fund-2, id 7)"),
        Undecided(spelling="Seed Round", rows=1234, where="1,234 in public.deals.stage (2 funds, ids 1 to 9)"),
        Undecided(spelling="Seed Funding", rows=2),
        Undecided(spelling="Debt", rows=5),
        Undecided(spelling="debt.", rows=1),
    ]
    text = added("", *asked)
    assert text.startswith("# What each spelling means")
    assert (
        text.split("\n\n", 1)[1]
        == """\
#: 1,236 rows, 2 spellings
#: sure: seed ('seed' and only harmless words)
- stage: # seed
  reason: ""
  decided_by: ""
  decided_on:
  spellings:
    - "Seed Round" #: 1,234 in public.deals.stage (2 funds, ids 1 to 9)
    - "Seed Funding" #: 2 rows

#: 6 rows, 2 spellings
#: together: the same words, apart from order, harmless words and typing errors
- stage:
  reason: ""
  decided_by: ""
  decided_on:
  spellings:
    - "Debt" #: 5 rows
    - "debt." #: 1 row

#: 1 row
#: a later round than series-c: no canonical stage means this
- stage:
  reason: ""
  decided_by: ""
  decided_on:
  spellings:
    - "Series D" #: 1 in public.deals.stage (fund-2, id 7)
"""
    )
    assert all(entry.choice is None for entry in parse_decisions(text, "f.yaml").entries)


def test_deleting_the_hash_accepts_the_proposal() -> None:
    text = added("", Undecided(spelling="Seed Round", rows=1)).replace("stage: # seed", "stage: seed")
    assert parse_decisions(text, "f.yaml") == Decisions(entries=(Decision(spelling="Seed Round", stage=Stage.SEED),))


def test_ambiguous_spelling_gets_no_proposal() -> None:
    text = added(
        "", *(Undecided(spelling=s, rows=1) for s in ("Pre-series A", "Seed Round & Series A", "Series D", "Equity"))
    )
    assert text.count("- stage:\n") == 4


def test_spelling_with_the_same_words_gets_the_same_proposal() -> None:
    text = added('- spelling: "Angel / Seed"\n  stage: pre-seed\n', Undecided(spelling="Seed/Angel", rows=3))
    assert '#: likely: pre-seed (the same words as "Angel / Seed", which is decided)\n' in text
    assert "- stage: # pre-seed\n" in text


def test_proposal_to_keep_comes_with_its_reason() -> None:
    text = added('- spelling: "Debt"\n  stage: leave-as-is\n  reason: "a loan"\n', Undecided(spelling="debt.", rows=3))
    (_, entry) = parse_decisions(text.replace("stage: # leave", "stage: leave"), "f.yaml").entries
    assert entry == Decision(spelling="debt.", is_kept=True, reason="a loan")


def test_new_entries_follow_the_unchanged_text() -> None:
    text = added(BY_HAND, Undecided(spelling="Equity", rows=3), Undecided(spelling="growth", rows=7))
    assert text.startswith(BY_HAND)
    assert [entry.spelling for entry in parse_decisions(text, "f.yaml").entries] == [
        "Seed Round",
        "Bridge",
        "growth",
        "Equity",
    ]


def test_text_without_new_spellings_stays() -> None:
    assert added(BY_HAND, Undecided(spelling="growth", rows=7), Undecided(spelling="Bridge", rows=1)) == BY_HAND
    assert added("") == ""


@pytest.mark.parametrize(
    "text",
    [
        BY_HAND.replace("\n", "\r\n"),
        "\ufeff" + BY_HAND,
        BY_HAND.removesuffix("\n"),
        "---\n" + BY_HAND,
        "\n".join("   " + line for line in BY_HAND.splitlines()),
        "# only a remark",
        "\ufeff",
        " \n",
        '-   spelling: "x"\n    stage: seed\n    reason: |\n      two\n      lines\n\n',
    ],
    ids=["crlf", "bom", "no last break", "marker", "indented", "remark", "bom alone", "blank", "block text"],
)
def test_entries_are_added_to_unusual_valid_files(text: str) -> None:
    before = parse_decisions(text, "f.yaml").entries
    after = added(text, Undecided(spelling="Equity", rows=3))
    assert after.startswith(text)
    assert parse_decisions(after, "f.yaml").entries == (*before, Decision(spelling="Equity"))


@pytest.mark.parametrize("text", ["[]", '[{spelling: "x", stage: seed}]', '- spelling: "x"\n  stage: seed\n...\n'])
def test_file_in_an_uneditable_form_is_refused(text: str) -> None:
    parse_decisions(text, "f.yaml")
    with pytest.raises(DecisionsError, match=r"^f\.yaml: .*`- spelling: \.\.\.`"):
        added(text, Undecided(spelling="Equity", rows=3))


@settings(unhurried, max_examples=40)
@given(
    some_decisions(),
    st.lists(st.builds(Undecided, spelling=texts, rows=st.integers(0, 9), where=texts), unique_by=lambda u: u.spelling),
)
def test_adding_keeps_entries_and_adds_each_spelling_once(old: Decisions, asked: list[Undecided]) -> None:
    text = written(old)
    merged = parse_decisions(added(text, *asked), "f.yaml").entries
    assert merged[: len(old.entries)] == old.entries
    new = [entry.spelling for entry in merged[len(old.entries) :]]
    assert set(new) == {item.spelling for item in asked} - {entry.spelling for entry in old.entries}
    assert len(set(new)) == len(new)
    assert all(entry.choice is None for entry in merged[len(old.entries) :])


@pytest.mark.parametrize("spelling", HOSTILE, ids=lambda spelling: ascii(spelling)[1:20])
def test_hostile_spelling_is_one_line_and_reads_back_exactly(spelling: str) -> None:
    text = added("", Undecided(spelling=spelling, rows=3, where=spelling[:1000]))
    assert all(line.isprintable() for line in text.split("\n"))
    (entry,) = parse_decisions(text, "f.yaml").entries
    assert entry.spelling == spelling


@pytest.mark.parametrize("line_break", ["\n", "\r", "\x85", "\u2028", "\u2029"])
def test_hostile_place_stays_inside_its_comment(line_break: str) -> None:
    where = f'x{line_break}- spelling: "Seed Round"{line_break}  stage: series-c+{line_break}'
    text = added("", Undecided(spelling="growth", rows=1, where=where))
    assert parse_decisions(text, "f.yaml") == Decisions(entries=(Decision(spelling="growth"),))


def test_text_does_not_depend_on_the_order_of_new_spellings() -> None:
    asked = [Undecided(spelling="a", rows=1), Undecided(spelling="b", rows=1), Undecided(spelling="c", rows=2)]
    assert added("", *asked) == added("", *reversed(asked))


@pytest.mark.parametrize("spelling", ["a\0b", "a\ud800b"])
def test_spelling_that_postgresql_cannot_store_is_refused(spelling: str) -> None:
    with pytest.raises(DecisionsError, match="PostgreSQL has neither"):
        added("", Undecided(spelling=spelling, rows=1))


def test_file_that_would_be_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 1_000)
    with pytest.raises(DecisionsError, match="20 spellings make a file larger"):
        added("", *(Undecided(spelling=f"spelling {number}", rows=1) for number in range(20)))


def test_decision_changes_only_its_entry() -> None:
    decision = Decision(spelling="growth", stage=Stage.SERIES_C, decided_by='Dan "D"', decided_on=TODAY)
    assert decided(BY_HAND, decision) == BY_HAND.replace(
        '  stage:\n  reason: "ask Cleo"  # she was away\n',
        '  stage: series-c\n  reason: "ask Cleo"  # she was away\n'
        '  decided_by: "Dan \\"D\\""\n  decided_on: 2026-01-19\n',
    )


def test_decisions_move_into_sorted_groups_in_the_order_of_stages() -> None:
    names = ("Seed Round", "Seed Funding", "Seed Capital", "Debt", "Angel", "Growth")
    text = added("", *(Undecided(spelling=name, rows=9 - at) for at, name in enumerate(names)))
    text = text.replace('"Seed Capital" #: 7 rows', '"Seed Capital" # Ben doubts it')
    text = text.replace("#: 6 rows", "# Cleo knows these.\n#: 6 rows", 1)
    kept = Decision(spelling="Debt", is_kept=True, reason="a loan", decided_by="Ana", decided_on=TODAY)
    seed = replace(kept, spelling="Seed Round", stage=Stage.SEED, is_kept=False, reason="")
    more = replace(seed, spelling="Seed Capital")
    text = decided(text, kept, seed, more)
    text = decided(text, replace(seed, spelling="Angel", stage=Stage.PRE_SEED))
    text = decided(text, replace(seed, spelling="Seed Funding"))
    assert (
        text.split("\n\n", 1)[1]
        == """\
- stage: pre-seed
  decided_by: "Ana"
  decided_on: 2026-01-19
  spellings:
    - "Angel"

- stage: seed
  decided_by: "Ana"
  decided_on: 2026-01-19
  spellings:
    - "Seed Capital"  # Ben doubts it
    - "Seed Funding"
    - "Seed Round"

- stage: leave-as-is
  reason: "a loan"
  decided_by: "Ana"
  decided_on: 2026-01-19
  spellings:
    - "Debt"

# Cleo knows these.
#: 4 rows
- stage:
  reason: ""
  decided_by: ""
  decided_on:
  spellings:
    - "Growth" #: 4 rows
"""
    )


def test_decisions_start_a_file_of_their_own() -> None:
    text = decided("", Decision(spelling="Seed Round", stage=Stage.SEED))
    assert text.startswith("# What each spelling means")
    assert text.split("\n\n", 1)[1].startswith("- stage: seed\n")


@settings(unhurried, max_examples=40)
@given(some_decisions(), texts.filter(str.strip), texts)
def test_decision_changes_no_other_entry(decisions: Decisions, reason: str, by: str) -> None:
    text = written(decisions)
    for entry in decisions.entries:
        decision = Decision(spelling=entry.spelling, is_kept=True, reason=reason, decided_by=by, decided_on=TODAY)
        if entry.choice is not None:
            with pytest.raises(DecisionsError, match="decided already"):
                decided(text, decision)
            continue
        after = parse_decisions(decided(text, decision), "f.yaml").entries
        expected = Decision(
            spelling=entry.spelling,
            is_kept=True,
            reason=reason,
            decided_by=by or entry.decided_by,
            decided_on=TODAY,
        )
        assert after == tuple(expected if one is entry else one for one in decisions.entries)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('- spelling: "x"\n  stage:\n', '- spelling: "x"\n  stage: seed\n  decided_by: "Ana"\n'),
        ('- spelling: "x"\n  stage: # seed', '- spelling: "x"\n  stage: seed\n  decided_by: "Ana"\n'),
        ('- spelling: "x"\r\n  stage:\r\n', '- spelling: "x"\r\n  stage: seed\r\n  decided_by: "Ana"\r\n'),
        ('\ufeff- stage:\n  spelling: "x"\n', '\ufeff- stage: seed\n  spelling: "x"\n  decided_by: "Ana"\n'),
        (
            '   -  spelling: "x"\n      stage: ~ # ?',
            '   -  spelling: "x"\n      stage: seed # ?\n      decided_by: "Ana"\n',
        ),
        ('- spelling: "x"\n  stage: ""\n  decided_by:', '- spelling: "x"\n  stage: seed\n  decided_by: "Ana"\n'),
        (
            '- spelling: "x"\n  stage:\n  reason: |\n    a\n\n  decided_by: Bo\n    b\n',
            '- spelling: "x"\n  stage: seed\n  reason: |\n    a\n\n  decided_by: "Ana"\n',
        ),
    ],
    ids=["bare", "proposed", "crlf", "bom", "indented", "empty text", "block text"],
)
def test_unusual_valid_entries_are_decided(before: str, after: str) -> None:
    filled = decided(before, Decision(spelling="x", stage=Stage.SEED, decided_by="Ana"))
    assert filled == after


def test_windows_line_breaks_stay() -> None:
    text = added('- spelling: "x"\r\n  stage: seed\r\n', Undecided(spelling="Equity", rows=3))
    assert text.count("\n") == text.count("\r\n") > 5


def test_entry_in_braces_or_brackets_is_decided_by_hand() -> None:
    with pytest.raises(DecisionsError, match=r"^f\.yaml:1: .*in braces: decide it by hand"):
        decided('- {spelling: "x", stage: }\n', Decision(spelling="x", stage=Stage.SEED))
    with pytest.raises(DecisionsError, match=r"^f\.yaml:2: .*in brackets: decide it by hand"):
        decided('- stage:\n  spellings: ["x", "y"]\n', Decision(spelling="x", stage=Stage.SEED))


@settings(unhurried, max_examples=40)
@given(
    st.lists(near_texts | texts, min_size=1, max_size=8, unique_by=compared),
    st.lists(st.sampled_from([*CANONICAL_STAGES, KEPT]), min_size=8, max_size=8),
    st.lists(st.integers(0, 2), min_size=8, max_size=8),
    st.booleans(),
)
def test_deciding_in_any_order_loses_no_spelling(
    names: list[str], choices: list[str], when: list[int], clustered: bool
) -> None:
    names = [name for name in names if built_in_aliases().stage_of(name) is None]
    text = added("# mine\n", *(Undecided(spelling=name, rows=3) for name in names)) if clustered else "# mine\n"
    made = [
        Decision(spelling=name, is_kept=True, reason="why")
        if choice == KEPT
        else Decision(spelling=name, stage=Stage(choice))
        for name, choice in zip(names, choices, strict=False)
    ]
    for round_ in range(3):
        text = decided(text, *(one for one, at in zip(made, when, strict=False) if at == round_))
    assert {entry.spelling: entry for entry in parse_decisions(text, "f.yaml").entries} == {
        one.spelling: one for one in made
    }
    assert text.startswith("# mine\n")
