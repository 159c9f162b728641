"""Run everything with other canonical stages than the built-in six."""

import json
from pathlib import Path

import jsonschema
import psycopg
import pytest

from stagenorm_pipeline import Stagenorm
from stagenorm_pipeline_tests.report.test_json_document import published_schema
from stagenorm_pipeline_tests.support.command_line import Ran, stagenorm_here

_WITH_D = """
[vocabulary]
stages = ["pre-seed", "seed", "series-a", "series-b", "series-c", "series-c+", "series-d"]

[vocabulary.aliases]
series-d = ["Series D", "serie d"]
"""


@pytest.fixture
def with_d(application_url: str, tmp_path: Path) -> Path:
    """A directory whose stagenorm.toml adds `series-d`, and a database with 20 rows that mean it."""
    (tmp_path / "stagenorm.toml").write_text(_WITH_D)
    _execute(application_url, "UPDATE portfoliocompanies SET stage = 'SERIE D' WHERE stage = 'Seed Round' AND id < 50")
    _execute(application_url, "UPDATE portfoliocompanies SET stage = 'series-D' WHERE stage = 'Seed Round'")
    assert stagenorm_here("init-db", url=application_url).code == 0
    return tmp_path


def _execute(url: str, query: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(query.encode())


def test_configured_stage_goes_from_inventory_to_enforce_and_rollback(application_url: str, with_d: Path) -> None:
    def command(*arguments: str) -> Ran:
        ran = stagenorm_here(*arguments, url=application_url, directory=with_d)
        assert ran.code == 0, f"stagenorm {' '.join(arguments)}: {ran.all[-2_000:]}"
        return ran

    inventory = json.loads(command("inventory", "--json").out)["inventories"][0]
    assert inventory["counts"]["rows_unknown"] == 0
    assert {s["spelling"]: s["stage"] for s in inventory["spellings"]}["SERIE D"] == "series-d"
    assert "A run would change 90 of 130 rows" in command("dry-run").out
    _execute(application_url, "UPDATE deal_opportunities SET stage = 'Series D (ext)' WHERE id = 1")
    assert "contains 'series d' among other words" in command("inventory", "--full").out
    command("decisions", "--html", "review.html")
    assert '"series-c+","series-d"]' in (with_d / "review.html").read_text().replace(", ", ",")
    _execute(application_url, "UPDATE deal_opportunities SET stage = 'series-b' WHERE id = 1")
    assert '"rowsUpdated":90' in command("run", "--yes", "--sleep-ms", "0").out
    command("verify", "--strict", "--output", "report.json", "--output", "report.html")
    report = json.loads((with_d / "report.json").read_text())
    jsonschema.validate(report, published_schema())
    after = {one["stage"]: one["after"] for one in report["stages"] if "portfolio" in one["target"]}
    assert after["series-d"] == 20
    assert "series-d" in (with_d / "report.html").read_text()
    version = report["vocabulary_version"]
    sign_off = ("sign-off", "1", "--report", "report.json", "--by", "Ada")
    assert all(version in command(*shown).out for shown in (sign_off, ("plans", "1"), ("vocabulary",)))
    command("enforce", "--yes")
    _execute(application_url, "UPDATE portfoliocompanies SET stage = 'series-d' WHERE id = 1")
    with pytest.raises(psycopg.errors.CheckViolation, match="stagenorm_stage_canonical"):
        _execute(application_url, "UPDATE portfoliocompanies SET stage = 'Series D' WHERE id = 1")
    command("enforce", "--remove", "--yes")
    command("rollback", "--plan", "1", "--yes", "--sleep-ms", "0")
    assert json.loads(command("inventory", "--json").out)["inventories"][0]["counts"]["rows_to_change"] == 80


def test_two_vocabularies_refuse_each_others_plans_and_verdicts(application_url: str, with_d: Path) -> None:
    other = with_d / "other"
    other.mkdir()
    with Stagenorm(application_url, configuration=with_d / "stagenorm.toml") as ours:
        ours.plan()
    refused = stagenorm_here("resume", url=application_url, directory=other)
    assert refused.code == 1
    assert "Plan 1 is not applied" in refused.err
    assert "the canonical stages changed: series-d removed" in refused.err
    assert stagenorm_here("resume", "--sleep-ms", "0", url=application_url, directory=with_d).code == 0
    theirs = stagenorm_here("verify", url=application_url, directory=other)
    assert (theirs.code, "20 rows with 1 unknown spelling" in theirs.out) == (1, True), theirs.out


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('stages = ["seed", "Series D"]', '"Series D" cannot be a stage'),
        ('stages = ["seed", "leave-as-is"]', '"leave-as-is" cannot be a stage'),
        ('stages = ["seed", "seed"]', "the stage seed is listed twice"),
        (
            'stages = ["seed"]\naliases = {series-d = ["d"]}',
            '"series-d" has aliases, but is not one of the stages',
        ),
        ('aliases = {seed = ["Series A"]}', 'the alias "Series A" of seed means series-a already'),
        ('aliases = {seed = ["\\u0000"]}', "cannot be an alias"),
        ("stages = [1]", "`stages` in [vocabulary] must be a list of stages in quotes"),
        ("stage = []", 'Unknown key "stage" in [vocabulary]'),
    ],
)
def test_wrong_vocabulary_section_is_one_plain_error(tmp_path: Path, written: str, said: str) -> None:
    (tmp_path / "stagenorm.toml").write_text(f"[vocabulary]\n{written}\n")
    ran = stagenorm_here("vocabulary", directory=tmp_path)
    assert (ran.code, said in ran.err) == (2, True), ran.err


def test_observe_compares_refused_rows_with_the_last_plan(application_url: str, with_d: Path) -> None:
    def observe() -> dict[str, object]:
        ran = stagenorm_here("enforce", "--observe", "--json", url=application_url, directory=with_d)
        assert ran.code == 0, ran.all
        found: dict[str, object] = json.loads(ran.out)["targets"][0]
        return found

    assert (observe()["rows"], observe()["baseline"]) == (80, {})
    assert stagenorm_here("run", "--yes", "--sleep-ms", "0", url=application_url, directory=with_d).code == 0
    _execute(application_url, "UPDATE portfoliocompanies SET stage = E'Bridge\\x1b[2J' WHERE id IN (7, 9)")
    _execute(application_url, "UPDATE portfoliocompanies SET stage = 'Seed' WHERE id = 11")
    found = observe()
    baseline, refused = found["baseline"], found["refused"]
    assert isinstance(baseline, dict)
    assert isinstance(refused, list)
    assert (found["rows"], found["is_enforced"], baseline["plan_id"], baseline["rows"]) == (3, False, 1, 80)
    assert [(one["spelling"], one["stage"], one["rows"], one["rows_before"], one["first_id"]) for one in refused] == [
        ("Bridge\x1b[2J", None, 2, 0, "7"),
        ("Seed", "seed", 1, 20, "11"),
    ]
    shown = stagenorm_here("enforce", "--observe", url=application_url, directory=with_d, columns=80).out
    assert "would refuse 3 of\n  100 rows" in shown
    assert "77 fewer than when plan 1 was made" in shown
    assert "\x1b" not in shown


def test_one_spelling_is_explained_without_a_database(tmp_path: Path) -> None:
    (tmp_path / "stagenorm.toml").write_text(_WITH_D)
    (tmp_path / "stage_decisions.yaml").write_text(
        '- spelling: "Bridge"\n  stage: leave-as-is\n  reason: "in between"\n  decided_by: "Ana"\n'
    )

    def said(spelling: str) -> str:
        return stagenorm_here("vocabulary", "test", spelling, directory=tmp_path).out

    assert '"Serie A": unknown.' in said("Serie A")
    assert "perhaps series-a: similar to" in said("Serie A")
    assert 'it is the alias "serie d"' in said("SERIE D")
    assert "perhaps series-d" in said("Series D (extension)")
    assert "Why: decided by Ana: in between (" in said("Bridge")
    assert "after dashes and look-alike letters" in said("seri\u0435s-a")
    exported = stagenorm_here("vocabulary", "export", "--format", "sql", directory=tmp_path).out
    assert '"serie d": "series-d"' in exported
