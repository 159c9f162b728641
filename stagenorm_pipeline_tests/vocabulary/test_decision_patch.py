"""Test merging the decisions of reviewers: what agrees is taken, and conflicts are named."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagenorm_pipeline.vocabulary import (
    Choice,
    Decision,
    DecisionPatch,
    Decisions,
    DecisionsError,
    Keep,
    PatchEntry,
    Stage,
    merge_patches,
    spelling_sha256,
    with_decisions,
)
from stagenorm_pipeline_tests.support.spellings import some_decisions, unhurried

DAY = date(2026, 1, 19)


def patch(source: str, **choices: Choice) -> DecisionPatch:
    return DecisionPatch(source=source, entries=tuple(entry(name, choice, source) for name, choice in choices.items()))


def entry(spelling: str, choice: Choice, source: str = "ana.csv") -> PatchEntry:
    return PatchEntry(
        sha256=spelling_sha256(spelling),
        spelling=spelling,
        choice=choice,
        decided_by=source,
        decided_on=DAY,
        where=f"{source} row 2",
    )


def test_two_reviewers_merge_and_their_conflicts_are_named() -> None:
    existing = Decisions(entries=(Decision(spelling="Debt", is_kept=True, reason="a loan"), Decision(spelling="Angel")))
    ana = patch(
        "ana.csv", Angel=Stage.PRE_SEED, Bridge=Keep(reason="in between"), Growth=Stage.SERIES_C, Debt=Stage.SEED
    )
    ben = patch("ben.csv", Angel=Stage.PRE_SEED, Bridge=Keep(reason="no round"), GROWTH=Stage.SERIES_B)
    merged = merge_patches(existing, (ana, ben))
    assert [(one.spelling, one.choice, one.reason, one.decided_by) for one in merged.new] == [
        ("Angel", "pre-seed", "", "ana.csv"),
        ("Bridge", "leave-as-is", "in between", "ana.csv"),
    ]
    assert [str(conflict) for conflict in merged.conflicts] == [
        '"Debt": leave-as-is (the decisions file); seed (ana.csv row 2)',
        '"Growth": series-c (ana.csv row 2); series-b (ben.csv row 2)',
    ]
    again = merge_patches(Decisions(entries=merged.new), (ben,))
    assert (again.new, again.decided_before) == ((entry("GROWTH", Stage.SERIES_B, "ben.csv").decision(),), 2)


def test_hash_that_is_not_the_spelling_is_refused() -> None:
    with pytest.raises(DecisionsError, match=r"^ana\.csv row 2: .*hash"):
        PatchEntry(
            sha256=spelling_sha256("Seed"),
            spelling="Debt",
            choice=Stage.SEED,
            decided_by="",
            decided_on=DAY,
            where="ana.csv row 2",
        )


def test_choice_that_contradicts_an_alias_is_refused_with_its_row() -> None:
    with pytest.raises(DecisionsError, match=r"^ana\.csv row 2: .*built-in alias"):
        merge_patches(Decisions(), (patch("ana.csv", SEED=Stage.SERIES_A),))


@unhurried
@given(
    some_decisions(), st.lists(st.tuples(st.sampled_from(["x", "X", "y y", "y\u00a0y", "z"]), st.sampled_from(Stage)))
)
def test_merged_decisions_can_always_be_written(existing: Decisions, chosen: list[tuple[str, Stage]]) -> None:
    patches = [DecisionPatch(source="a", entries=tuple(entry(text, stage) for text, stage in chosen))]
    merged = merge_patches(existing, patches)
    text = with_decisions("", "f.yaml", existing.decided.values())
    with_decisions(text, "f.yaml", merged.new)
    in_conflict = {one.spelling for conflict in merged.conflicts for one in conflict.decisions}
    assert not in_conflict & {one.spelling for one in merged.new}
