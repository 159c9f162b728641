"""Count the rows of each target by stage, before and now."""

from stagenorm_pipeline.engine.verify.result import StageRows
from stagenorm_pipeline.engine.verify.target_facts import TargetFacts
from stagenorm_pipeline.vocabulary import MeaningKind, Stage


def rows_by_stage(targets: tuple[TargetFacts, ...], canonical: tuple[Stage, ...]) -> tuple[StageRows, ...]:
    """Count rows by canonical stage, `other` and `NULL`. Before is None where the baseline covers only some funds."""
    rows = []
    for facts in targets:
        now = {s.spelling: s.rows for s in facts.inventory.spellings if s.kind is MeaningKind.CANONICAL}
        counts = facts.inventory.counts
        now["other"] = counts.rows_unknown + counts.rows_to_change + counts.rows_left_as_is
        now["NULL"] = counts.rows_null
        before = facts.baseline.stages if facts.baseline and facts.coverage.all_funds else None
        for stage in (*map(str, canonical), "other", "NULL"):
            was = None if before is None else before.get(stage, 0)
            rows.append(StageRows(target=facts.name, stage=stage, before=was, after=now.get(stage, 0)))
    return tuple(rows)
