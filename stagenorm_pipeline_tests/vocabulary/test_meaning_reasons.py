"""Test which alias or decision gives a spelling its meaning, today and under a recorded vocabulary."""

from datetime import date

from stagenorm_pipeline.vocabulary import (
    ByAlias,
    ByDecision,
    Decision,
    Decisions,
    IsCanonical,
    IsUnknown,
    Stage,
    Vocabulary,
    reason_then,
    reason_today,
)
from stagenorm_pipeline.vocabulary.aliases import built_in_aliases

_ANGEL = Decision(spelling="Angel", stage=Stage.SEED, decided_by="ana", decided_on=date(2026, 11, 20))
_DEBT = Decision(spelling="Debt", is_kept=True, reason="no round")
_FILE = Decisions(entries=(_ANGEL, _DEBT))


def test_reason_today_names_alias_or_decision() -> None:
    assert reason_today("seed", _FILE) == IsCanonical(stage=Stage.SEED)
    assert reason_today("Series  B", _FILE) == ByAlias(alias="series b", stage="series-b")
    # Found by the second look-up, which folds dashes.
    assert reason_today("Series\u2011B", _FILE) == ByAlias(alias="series-b", stage="series-b")
    assert reason_today("Angel", _FILE) == ByDecision(choice="seed", decision=_ANGEL)
    assert reason_today("Debt", _FILE) == ByDecision(choice="leave-as-is", decision=_DEBT)
    assert reason_today("angel", _FILE) == IsUnknown()
    assert reason_today("x" * 5_000, _FILE) == IsUnknown()


def test_reason_then_says_what_the_file_says_today() -> None:
    content = Vocabulary.with_decisions(_FILE).content
    changed = Decision(spelling="Angel", stage=Stage.PRE_SEED)
    assert reason_then("Angel", content, _FILE) == ByDecision(choice="seed", decision=_ANGEL)
    assert reason_then("Angel", content, Decisions()) == ByDecision(choice="seed", decision=None)
    assert reason_then("Angel", content, Decisions(entries=(changed,))) == ByDecision(
        choice="seed", decision=None, instead=changed
    )
    assert reason_then("growth", content, _FILE) == IsUnknown()


def test_every_alias_is_its_own_reason() -> None:
    content = Vocabulary.built_in().content
    for alias, stage in built_in_aliases().stages.items():
        assert reason_then(alias.upper(), content, _FILE) == ByAlias(alias=alias, stage=stage), alias
