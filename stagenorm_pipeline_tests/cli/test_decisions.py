"""Test the decisions file: written, answered, refused with its line, and binding for plans."""

import csv
import json
from datetime import date
from pathlib import Path

import openpyxl
import psycopg
import pytest
from click.testing import CliRunner

from stagenorm_pipeline.cli.main import main
from stagenorm_pipeline.engine.postgres.identity import user_name
from stagenorm_pipeline.service.decision_sheet import COLUMNS
from stagenorm_pipeline.vocabulary import Decision, Stage, load_decisions
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application
from stagenorm_pipeline_tests.support.command_line import Ran, stagenorm, stagenorm_here

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"
SEED_ROUND = '- spelling: "Seed Round"\n  stage: {}\n'
BOMB = "".join(f"- &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 30))


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the decisions are, in a directory of their own; not there yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STAGENORM_CONFIG", raising=False)
    return tmp_path / "stage_decisions.yaml"


@pytest.fixture
def url(application: Application, file: Path) -> str:
    """A database with our tables and 100 companies: 20 canonical, 60 messy, 20 "Seed Round"; and ten deals."""
    stages = ["Seed", "seed", "Series A", "pre seed", "Seed Round"]
    application.add(COMPANIES, [(i % 4 or None, stages[i % 5]) for i in range(1, 101)])
    application.add(DEALS, [(1, None)] * 10)
    return application.url


def sql(url: str, statement: str) -> list[object]:
    with psycopg.connect(url) as connection:
        cursor = connection.execute(statement.encode())
        return [row[0] for row in cursor.fetchall()] if cursor.description else []


def answer(url: str, keys: str, *arguments: str) -> Ran:
    result = CliRunner(env={"DATABASE_URL": url}).invoke(main, ["decisions", "--ask", *arguments], input=keys)
    return Ran(code=result.exit_code, out=result.stdout, err=result.stderr)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (SEED_ROUND.format("series-d"), 2, "is not a canonical stage"),
        (SEED_ROUND.format("Seed"), 2, "write seed"),
        (SEED_ROUND.format("leave-as-is"), 1, "without a reason"),
        (SEED_ROUND.format("seed") * 2, 3, "has an entry already"),
        (SEED_ROUND.format("seed") + '- spelling: "seed  round"\n  stage: series-a\n', 3, "decide both alike"),
        ('- spelling: "SEED"\n  stage: series-a\n', 1, "by an alias"),
        (SEED_ROUND.format("seed\n  stage: seed"), 3, "given twice"),
        (SEED_ROUND.format("seed\n---\n- x"), 3, "a second document"),
        (BOMB, 1, "anchors, aliases and tags"),
        ("- !!python/object/apply:os.system ['true']\n", 1, "anchors, aliases and tags"),
        (SEED_ROUND.format("*a"), 2, "anchors, aliases and tags"),
        (SEED_ROUND.format("yes"), 2, "is not a canonical stage"),
        ("- spelling: yes\n  stage: seed\n", 1, "put the spelling in quotes"),
        ("- spelling: 0o17\n  stage: seed\n", 1, "put the spelling in quotes"),
        ("- spelling: 2026-01-19\n  stage: seed\n", 1, "put the spelling in quotes"),
        (SEED_ROUND.format("seed\n  decided_on: 19.1.2026"), 3, "is not a date"),
        (SEED_ROUND.format("seed\n  reason: a\0b"), 3, "YAML cannot hold"),
        (SEED_ROUND.format("@seed"), 2, "not readable as YAML"),
        ("seed: Seed Round\n", 1, "must be a list of entries"),
        ('- spelling: "Seed \x1b]0;x\x07Round"\n  stage: seed\n', 1, "YAML cannot hold"),
    ],
)
def test_mistake_is_named_with_its_line_before_database_is_read(file: Path, text: str, line: int, said: str) -> None:
    file.write_text(text, newline="")
    ran = stagenorm_here("dry-run", url=NOWHERE)
    assert ran.code == 2, ran.all
    assert ran.err.startswith(f"Error: stage_decisions.yaml:{line}: ")
    assert said in ran.err
    assert all(shown.isprintable() for shown in ran.err.splitlines())


def test_binary_or_endless_file_is_refused(file: Path) -> None:
    file.write_bytes(b'# fine\n- spelling: "caf\xe9"\n')
    assert "stage_decisions.yaml:2: not UTF-8" in stagenorm_here("dry-run", url=NOWHERE).err
    with file.open("wb") as huge:
        huge.truncate(33 << 20)
    assert "larger than 32 MB" in stagenorm_here("dry-run", url=NOWHERE).err
    file.unlink()
    file.mkdir()
    assert "cannot be read: Is a directory" in stagenorm_here("dry-run", url=NOWHERE).err


@pytest.mark.parametrize("command", ["inventory", "decisions", "run --yes", "resume", "verify", "enforce"])
def test_commands_refuse_broken_file_and_keep_it(file: Path, command: str) -> None:
    file.write_text(SEED_ROUND.format("sed"))
    ran = stagenorm_here(*command.split(), url=NOWHERE)
    assert ran.code == 2, ran.all
    assert "stage_decisions.yaml:2" in ran.err
    assert file.read_text() == SEED_ROUND.format("sed")


def test_mistake_shows_no_stack_trace(file: Path) -> None:
    file.write_text(BOMB)
    ran = stagenorm("decisions", url=NOWHERE, directory=file.parent)
    assert ran.code == 2
    assert ran.err.splitlines() == [
        "Error: stage_decisions.yaml:1: anchors, aliases and tags are not allowed: write the text"
    ]


def test_new_entries_follow_what_was_written(url: str, file: Path) -> None:
    assert "1 spelling waits for a decision" in stagenorm_here("decisions", url=url).out
    first = file.read_text()
    assert '- "Seed Round" #: 20 in public.portfoliocompanies.stage (4 funds, ids 4 to 99)' in first

    mine = "# Board, 19 January: a round is a round.\n" + first.replace("stage: # seed", "stage: seed  # Ana")
    file.write_text(mine)
    assert "No unknown spelling waits" in stagenorm_here("decisions", url=url).out
    assert file.read_text() == mine

    sql(url, "UPDATE deal_opportunities SET stage = 'growth' WHERE id < 3")
    stagenorm_here("decisions", url=url)
    after = file.read_text()
    assert after.startswith(mine)
    assert [entry.spelling for entry in load_decisions(file).entries] == ["Seed Round", "growth"]
    stagenorm_here("decisions", url=url)
    assert file.read_text() == after


def test_linked_decisions_file_stays_a_link(url: str, file: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared.yaml"
    shared.write_text("# ours\n")
    file.symlink_to(shared)
    stagenorm_here("decisions", url=url)
    assert file.is_symlink()
    assert "Seed Round" in shared.read_text()


def test_scope_limits_undecided_spellings(url: str, file: Path) -> None:
    stagenorm_here("decisions", "--table", "deal_opportunities", url=url)
    assert not file.exists()


def test_too_long_spelling_is_counted_and_not_asked(url: str, file: Path) -> None:
    sql(url, "UPDATE deal_opportunities SET stage = repeat('x', 1001) WHERE id < 3")
    ran = stagenorm_here("decisions", url=url)
    assert "1 more are longer than 1,000 characters" in ran.out
    assert len(load_decisions(file).entries) == 1


def test_answers_decide_clusters_of_the_database_and_go_on_later(url: str, file: Path) -> None:
    sql(url, "UPDATE deal_opportunities SET stage = (ARRAY['Debt', 'Debt Funding', 'growth'])[1 + id % 3]")
    ran = answer(url, "\nk a loan\nq\n", "--by", "Ana")
    assert ran.code == 0, ran.all
    assert "3 decided, 1 left" in ran.out
    assert "1 decided, 0 left" in answer(url, "series c+\n").out
    today = date.today()
    assert set(load_decisions(file).entries) == {
        Decision(spelling="Seed Round", stage=Stage("seed"), decided_by="Ana", decided_on=today),
        Decision(spelling="Debt", is_kept=True, reason="a loan", decided_by="Ana", decided_on=today),
        Decision(spelling="Debt Funding", is_kept=True, reason="a loan", decided_by="Ana", decided_on=today),
        Decision(spelling="growth", stage=Stage("series-c+"), decided_by=user_name(), decided_on=today),
    }


def test_spreadsheets_of_two_reviewers_merge_into_the_file(url: str, file: Path) -> None:
    sql(url, "UPDATE deal_opportunities SET stage = (ARRAY['=Debt', 'Bridge', 'growth'])[1 + id % 3]")
    ran = stagenorm_here("decisions", "--csv", "ana.csv", "--xlsx", "ben.xlsx", url=url)
    assert "4 spellings wait for a decision, in 4 clusters" in ran.out
    assert not file.exists()
    _fill("ana.csv", {"Seed Round": "seed", "=Debt": "keep", "Bridge": "series-a"})
    book = openpyxl.load_workbook("ben.xlsx")
    for row in book["decisions"].iter_rows(min_row=2):
        if row[COLUMNS.index("spelling")].value in ('"Bridge"', '"growth"'):
            row[COLUMNS.index("cluster_stage")].value = "series-b"
    book.save("ben.xlsx")

    ran = stagenorm_here("decisions", "--import", "ana.csv", "--import", "ben.xlsx", "--by", "Cleo", url=url)
    assert ran.code == 1
    assert "3 spellings decided, 0 decided alike before." in ran.out
    assert '"Bridge": series-a (ana.csv row' in ran.out
    assert {entry.spelling: entry.choice for entry in load_decisions(file).entries} == {
        "Seed Round": "seed",
        "growth": "series-b",
        "=Debt": "leave-as-is",
    }
    before = file.read_text()
    _fill("ana.csv", {"Seed Round": "seed"})
    ran = stagenorm_here("decisions", "--import", "ana.csv", url=url)
    assert (ran.code, file.read_text()) == (0, before)
    assert f"{file} (3 spellings decided). Next: stagenorm dry-run" in ran.out


def _fill(name: str, stages: dict[str, str]) -> None:
    with open(name, newline="", encoding="utf-8-sig") as read:  # noqa: PTH123
        rows = list(csv.DictReader(read))
    for row in rows:
        row |= {"stage": stages.get(row["spelling"].strip('"'), ""), "reason": "why"}
    with open(name, "w", newline="", encoding="utf-8") as written:  # noqa: PTH123
        writer = csv.DictWriter(written, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--ask --csv x.csv", "exclude each other"),
        ("--csv x.xlsx", "does not end in .csv"),
        ("--import x.txt", "its suffix does not say what it is"),
        ("--import x.csv", "x.csv cannot be read: No such file"),
        ("--xlsx no/x.xlsx", "The directory of no/x.xlsx does not exist"),
    ],
)
def test_wrong_file_is_refused_without_a_change(url: str, file: Path, arguments: str, said: str) -> None:
    ran = stagenorm_here("decisions", *arguments.split(), url=url)
    assert ran.code in (1, 2)
    assert said in ran.err
    assert not file.exists()


def test_run_and_resume_refuse_plan_of_other_decisions(url: str, file: Path) -> None:
    file.write_text(SEED_ROUND.format("seed"))
    assert stagenorm_here("run", "--rehearse", url=url).code == 0
    file.write_text(SEED_ROUND.format("series-a"))
    for arguments in (("run", "--plan", "1", "--yes"), ("run", "--plan", "1", "--rehearse")):
        ran = stagenorm_here(*arguments, url=url)
        assert ran.code == 1
        assert "Plan 1 is not applied: the vocabulary has changed" in ran.err
        assert '"Seed Round": seed -> series-a' in ran.err
    assert sql(url, "SELECT status FROM stage_migration_plans") == ["draft"]

    file.write_text(SEED_ROUND.format("seed"))
    assert stagenorm_here("run", "--plan", "1", "--yes", "--fund-id", "1", "--sleep-ms", "0", url=url).code == 0
    file.unlink()
    ran = stagenorm_here("resume", url=url)
    assert ran.code == 1
    assert "stagenorm rollback --plan 1" in ran.err
    assert '"Seed Round": seed -> unknown' in ran.err
    assert stagenorm_here("run", "--yes", "--sleep-ms", "0", url=url).code == 0
    assert stagenorm_here("rollback", "--plan", "1", "--yes", "--sleep-ms", "0", url=url).code == 0


def test_every_command_names_the_decisions_file_in_force(url: str, file: Path) -> None:
    def named(text: str) -> bool:
        return f"Decisions: {file} (1 spelling decided)" in " ".join(text.split())

    file.write_text(SEED_ROUND.format("seed"))
    steps = "inventory;dry-run;run --yes --sleep-ms 0 --fund-id 1;resume;decisions --diff;decisions;verify;enforce"
    more = (
        "enforce --observe;explain portfoliocompanies 1;vocabulary;vocabulary test x;run --rehearse;run --plan 2 --yes"
    )
    ran = {step: stagenorm_here(*step.split(), url=url) for step in f"{steps};{more}".split(";")}
    assert [step for step, one in ran.items() if not named(one.out)] == []
    as_json = ("inventory", "dry-run", "enforce --observe", "decisions --diff", "explain --spelling Seed", "verify")
    documents = [json.loads(stagenorm_here(*step.split(), "--json", url=url).out) for step in as_json]
    expected = {"path": str(file), "exists": True, "decided": 1, "undecided": 0}
    assert [document["decisions_file"] for document in documents] == [expected] * len(as_json)
    file.unlink()
    assert f"no decisions file ({file} does not exist)" in " ".join(stagenorm_here("enforce", url=url).out.split())


def test_dry_run_shows_new_decisions_with_rows(url: str, file: Path) -> None:
    file.write_text(SEED_ROUND.format("leave-as-is\n  reason: ask Ana"))
    assert "New or changed: 1 decision, about 20 rows." in stagenorm_here("dry-run", url=url).out
    ran = stagenorm_here("dry-run", "--full", url=url)
    (line,) = [line.split() for line in ran.out.splitlines() if "Seed Round" in line]
    assert line[:5] == ["20", '"Seed', 'Round"', "unknown", "leave-as-is"]
    assert sql(url, "SELECT count(*) FROM stage_migration_plans") == [0]


def test_kept_spelling_is_a_warning_or_strict_error(url: str, file: Path) -> None:
    file.write_text(SEED_ROUND.format("leave-as-is\n  reason: ask Ana"))
    assert stagenorm_here("run", "--yes", "--sleep-ms", "0", url=url).code == 0
    ran = stagenorm_here("verify", url=url)
    assert ran.code == 0, ran.all
    assert "⚠ Canonical Stage Validation: 20 rows kept by decision" in ran.out
    assert "Seed Round" in ran.out
    assert stagenorm_here("verify", "--strict", url=url).code == 1


def test_decisions_lead_to_an_enforced_table(url: str, file: Path) -> None:
    refused = stagenorm_here("enforce", "--yes", url=url)
    assert refused.code == 1
    assert "Rows with an unknown spelling: 20; with a known spelling that is not canonical: 60" in refused.err
    answer(url, "l a round is no stage\n")
    assert stagenorm_here("run", "--yes", "--sleep-ms", "0", url=url).code == 0
    assert stagenorm_here("verify", url=url).code == 0

    shown = stagenorm_here("enforce", url=url)
    assert shown.code == 0
    assert "'series-c+', 'Seed Round')) NOT VALID" in shown.out
    assert "Nothing was changed. To do it: stagenorm enforce --yes" in shown.out
    sql(url, "UPDATE portfoliocompanies SET stage = 'Seed' WHERE id = 1")
    sql(url, "UPDATE portfoliocompanies SET stage = 'seed' WHERE id = 1")

    assert stagenorm_here("enforce", "--yes", url=url).code == 0
    with pytest.raises(psycopg.errors.CheckViolation, match="stagenorm_stage_canonical"):
        sql(url, "INSERT INTO portfoliocompanies (stage) VALUES ('Seed')")
    assert "Nothing to do" in stagenorm_here("enforce", "--yes", url=url).out
    assert "Nothing to do" in stagenorm_here("run", "--yes", url=url).out

    rollback = stagenorm_here("rollback", "--plan", "1", url=url)
    assert "PostgreSQL would refuse the old spellings: public.portfoliocompanies.stage is enforced" in rollback.out
    assert stagenorm_here("rollback", "--plan", "1", "--yes", url=url).code == 1
    assert stagenorm_here("enforce", "--remove", "--yes", url=url).code == 0
    assert stagenorm_here("rollback", "--plan", "1", "--yes", "--sleep-ms", "0", url=url).code == 0
