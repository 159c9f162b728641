"""Test `decisions --html` and the import of what the page exports, over a database."""

import json
import re
from pathlib import Path

import pytest

from stagenorm_pipeline.vocabulary import load_decisions
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.command_line import stagenorm_here
from stagenorm_pipeline_tests.support.review_pages import patch

TARGET = '[[target]]\ntable = "portfoliocompanies"\n'


@pytest.fixture
def file(application: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The decisions file, not there yet, of a database with named companies."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STAGENORM_CONFIG", raising=False)
    application.add(COMPANIES, [(1, "Bridge"), (2, "Seed Round"), (2, "seed"), (3, "Seed Round"), (4, "Seed Round")])
    application.sql("UPDATE portfoliocompanies SET name = 'Acme ' || id WHERE id <> 1")
    return tmp_path / "stage_decisions.yaml"


def examples(page: Path) -> dict[str, list[str]]:
    found = re.search(r'type="application/json"[^>]*>(.*?)</script>', page.read_text())
    assert found is not None
    return {m["text"]: m["examples"] for cluster in json.loads(found[1])["clusters"] for m in cluster["members"]}


def test_page_shows_names_only_if_configuration_allows_a_column(application: Application, file: Path) -> None:
    ran = stagenorm_here("decisions", "--html", "review.html", url=application.url)
    assert "review.html: open it in a browser" in ran.out
    assert examples(Path("review.html")) == {'"Bridge"': [], '"Seed Round"': []}
    assert "Acme" not in Path("review.html").read_text()

    Path("stagenorm.toml").write_text(f'{TARGET}example_column = "name"\n')
    stagenorm_here("decisions", "--html", "review.html", url=application.url)
    assert examples(Path("review.html")) == {'"Bridge"': [], '"Seed Round"': ["Acme 2", "Acme 5"]}

    Path("stagenorm.toml").write_text(f'{TARGET}example_column = "na\\"me%s"\n')
    ran = stagenorm_here("decisions", "--html", "new.html", url=application.url)
    assert "has no column 'na\"me%s', which stagenorm.toml names as its example_column" in ran.err
    assert not Path("new.html").exists()
    assert not file.exists()


def test_patches_of_two_reviewers_merge_and_conflicts_are_named(application: Application, file: Path) -> None:
    Path("ana.json").write_text(json.dumps(patch({"Seed Round": "seed", "Bridge": "series-a"})))
    Path("ben.json").write_text(json.dumps(patch({"Seed Round": "seed", "Bridge": "series-b"}, by="Ben")))
    ran = stagenorm_here("decisions", "--import", "ana.json", "--import", "ben.json", url=application.url)
    assert ran.code == 1
    assert '"Bridge": series-a (ana.json decision 2 of Ana); series-b (ben.json decision 2 of Ben)' in ran.out
    (entry,) = load_decisions(file).entries
    assert (entry.spelling, entry.choice, entry.decided_by) == ("Seed Round", "seed", "Ana")

    ran = stagenorm_here("decisions", "--import", "ana.json", url=application.url)
    assert (ran.code, len(load_decisions(file).entries)) == (0, 2)
    before = file.read_text()
    ran = stagenorm_here("decisions", "--import", "ben.json", url=application.url)
    assert (ran.code, file.read_text()) == (1, before)
    assert "series-a (stage_decisions.yaml:" in ran.out

    Path("ben.json").write_text(json.dumps(patch({"Seed Round": "series-d"}, by="\x1b[2J\u202e")))
    ran = stagenorm_here("decisions", "--import", "ben.json", url=application.url)
    assert (ran.code, file.read_text()) == (2, before)
    assert 'ben.json decision 1 of \\x1b[2J\\u202e: "series-d" is no stage' in ran.err
