"""What makes a decision valid."""

import pytest

from stagenorm_pipeline.vocabulary import Decision, Decisions, DecisionsError, Stage


def test_choice_of_a_decision() -> None:
    assert Decision(spelling="growth", stage=Stage("series-c")).choice == "series-c"
    assert Decision(spelling="Debt", is_kept=True, reason="a loan").choice == "leave-as-is"
    assert Decision(spelling="growth").choice is None


@pytest.mark.parametrize("reason", ["", " ", "\n\u3000"])
def test_kept_spelling_needs_a_reason(reason: str) -> None:
    with pytest.raises(DecisionsError, match='"Debt" is leave-as-is without a reason'):
        Decision(spelling="Debt", is_kept=True, reason=reason)


def test_kept_spelling_has_no_stage() -> None:
    with pytest.raises(DecisionsError, match="both seed and leave-as-is"):
        Decision(spelling="Seed Round", stage=Stage("seed"), is_kept=True, reason="?")


def test_second_entry_for_a_spelling_is_refused() -> None:
    entry = Decision(spelling="growth", where="file:3")
    with pytest.raises(DecisionsError, match=r'^file:9: "growth" has an entry already \(file:3\)'):
        Decisions(entries=(entry, Decision(spelling="growth", stage=Stage("series-c"), where="file:9")))
    with pytest.raises(DecisionsError, match="has an entry already"):
        Decisions(entries=(entry, entry))


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"])
def test_text_that_postgresql_cannot_store_is_refused(text: str) -> None:
    with pytest.raises(DecisionsError, match=r"the spelling .* contains a NUL"):
        Decision(spelling=text)
    with pytest.raises(DecisionsError, match=r"the reason .* contains a NUL"):
        Decision(spelling="growth", reason=text)
    with pytest.raises(DecisionsError, match=r"the decided_by .* contains a NUL"):
        Decision(spelling="growth", decided_by=text)


def test_message_escapes_and_shortens_a_hostile_spelling() -> None:
    with pytest.raises(DecisionsError) as caught:
        Decision(spelling="\x1b[31m\u202e\n" * 100_000, is_kept=True)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


def test_similar_spellings_need_the_same_decision() -> None:
    first = Decision(spelling="Seed Round", stage=Stage("seed"), where="file:3")
    for other in ("seed round", " Seed\tRound ", "SEED\u00a0ROUND"):
        with pytest.raises(DecisionsError, match=r'^file:9: .* is series-a, but "Seed Round" \(file:3\).* is seed'):
            Decisions(entries=(first, Decision(spelling=other, stage=Stage("series-a"), where="file:9")))
        Decisions(
            entries=(
                first,
                Decision(spelling=other, stage=Stage("seed")),
                Decision(spelling="Seed-Round", stage=Stage("series-a")),
            )
        )
    Decisions(entries=(first, Decision(spelling="seed round")))


def test_decision_about_a_too_long_spelling_is_refused() -> None:
    Decision(spelling="x" * 1_000, stage=Stage("seed"))
    Decision(spelling="x" * 1_001)
    with pytest.raises(DecisionsError, match="longer than 1,000 characters"):
        Decision(spelling="x" * 1_001, stage=Stage("seed"))


def test_long_spellings_are_not_compared() -> None:
    marks = "\u0301\u0327" * 499
    Decisions(
        entries=(Decision(spelling=marks, stage=Stage("seed")), Decision(spelling=marks + " ", stage=Stage("series-a")))
    )
