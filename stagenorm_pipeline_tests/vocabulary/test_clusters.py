"""Test clusters: spellings that mean the same stand together, and nothing gets lost."""

import csv
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from stagenorm_pipeline.vocabulary import Cluster, Decision, Decisions, Stage, Undecided, Vocabulary, clusters_of
from stagenorm_pipeline_tests.support.spellings import spellings, unhurried

# 4,763 rows of five public lists of funding rounds.
REAL = Path(__file__).with_name("real_stage_spellings.csv")


def real_questions() -> tuple[Undecided, ...]:
    with REAL.open(encoding="utf-8") as file:
        found = [(row["spelling"], int(row["rows"])) for row in csv.DictReader(file)]
    vocabulary = Vocabulary.built_in()
    return tuple(Undecided(spelling=text, rows=rows) for text, rows in found if vocabulary.stage_of(text) is None)


def clusters(*texts: str, decisions: Decisions | None = None) -> list[set[str]]:
    found = clusters_of([Undecided(spelling=text, rows=1) for text in texts], decisions or Decisions())
    return [{member.spelling for member in cluster.members} for cluster in found]


def of(found: tuple[Cluster, ...], label: str) -> list[str]:
    return next([m.spelling for m in cluster.members] for cluster in found if cluster.label == label)


def test_97_real_questions_are_35_clusters_of_which_six_hold_nine_rows_in_ten() -> None:
    questions = real_questions()
    found = clusters_of(questions, Decisions())
    assert (len(questions), len(found)) == (97, 35)
    assert found[4].cumulative_share > 0.92
    assert [cluster.rows for cluster in found] == sorted((cluster.rows for cluster in found), reverse=True)
    assert of(found, "Seed Funding") == ["Seed Funding", "Seed Round", "Seed round", "Seed funding", "Seed Investment"]
    assert of(found, "Private Equity") == ["Private Equity", "Private Equity Round", "PrivateEquity"]
    assert len(of(found, "Pre-series A")) == 9
    assert "Seed / Angle Funding" in of(found, "Seed/ Angel Funding")
    assert {"Series D", "Series J", "Series C, D"} <= set(of(found, "Series D"))
    assert of(found, "Series B2") == ["Series B2", "Series B (Extension)", "Series B+", "Series B3"]
    sure = [cluster.label for cluster in found if cluster.proposal and cluster.proposal.confidence == "sure"]
    assert sure == ["Seed Funding", "Pre seed round"]


def test_spellings_with_different_proposals_stay_apart() -> None:
    assert clusters("Seed Round", "Series A Round", "Seed Funding", "Seed/Round") == [
        {"Seed Funding", "Seed Round"},
        {"Seed/Round"},
        {"Series A Round"},
    ]


def test_other_rounds_and_short_words_are_no_typing_errors() -> None:
    apart = ["Pre-A", "Pre-B", "Angel 1", "Angel 2", "debt", "dept", "N/A", "A"]
    assert len(clusters(*apart)) == len(apart)
    assert len(clusters("bridge", "brigde", "Bridge Round", "BridgeRound", "bridges")) == 1


def test_cluster_follows_decision_about_its_words() -> None:
    decided = Decisions(entries=(Decision(spelling="Angel", stage=Stage.PRE_SEED),))
    (found,) = clusters_of([Undecided(spelling="Angel Round", rows=2, funds=3)], decided)
    assert found.proposal is not None
    assert found.proposal.choice is Stage.PRE_SEED
    assert (found.funds, found.cumulative_share) == (3, 1.0)


@unhurried
@given(st.lists(st.builds(Undecided, spelling=spellings, rows=st.integers(0, 9)), unique_by=lambda item: item.spelling))
def test_every_spelling_is_in_one_cluster_whatever_the_order(items: list[Undecided]) -> None:
    found = clusters_of(items, Decisions())
    assert clusters_of(reversed(items), Decisions()) == found
    members = [member for cluster in found for member in cluster.members]
    assert sorted(members, key=lambda item: item.spelling) == sorted(items, key=lambda item: item.spelling)
    assert all(cluster.why.isprintable() and all(map(str.isprintable, cluster.hints)) for cluster in found)
