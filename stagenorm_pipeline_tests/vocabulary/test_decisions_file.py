"""Reading the decisions file: valid entries, and errors with their line."""

from datetime import date
from pathlib import Path

import pytest
import yaml

from stagenorm_pipeline.vocabulary import (
    Decision,
    Decisions,
    DecisionsError,
    Stage,
    load_decisions,
    parse_decisions,
)
from stagenorm_pipeline.vocabulary import decisions_file as module

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


@pytest.fixture(params=[yaml.CSafeLoader, yaml.SafeLoader], ids=["libyaml", "pure"], autouse=True)
def _both_parsers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOADER", request.param)


def problem(text: str) -> str:
    with pytest.raises(DecisionsError) as caught:
        parse_decisions(text, "f.yaml")
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_edited_file_is_read() -> None:
    decisions = parse_decisions(GOOD, "f.yaml")
    assert decisions == Decisions(
        entries=(
            Decision(spelling="Seed Round", stage=Stage.SEED, decided_by="Ana", decided_on=date(2026, 1, 19)),
            Decision(spelling="Series D", is_kept=True, reason="later than any canonical stage"),
            Decision(spelling="growth"),
        )
    )
    assert [entry.where for entry in decisions.entries] == ["f.yaml:2", "f.yaml:6", "f.yaml:9"]


def test_group_is_one_decision_for_each_of_its_spellings() -> None:
    text = (
        "- stage: leave-as-is\n  spellings:\n    - \"Debt\"\n    - 'Loan' # Ben\n  reason: a loan\n  decided_by: Ana\n"
    )
    debt, loan = parse_decisions(text, "f.yaml").entries
    assert debt == Decision(spelling="Debt", is_kept=True, reason="a loan", decided_by="Ana")
    assert loan == Decision(spelling="Loan", is_kept=True, reason="a loan", decided_by="Ana")
    assert (debt.where, loan.where) == ("f.yaml:3", "f.yaml:4")


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "[]", "\ufeff# made on Windows\r\n"])
def test_file_without_entries_has_no_decisions(text: str) -> None:
    assert parse_decisions(text, "f.yaml") == Decisions()


@pytest.mark.parametrize("nothing", ["", " ~", " null", ' ""', " # later"])
def test_empty_stage_means_undecided(nothing: str) -> None:
    assert parse_decisions(f'- spelling: "x"\n  stage:{nothing}\n', "f.yaml") == Decisions(
        entries=(Decision(spelling="x"),)
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('- spelling: "x"\n  stage: Seed\n', 'f.yaml:2: "Seed" is not a canonical stage: write seed'),
        (
            '- spelling: "x"\n  stage: series-d\n',
            'f.yaml:2: "series-d" is not a canonical stage: use one of pre-seed, ',
        ),
        ('- spelling: "x"\n\n  stage: yes\n', 'f.yaml:3: "yes" is not a canonical stage'),
        ('- spelling: "x"\n  stage: leave-as-is\n', 'f.yaml:1: "x" is leave-as-is without a reason'),
        ('- spelling: "x"\n  stage: leave-as-is\n  reason: ~\n', 'f.yaml:1: "x" is leave-as-is without a reason'),
        (
            "- spelling: \"x\"\n  stage:\n- spelling: 'x'\n  stage: seed\n",
            'f.yaml:3: "x" has an entry already (f.yaml:1)',
        ),
        ('\n- spelling: "SEED"\n  stage: series-a\n', 'f.yaml:2: "SEED" is seed by a built-in alias'),
        ('- spelling: "x"\n  stage:\n  note: y\n', 'f.yaml:3: "note" is not a key of an entry'),
        ('- spelling: "x"\n  stage: seed\n  stage: seed\n', "f.yaml:3: `stage` is given twice"),
        ('- spelling: "x"\n', "f.yaml:1: this entry has no `stage:` line"),
        ("- stage: seed\n", "f.yaml:1: this entry has no `spelling:` line"),
        ('- stage:\n  spellings: ["x"]\n  spelling: "y"\n', "f.yaml:1: this entry has both"),
        ('- stage:\n  spellings: ["x"]\n  spellings: ["y"]\n', "f.yaml:3: `spellings` is given twice"),
        ("- stage:\n  spellings:\n", "f.yaml:2: `spellings` must be a list"),
        ("- stage:\n  spellings: []\n", "f.yaml:2: `spellings` must be a list"),
        ('- stage:\n  spellings:\n    - "x"\n    - ["y"]\n', "f.yaml:4: `spellings` must be a list"),
        ('- stage:\n  spellings:\n    - "x"\n    - yes\n', "f.yaml:4: put the spelling in quotes"),
        ('- stage: seed\n  spellings:\n    - "x"\n    - "x"\n', 'f.yaml:4: "x" has an entry already (f.yaml:3)'),
        ('- stage: series-a\n  spellings:\n    - "x"\n    - "SEED"\n', 'f.yaml:4: "SEED" is seed by a built-in'),
        ("- stage:\n  spellings: " + "[" * 1_000_000, "f.yaml:2: `spellings` must be a list"),
        ('- spelling: "x"\n  stage: [seed]\n', "f.yaml:2: `stage` must be a text"),
        ('- spelling: "x"\n  stage:\n  decided_on: yesterday\n', 'f.yaml:3: decided_on "yesterday" is not a date'),
        ('- spelling: "a\\0"\n  stage:\n', 'f.yaml:1: the spelling "a\\x00" contains a NUL'),
        (
            f'- spelling: "{"x" * 1_001}"\n  stage: seed\n',
            f'f.yaml:1: "{"x" * 60}"... (1001 characters) is longer than 1,000 characters',
        ),
        (
            '- spelling: "Growth"\n  stage: seed\n- spelling: " growth"\n  stage: series-a\n',
            'f.yaml:3: " growth" is series-a, but "Growth" (f.yaml:1), which differs only in case, white space or '
            "dashes",
        ),
    ],
)
def test_wrong_entry_is_refused_with_its_line(text: str, expected: str) -> None:
    assert problem(text).startswith(expected)


@pytest.mark.parametrize(
    "spelling", ["yes", "1.0", "~", "2026-01-19", "Seed Round", "Seed #1", "|\n    Seed Round", '"Seed\n    Round"']
)
def test_spelling_must_be_quoted_on_one_line(spelling: str) -> None:
    assert problem(f"- spelling: {spelling}\n  stage: seed\n").startswith("f.yaml:1: put the spelling in quotes")


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ('- &a\n  spelling: "x"\n  stage:\n', 1, "anchors, aliases and tags"),
        ('- spelling: &a "x"\n  stage:\n', 1, "anchors, aliases and tags"),
        ('- spelling: "x"\n  stage: *a\n', 2, "anchors, aliases and tags"),
        ('- spelling: "x"\n  stage: !!str seed\n', 2, "anchors, aliases and tags"),
        ("- !!python/object/apply:os.system ['true']\n", 1, "anchors, aliases and tags"),
        ('- spelling: "x"\n  stage:\n  <<: {reason: y}\n', 3, '"<<" is not a key'),
        ('- spelling: "x"\n  stage:\n---\n- spelling: "y"\n  stage:\n', 3, "a second document"),
        ('a: &a ["x"]\nb: [*a, *a]\n', 1, "the file must be a list of entries"),
        ("- &a [x]\n- &b [*a, *a]\n", 1, "anchors, aliases and tags"),
        ("Seed Round\n", 1, "the file must be a list of entries"),
        ("- Seed Round\n", 1, "the file must be a list of entries"),
        ("- - x\n", 1, "the file must be a list of entries"),
        ("- {[x]: y}\n", 1, "a nested key is not a key"),
        ("[" * 1_000_000, 1, "the file must be a list of entries"),
        ("- {" + "[" * 1_000_000, 1, "a nested key is not a key"),
        ('- spelling: "x"\n  stage: @seed\n', 2, "not readable as YAML"),
        ('- spelling: "x"\n\tstage: seed\n', 2, "not readable as YAML"),
        ('- spelling: "x"\n  stage: "seed\n', 3, "not readable as YAML"),
        ('- spelling: "x"\n  reason: "a\0b"\n', 2, 'YAML cannot hold the character "\\x00" itself'),
        ('- spelling: "x"\n  reason: "a\x1bb"\n', 2, 'YAML cannot hold the character "\\x1B" itself'),
    ],
)
def test_special_yaml_is_refused_with_its_line(text: str, line: int, expected: str) -> None:
    assert problem(text).startswith(f"f.yaml:{line}: {expected}")


def test_errors_name_the_loaded_file(tmp_path: Path) -> None:
    path = tmp_path / "stage_decisions.yaml"
    path.write_text(GOOD, encoding="utf-8-sig")
    assert load_decisions(path) == parse_decisions(GOOD, "")
    path.write_text(GOOD.replace("stage: seed", "stage: sed"))
    with pytest.raises(DecisionsError, match=r'stage_decisions\.yaml:3: "sed" is not a canonical stage'):
        load_decisions(path)


def test_unusable_file_is_named_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
