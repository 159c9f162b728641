"""The decisions file, read and written."""

from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stagenorm_pipeline.vocabulary import (
    Decision,
    Decisions,
    DecisionsError,
    Stage,
    Undecided,
    load_decisions,
    parse_decisions,
    render_decisions,
)
from stagenorm_pipeline.vocabulary import decisions_file as module
from stagenorm_pipeline_tests.vocabulary.spellings import some_decisions, texts, unhurried

GOOD = """\
# Asked at the board meeting.
- spelling: "Seed Round"
  stage: seed
  decided_by: Ana
  decided_on: 2026-01-19
- spelling: 'Series D'
  stage: leave-as-is
  reason: later than any canonical stage
- spelling: "growth"
  stage:
"""
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
    "long " * 200_000,
    "\x01" * 1_000_000,
]


@pytest.fixture(params=[yaml.CSafeLoader, yaml.SafeLoader], ids=["libyaml", "pure"], autouse=True)
def _both_parsers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOADER", request.param)


def problem(text: str) -> str:
    with pytest.raises(DecisionsError) as caught:
        parse_decisions(text, "f.yaml")
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_a_file_filled_in_by_a_person_is_read() -> None:
    decisions = parse_decisions(GOOD, "f.yaml")
    assert decisions == Decisions(
        (
            Decision("Seed Round", Stage.SEED, decided_by="Ana", decided_on=date(2026, 1, 19)),
            Decision("Series D", leave_as_is=True, reason="later than any canonical stage"),
            Decision("growth"),
        )
    )
    assert [entry.where for entry in decisions.entries] == ["f.yaml:2", "f.yaml:6", "f.yaml:9"]


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "[]", "\ufeff# made on Windows\r\n"])
def test_a_file_without_entries_holds_no_decisions(text: str) -> None:
    assert parse_decisions(text, "f.yaml") == Decisions()


@pytest.mark.parametrize("nothing", ["", " ~", " null", ' ""', " # later"])
def test_an_empty_stage_means_undecided(nothing: str) -> None:
    assert parse_decisions(f'- spelling: "x"\n  stage:{nothing}\n', "f.yaml") == Decisions((Decision("x"),))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('- spelling: "x"\n  stage: Seed\n', 'f.yaml:2: "Seed" is no canonical stage: write seed'),
        ('- spelling: "x"\n  stage: series-d\n', 'f.yaml:2: "series-d" is no canonical stage: use one of pre-seed, '),
        ('- spelling: "x"\n\n  stage: yes\n', 'f.yaml:3: "yes" is no canonical stage'),
        ('- spelling: "x"\n  stage: leave-as-is\n', 'f.yaml:1: "x" is leave-as-is without a reason'),
        ('- spelling: "x"\n  stage: leave-as-is\n  reason: ~\n', 'f.yaml:1: "x" is leave-as-is without a reason'),
        (
            "- spelling: \"x\"\n  stage:\n- spelling: 'x'\n  stage: seed\n",
            'f.yaml:3: "x" has an entry already (f.yaml:1)',
        ),
        ('\n- spelling: "SEED"\n  stage: series-a\n', 'f.yaml:2: "SEED" is seed by a built-in alias'),
        ('- spelling: "x"\n  stage:\n  note: y\n', 'f.yaml:3: "note" is no key of an entry'),
        ('- spelling: "x"\n  stage: seed\n  stage: seed\n', "f.yaml:3: `stage` is given twice"),
        ('- spelling: "x"\n', "f.yaml:1: this entry has no `stage:` line"),
        ("- stage: seed\n", "f.yaml:1: this entry has no `spelling:` line"),
        ('- spelling: "x"\n  stage: [seed]\n', "f.yaml:2: `stage` must be one text"),
        ('- spelling: "x"\n  stage:\n  decided_on: yesterday\n', 'f.yaml:3: decided_on "yesterday" is no date'),
        ('- spelling: "a\\0"\n  stage:\n', 'f.yaml:1: the spelling "a\\x00" holds a NUL'),
    ],
)
def test_a_wrong_entry_is_refused_where_it_stands(text: str, expected: str) -> None:
    assert problem(text).startswith(expected)


@pytest.mark.parametrize(
    "spelling", ["yes", "1.0", "~", "2026-01-19", "Seed Round", "Seed #1", "|\n    Seed Round", '"Seed\n    Round"']
)
def test_a_spelling_that_yaml_might_read_otherwise_must_be_quoted_on_one_line(spelling: str) -> None:
    assert problem(f"- spelling: {spelling}\n  stage: seed\n").startswith("f.yaml:1: put the spelling in quotes")


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ('- &a\n  spelling: "x"\n  stage:\n', 1, "anchors, aliases and tags"),
        ('- spelling: &a "x"\n  stage:\n', 1, "anchors, aliases and tags"),
        ('- spelling: "x"\n  stage: *a\n', 2, "anchors, aliases and tags"),
        ('- spelling: "x"\n  stage: !!str seed\n', 2, "anchors, aliases and tags"),
        ("- !!python/object/apply:os.system ['true']\n", 1, "anchors, aliases and tags"),
        ('- spelling: "x"\n  stage:\n  <<: {reason: y}\n', 3, '"<<" is no key'),
        ('- spelling: "x"\n  stage:\n---\n- spelling: "y"\n  stage:\n', 3, "a second document"),
        ('a: &a ["x"]\nb: [*a, *a]\n', 1, "the file must be a list of entries"),
        ("- &a [x]\n- &b [*a, *a]\n", 1, "anchors, aliases and tags"),
        ("Seed Round\n", 1, "the file must be a list of entries"),
        ("- Seed Round\n", 1, "the file must be a list of entries"),
        ("- - x\n", 1, "the file must be a list of entries"),
        ("- {[x]: y}\n", 1, "a nested key is no key"),
        ("[" * 1_000_000, 1, "the file must be a list of entries"),
        ("- {" + "[" * 1_000_000, 1, "a nested key is no key"),
        ('- spelling: "x"\n  stage: @seed\n', 2, "not readable as YAML"),
        ('- spelling: "x"\n\tstage: seed\n', 2, "not readable as YAML"),
        ('- spelling: "x"\n  stage: "seed\n', 3, "not readable as YAML"),
        ('- spelling: "x"\n  reason: "a\0b"\n', 2, 'YAML cannot hold the character "\\x00" itself'),
        ('- spelling: "x"\n  reason: "a\x1bb"\n', 2, 'YAML cannot hold the character "\\x1B" itself'),
    ],
)
def test_a_yaml_trick_is_refused_where_it_stands(text: str, line: int, expected: str) -> None:
    assert problem(text).startswith(f"f.yaml:{line}: {expected}")


@unhurried
@given(some_decisions())
def test_what_is_written_reads_back_the_same(decisions: Decisions) -> None:
    assert parse_decisions(render_decisions(decisions), "f.yaml") == decisions


@pytest.mark.parametrize("spelling", HOSTILE, ids=lambda spelling: ascii(spelling)[1:20])
def test_a_hostile_spelling_is_written_on_one_line_and_reads_back_byte_for_byte(spelling: str) -> None:
    text = render_decisions(Decisions(), [Undecided(spelling, 3, spelling[:1000])])
    assert all(line.isprintable() for line in text.split("\n"))
    (entry,) = parse_decisions(text, "f.yaml").entries
    assert entry.spelling == spelling


@unhurried
@given(
    some_decisions(), st.lists(st.builds(Undecided, texts, st.integers(0, 9), texts), unique_by=lambda u: u.spelling)
)
def test_writing_new_spellings_keeps_every_entry_and_adds_each_once(old: Decisions, asked: list[Undecided]) -> None:
    merged = parse_decisions(render_decisions(old, asked), "f.yaml").entries
    assert merged[: len(old.entries)] == old.entries
    added = [entry.spelling for entry in merged[len(old.entries) :]]
    assert set(added) == {item.spelling for item in asked} - {entry.spelling for entry in old.entries}
    assert len(set(added)) == len(added)
    assert all(entry.choice is None for entry in merged[len(old.entries) :])


def test_new_spellings_come_with_rows_and_suggestions_the_most_rows_first() -> None:
    old = Decisions((Decision("Debt", leave_as_is=True, reason="a loan", decided_on=date(2026, 1, 19)),))
    asked = [Undecided("Series D", 1, "fund-2"), Undecided("Seed Round", 1234, "fund-1, fund-2"), Undecided("Debt", 5)]
    assert (
        render_decisions(old, asked).split("\n\n", 1)[1]
        == """\
# 5 rows
- spelling: "Debt"
  stage: leave-as-is
  reason: "a loan"
  decided_by: ""
  decided_on: 2026-01-19

# 1,234 rows fund-1, fund-2
# perhaps seed: 'seed' and a common extra word ('round') (score 90 of 100)
- spelling: "Seed Round"
  stage:
  reason: ""
  decided_by: ""
  decided_on:

# 1 row fund-2
# a later round than series-c: no canonical stage means this
- spelling: "Series D"
  stage:
  reason: ""
  decided_by: ""
  decided_on:
"""
    )


def test_the_text_does_not_depend_on_the_order_of_the_new_spellings() -> None:
    asked = [Undecided("a", 1), Undecided("b", 1), Undecided("c", 2)]
    assert render_decisions(Decisions(), asked) == render_decisions(Decisions(), reversed(asked))


@pytest.mark.parametrize("line_break", ["\n", "\r", "\x85", "\u2028", "\u2029"])
def test_a_comment_is_not_broken_out_of(line_break: str) -> None:
    where = f'x{line_break}- spelling: "Seed Round"{line_break}  stage: series-c+{line_break}'
    text = render_decisions(Decisions(), [Undecided("growth", 1, where)])
    assert parse_decisions(text, "f.yaml") == Decisions((Decision("growth"),))


@pytest.mark.parametrize("spelling", ["a\0b", "a\ud800b"])
def test_a_spelling_that_no_file_could_hold_is_refused_on_writing(spelling: str) -> None:
    with pytest.raises(DecisionsError, match="no PostgreSQL text can"):
        render_decisions(Decisions(), [Undecided(spelling, 1)])


def test_a_file_that_could_not_be_read_again_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 1_000)
    with pytest.raises(DecisionsError, match="20 entries make a file larger"):
        render_decisions(Decisions(), [Undecided(f"spelling {number}", 1) for number in range(20)])


def test_a_file_is_loaded_from_its_path_and_named_in_errors(tmp_path: Path) -> None:
    path = tmp_path / "stage_decisions.yaml"
    path.write_text(GOOD, encoding="utf-8-sig")
    assert load_decisions(path) == parse_decisions(GOOD, "")
    path.write_text(GOOD.replace("stage: seed", "stage: sed"))
    with pytest.raises(DecisionsError, match=r'stage_decisions\.yaml:3: "sed" is no canonical stage'):
        load_decisions(path)


def test_a_file_that_cannot_be_used_at_all_is_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "d.yaml"
    with pytest.raises(DecisionsError, match=r"d\.yaml: no such file: `stagenorm decisions` writes one"):
        load_decisions(path)
    with pytest.raises(DecisionsError, match="cannot be read"):
        load_decisions(tmp_path)
    path.write_bytes(b"# fine\n# caf\xe9\n")
    with pytest.raises(DecisionsError, match=r"d\.yaml:2: not UTF-8"):
        load_decisions(path)
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 10)
    with pytest.raises(DecisionsError, match="is it the right file"):
        load_decisions(path)
