"""What makes a decision valid."""

import pytest

from stagenorm_pipeline.vocabulary import Decision, Decisions, DecisionsError, Stage


def test_a_decision_names_its_choice() -> None:
    assert Decision(spelling="growth", stage=Stage.SERIES_C).choice == "series-c"
    assert Decision(spelling="Debt", leave_as_is=True, reason="a loan").choice == "leave-as-is"
    assert Decision(spelling="growth").choice is None


@pytest.mark.parametrize("reason", ["", " ", "\n\u3000"])
def test_leaving_a_spelling_as_it_is_takes_a_reason(reason: str) -> None:
    with pytest.raises(DecisionsError, match='"Debt" is leave-as-is without a reason'):
        Decision(spelling="Debt", leave_as_is=True, reason=reason)


def test_a_decision_is_a_stage_or_leave_as_is_but_not_both() -> None:
    with pytest.raises(DecisionsError, match="both seed and leave-as-is"):
        Decision(spelling="Seed Round", stage=Stage.SEED, leave_as_is=True, reason="?")


def test_one_spelling_has_one_entry() -> None:
    entry = Decision(spelling="growth", where="file:3")
    with pytest.raises(DecisionsError, match=r'^file:9: "growth" has an entry already \(file:3\)'):
        Decisions(entries=(entry, Decision(spelling="growth", stage=Stage.SERIES_C, where="file:9")))
    with pytest.raises(DecisionsError, match="has an entry already"):
        Decisions(entries=(entry, entry))


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"])
def test_what_no_postgresql_text_can_hold_is_refused_in_every_field(text: str) -> None:
    with pytest.raises(DecisionsError, match=r"the spelling .* no PostgreSQL text can"):
        Decision(spelling=text)
    with pytest.raises(DecisionsError, match=r"the reason .* no PostgreSQL text can"):
        Decision(spelling="growth", reason=text)
    with pytest.raises(DecisionsError, match=r"the decided_by .* no PostgreSQL text can"):
        Decision(spelling="growth", decided_by=text)


def test_a_message_shows_a_hostile_spelling_harmlessly_and_shortly() -> None:
    with pytest.raises(DecisionsError) as caught:
        Decision(spelling="\x1b[31m\u202e\n" * 100_000, leave_as_is=True)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


def test_one_text_cannot_be_decided_in_two_ways_by_its_case_spaces_or_dashes() -> None:
    first = Decision(spelling="Seed Round", stage=Stage.SEED, where="file:3")
    for other in ("seed round", " Seed\tRound ", "SEED\u00a0ROUND"):
        with pytest.raises(DecisionsError, match=r'^file:9: .* is series-a, but "Seed Round" \(file:3\).* is seed'):
            Decisions(entries=(first, Decision(spelling=other, stage=Stage.SERIES_A, where="file:9")))
        Decisions(
            entries=(
                first,
                Decision(spelling=other, stage=Stage.SEED),
                Decision(spelling="Seed-Round", stage=Stage.SERIES_A),
            )
        )
    Decisions(entries=(first, Decision(spelling="seed round")))


def test_a_decision_that_could_never_apply_is_refused() -> None:
    Decision(spelling="x" * 1_000, stage=Stage.SEED)
    Decision(spelling="x" * 1_001)
    with pytest.raises(DecisionsError, match="longer than 1,000 characters"):
        Decision(spelling="x" * 1_001, stage=Stage.SEED)


def test_a_long_text_is_not_compared_with_others_which_could_take_hours() -> None:
    marks = "\u0301\u0327" * 499
    Decisions(
        entries=(Decision(spelling=marks, stage=Stage.SEED), Decision(spelling=marks + " ", stage=Stage.SERIES_A))
    )
