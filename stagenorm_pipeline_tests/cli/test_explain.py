"""Test `stagenorm explain`, `decisions --diff` and a rollback by spelling, as somebody types them."""

import json
from pathlib import Path

import pytest
from rich.cells import cell_len

from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.command_line import Ran, stagenorm_here

_HOSTILE = "\x1b[2J\u202eAngel\n`$(reboot)`"
_DECIDED = """- stage: {stage}
  reason: first money
  decided_by: "ana\\e[2J"
  decided_on: 2026-11-20
  spellings:
    - "Angel"
    - "\\e[2J\\u202eAngel\\n`$(reboot)`"
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "stage_decisions.yaml").write_text(_DECIDED.format(stage="pre-seed"))
    return tmp_path


def _typed(application: Application, directory: Path, *arguments: str) -> Ran:
    ran = stagenorm_here(*arguments, url=application.url, directory=directory, columns=80)
    assert "\x1b" not in ran.all
    assert "\u202e" not in ran.all
    # Neither paths nor commands are broken, so that they can be copied.
    unbroken = ("[", "Decisions:", "  /", "  To undo:", "  stagenorm")
    lines = [line for line in ran.out.splitlines() if not line.startswith(unbroken)]
    assert "--json" in arguments or max(map(cell_len, lines), default=0) <= 80
    return ran


def test_changed_decision_is_explained_undone_and_decided_again(application: Application, directory: Path) -> None:
    application.add(COMPANIES, [(1, "Angel"), (1, _HOSTILE), (2, "Seed")])
    _typed(application, directory, "run", "--yes", "--sleep-ms", "0")
    unchanged = "changes nothing against the plans that were opened, of which plan 1 is the newest."
    assert unchanged in " ".join(_typed(application, directory, "decisions", "--diff").out.split())
    explained = _typed(application, directory, "explain", COMPANIES, "2").out
    assert 'of "ana\\x1b[2J" on 2026-11-20 (first money)' in explained
    assert "not verified" in explained
    assert explained.splitlines()[-1] == "Next: to undo it: stagenorm rollback --row portfoliocompanies:2"

    (directory / "stage_decisions.yaml").write_text(_DECIDED.format(stage="seed"))
    shown = _typed(application, directory, "decisions", "--diff").out
    assert '"Angel": pre-seed → seed\n  No row holds it now.\n  1 row became pre-seed by plan 1.' in shown
    assert "To undo: stagenorm rollback --spelling Angel --stage pre-seed\n" in shown
    assert r"--spelling $'\x1b[2J\xe2\x80\xaeAngel\x0a`$(reboot)`' --stage" in shown
    document = json.loads(_typed(application, directory, "decisions", "--diff", "--json").out)
    (angel,) = [one for one in document["decisions"] if one["spelling"] == "Angel"]
    assert angel == {
        "spelling": "Angel",
        "was": "pre-seed",
        "now": "seed",
        "rows_now": 0,
        "is_new": True,
        "earlier": [
            {
                "stage": "pre-seed",
                "rows": 1,
                "plans": [1],
                "rows_restorable": 1,
                "rows_left": 0,
                "undo_command": "stagenorm rollback --spelling Angel --stage pre-seed",
            }
        ],
    }
    assert document["decisions_file"]["decided"] == 2
    assert "decisions --diff" in _typed(application, directory, "dry-run").out
    asked = ("rollback", "--spelling", _HOSTILE, "--stage", "pre-seed")
    assert "1 still hold what stagenorm wrote" in _typed(application, directory, *asked).out
    undone = _typed(application, directory, *asked, "--yes", "--sleep-ms", "0").out
    assert undone.endswith("A new plan gives these rows the stage of today's decisions: stagenorm dry-run\n")
    _typed(application, directory, "run", "--yes", "--sleep-ms", "0")
    assert list(application.stages(COMPANIES).values()) == ["pre-seed", "seed", "seed"]

    told = _typed(application, directory, "explain", "--spelling", _HOSTILE).out
    assert 'became "pre-seed"' in told
    assert "rollback, plan 2" in told
    assert "a decision for pre-seed; today it means seed" in told
    one = ("rollback", "--row", f"{COMPANIES}:2", "--yes", "--sleep-ms", "0")
    assert _typed(application, directory, *one).code == 0
    assert application.stages(COMPANIES)[2] == _HOSTILE


def test_explanation_as_json_tells_the_reasons_apart(application: Application, directory: Path) -> None:
    application.add(COMPANIES, [(1, "Angel"), (2, "Seed"), (2, "growth")])
    _typed(application, directory, "run", "--yes", "--sleep-ms", "0")

    def explained(*arguments: str) -> dict[str, object]:
        document: dict[str, object] = json.loads(_typed(application, directory, "explain", *arguments, "--json").out)
        return document

    row = json.loads(json.dumps(explained(f"public.{COMPANIES}.stage", "1")))
    assert (row["kind"], row["since"], row["now"]["reason"]["by"]) == ("row_history", "unchanged", "canonical")
    assert row["entries"][0]["reason"]["decision"]["decided_on"] == "2026-11-20"
    reasons = {spelling: explained("--spelling", spelling)["reason"] for spelling in ("Seed", "growth")}
    assert reasons == {
        "Seed": {"by": "alias", "alias": "seed", "stage": "seed"},
        "growth": {"by": "unknown"},
    }


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("explain",), "Give a table and the key of a row"),
        (("explain", COMPANIES), "Give a table and the key of a row"),
        (("explain", COMPANIES, "1", "--spelling", "Seed"), "Give a table and the key of a row"),
        (("explain", "nothing", "1"), "'nothing' is not one of the targets"),
        (("inventory", "--table", "portfoliocompany"), "Did you mean portfoliocompanies?"),
        (("rollback", "--row", "1"), "'1' is not TABLE:ID"),
        (("rollback", "--row", "a:1", "--table", "b"), "The row is in a, not in b"),
        (("rollback", "--stage", "seed", "--plan", "1"), "A stage needs its spelling"),
        (("decisions", "--diff", "--ask"), "--diff only shows"),
        (("decisions", "--json"), "--json is for --diff"),
    ],
)
def test_contradicting_arguments_are_named(arguments: tuple[str, ...], named: str, tmp_path: Path) -> None:
    ran = stagenorm_here(*arguments, url="postgresql://u@127.0.0.1:1/d", directory=tmp_path)
    assert (ran.code, named in ran.err) == (2, True), ran.all
