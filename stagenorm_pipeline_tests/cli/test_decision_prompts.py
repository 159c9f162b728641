"""Test the questions about clusters: every key, and the file after each answer. Needs no database."""

from datetime import date
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from stagenorm_pipeline.cli.decision_prompts import ask_about
from stagenorm_pipeline.service.deciding import UndecidedSpellings, read_decisions
from stagenorm_pipeline.vocabulary import Decision, Undecided, Vocabulary
from stagenorm_pipeline_tests.vocabulary.test_clusters import real_questions


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "stage_decisions.yaml"


def ask(file: Path, *answers: str, questions: tuple[Undecided, ...] | None = None) -> str:
    """Answer the questions that the file leaves open, and stop where the answers end."""
    decided = read_decisions(file)
    vocabulary = Vocabulary.with_decisions(decided)
    asked = questions or real_questions()
    found = UndecidedSpellings(
        path=file,
        undecided=tuple(one for one in asked if vocabulary.meaning_of(one.spelling).kind == "unknown"),
        decided=decided,
        too_long=0,
        left_for_later=0,
    )
    command = click.Command("ask", callback=lambda: ask_about(found, "Ana"))
    result = CliRunner().invoke(command, input="".join(f"{answer}\n" for answer in answers))
    assert result.exit_code == 0, result.output
    return result.output


def choices(file: Path) -> dict[str, str | None]:
    return {entry.spelling: entry.choice for entry in read_decisions(file).entries}


def test_one_answer_decides_a_whole_cluster_and_is_written_at_once(file: Path) -> None:
    said = ask(file, "", "leave-as-is no venture round", "q")
    assert "up to here 40% of all undecided rows" in said
    assert "saved: 5 spellings as seed. 5 of 97 spellings, 40% of the rows" in said
    assert "8 decided, 89 left. Go on: stagenorm decisions --ask" in said
    seed = Decision(
        spelling="Seed round", stage=Vocabulary.built_in().stage_of("seed"), decided_by="Ana", decided_on=date.today()
    )
    kept = Decision(
        spelling="PrivateEquity", is_kept=True, reason="no venture round", decided_by="Ana", decided_on=date.today()
    )
    assert {seed, kept} <= set(read_decisions(file).entries)


def test_session_goes_on_where_the_last_one_stopped(file: Path) -> None:
    ask(file, "a", "q")
    assert set(choices(file).values()) == {"seed", "pre-seed"}
    said = ask(file, "s", "b", "k buyout", "r no round", "r x", "")
    assert "[1/33] 1,276 rows" in said
    assert "1 cluster with a proposal still to answer." in said
    assert "Every cluster that is left has a proposal" in said
    assert "0 left. Next: stagenorm dry-run" in said
    assert choices(file)["Seies A"] == "series-a"
    assert list(choices(file).values()).count("leave-as-is") == 88


def test_members_taken_out_are_asked_later(file: Path) -> None:
    said = ask(file, "s", "s", "-5 7", "k between two rounds", "3", "q")
    assert "2 spellings taken out: asked later." in said
    assert "[4/36]" in said
    assert choices(file)["Pre-series A"] == "leave-as-is"
    assert "Pre-series A1" not in choices(file)
    assert "Give numbers from 1 to 5" in ask(file, "-9", "-1 2 3 4 5", "q")


def test_undo_restores_the_file_and_asks_again(file: Path) -> None:
    file.write_text("# mine\n")
    said = ask(file, "a", "k buyout", "u", "u", "u", "q")
    assert said.count("undone: ") == 2
    assert "Nothing to undo in this session." in said
    assert file.read_text() == "# mine\n"
    assert "No cluster before this one is undecided" in ask(file, "b", "q")


def test_undo_never_overwrites_another_edit(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import stagenorm_pipeline.cli.decision_prompts as prompts

    real, asked = prompts._prompt, []

    def edits_before_the_second(words: str) -> str:
        asked.append(words)
        if len(asked) == 2:
            file.write_text(file.read_text() + "# Ben was here\n")
        return real(words)

    monkeypatch.setattr(prompts, "_prompt", edits_before_the_second)
    assert "The file has changed since" in ask(file, "2", "u", "q")
    assert file.read_text().endswith("# Ben was here\n")


def test_reason_is_asked_for_and_repeated_by_number(file: Path) -> None:
    said = ask(file, "k", "", "buyout", "k", "", "k other", "k 1", "keep", "2", "seed", "9", "?", "m", "q")
    assert "Say why they are kept" in said
    assert "reason [buyout]:" in said
    assert "1 buyout  2 other" in said
    assert "Answer 1 to 6, the name of a stage" in said
    assert "take members 2 and 5 out" in said
    reasons = [entry.reason for entry in read_decisions(file).entries if entry.is_kept]
    assert sorted(set(reasons)) == ["buyout", "other"]


def test_contradiction_is_explained_and_asked_again(file: Path) -> None:
    questions = (
        Undecided(spelling="Growth", rows=2),
        Undecided(spelling="GROWTH", rows=1),
        Undecided(spelling="b\x1b[2J", rows=1),
    )
    file.write_text('- spelling: "growth"\n  stage: series-c\n')
    said = ask(file, "4", "", "q", questions=questions)
    assert "decide both alike" in said
    assert "sure: differs from" in said
    assert choices(file) == {"growth": "series-c", "Growth": "series-c", "GROWTH": "series-c"}
    assert "\x1b" not in said


@pytest.mark.parametrize("columns", ["80", "120"])
def test_questions_fit_the_terminal(file: Path, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    where = "1 in public.portfoliocompanies.stage (fund-2, id 7); " * 5
    long = Undecided(spelling="long " * 100, rows=10**9, where=where)
    said = ask(file, "m", "?", "q", questions=(long, *real_questions()))
    lines = [line for line in said.splitlines() if str(file) not in line]
    assert max(map(len, lines)) <= int(columns)
