"""Test proposals: those that can be accepted in bulk are never wrong."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagenorm_pipeline.vocabulary import CANONICAL_STAGES, Confidence, Decision, Decisions, Keep, Proposer, Stage
from stagenorm_pipeline_tests.support.spellings import spellings, unhurried

PROPOSER = Proposer.for_decisions(Decisions())
# Written down before the code, and not used to tune it: `right` is the stage, or empty where a person must decide.
HELD_OUT = Path(__file__).with_name("held_out_spellings.csv")


def proposed(spelling: str, *decisions: Decision) -> tuple[str, str] | None:
    proposal = Proposer.for_decisions(Decisions(entries=decisions)).propose(spelling)
    return None if proposal is None else (str(proposal.choice), proposal.confidence.value)


def test_sure_proposals_for_held_out_spellings_are_all_right_and_complete() -> None:
    with HELD_OUT.open(encoding="utf-8") as file:
        right = {row["spelling"]: row["right"] for row in csv.DictReader(file)}
    sure = {spelling: proposed(spelling) for spelling in right}
    found = {spelling: got[0] for spelling, got in sure.items() if got and got[1] == Confidence.SURE}
    assert len(right) == 179
    assert found == {spelling: stage for spelling, stage in right.items() if stage}


@pytest.mark.parametrize(
    ("spelling", "expected"),
    [
        ("Seies A", ("series-a", "likely")),
        ("Serie A", ("series-a", "likely")),
        ("Seed/Round", ("seed", "likely")),
        ("S\u0435ed Round", ("seed", "likely")),
        ("Serie A+", None),
        ("Seed / Angel Funding", None),
        ("Series B (Extension)", None),
        ("Series C plus", None),
        ("seriesd", None),
        ("seriesc Round", None),
        ("SERIESB Round", ("series-b", "sure")),
        ("Series C+ + Round", None),
        ("Pre-series A", None),
        ("Seed Seed", None),
        ("Funding Round", None),
        ("Seed " + "round " * 40, None),
    ],
)
def test_words_that_a_proposal_loses_block_it(spelling: str, expected: tuple[str, str] | None) -> None:
    assert proposed(spelling) == expected


@unhurried
@given(spellings, st.sampled_from(["plus", "II", "2", "+", "?", "&", "later", "\u0301", "\u200b", "轮", "/", ",", "<"]))
def test_one_unexplained_word_or_sign_makes_no_proposal_sure(spelling: str, extra: str) -> None:
    for text in (f"{spelling} {extra}", f"{extra} {spelling}", f"Seed {extra} {spelling}"):
        proposal = PROPOSER.propose(text)
        assert proposal is None or proposal.confidence is not Confidence.SURE


def test_earlier_decisions_come_before_aliases() -> None:
    kept = Decision(spelling="Debt Funding", is_kept=True, reason="a loan")
    proposal = Proposer.for_decisions(Decisions(entries=(kept,))).propose("Debt")
    assert proposal is not None
    assert (proposal.choice, proposal.confidence) == (Keep(reason="a loan"), Confidence.LIKELY)
    # The file refuses any other decision about this one.
    assert proposed("debt \u00a0FUNDING", kept) == ("leave-as-is", "sure")
    assert proposed("Seed Round", Decision(spelling="Seed Funding", stage=Stage.PRE_SEED)) is None
    assert proposed("Seed Round", Decision(spelling="Seed Funding", stage=Stage.SEED)) == ("seed", "sure")
    both = (kept, Decision(spelling="Debt Round", stage=Stage.SERIES_C))
    assert proposed("Debt", *both) is None


def test_long_texts_that_begin_alike_are_not_the_same() -> None:
    kept = Decision(spelling="Debt " * 60 + "one", is_kept=True, reason="a loan")
    assert proposed("debt " * 60 + "two", kept) is None
    assert proposed("Debt " * 60, kept) is None


@pytest.mark.parametrize("stage", CANONICAL_STAGES)
def test_each_stage_with_harmless_words_is_sure(stage: Stage) -> None:
    for text in (f"{stage} Round", f"{stage.upper()} FUNDING ROUND", f"Round: {stage.replace('-', ' ')}"):
        assert proposed(text) == (stage.value, "sure"), text
