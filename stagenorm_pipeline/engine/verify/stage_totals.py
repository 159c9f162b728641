"""What a report tells beside the verdicts: spellings that a person decided to leave, and rows by stage."""

from stagenorm_pipeline.engine.inventory.inventory import UNKNOWN_SHOWN, TargetInventory
from stagenorm_pipeline.engine.verify.facts import TargetFacts
from stagenorm_pipeline.engine.verify.result import LeftAsIs, StageRows
from stagenorm_pipeline.vocabulary import CANONICAL_STAGES, MeaningKind, Vocabulary


def left_as_is(inventories: tuple[TargetInventory, ...], vocabulary: Vocabulary) -> tuple[tuple[LeftAsIs, ...], int]:
    """Spellings that stay by decision, most rows first, with how many there are in all targets, each once."""
    found = [s for inventory in inventories for s in inventory.spellings if s.kind is MeaningKind.KEPT]
    shown = sorted(found, key=lambda s: (-s.rows, s.spelling))[:UNKNOWN_SHOWN]
    return (
        tuple(
            LeftAsIs(
                target=s.target,
                spelling=s.spelling,
                rows=s.rows,
                funds=s.funds,
                reason=vocabulary.meaning_of(s.spelling).reason,
            )
            for s in shown
        ),
        len({s.spelling for s in found}),
    )


def rows_by_stage(targets: tuple[TargetFacts, ...]) -> tuple[StageRows, ...]:
    """Rows of each target by canonical stage, `other` and `NULL`, before and now."""
    rows = []
    for facts in targets:
        now = {s.spelling: s.rows for s in facts.inventory.spellings if s.kind is MeaningKind.CANONICAL}
        counts = facts.inventory.counts
        now["other"] = counts.rows_unknown + counts.rows_to_change + counts.rows_left_as_is
        now["NULL"] = counts.rows_null
        before = facts.baseline.stages if facts.baseline and facts.coverage.all_funds else None
        for stage in (*map(str, CANONICAL_STAGES), "other", "NULL"):
            was = None if before is None else before.get(stage, 0)
            rows.append(StageRows(target=facts.name, stage=stage, before=was, after=now.get(stage, 0)))
    return tuple(rows)
