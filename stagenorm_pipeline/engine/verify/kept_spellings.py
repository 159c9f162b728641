"""List the spellings that a decision keeps as they are."""

from stagenorm_pipeline.engine.inventory.inventory import UNKNOWN_SHOWN, TargetInventory
from stagenorm_pipeline.engine.verify.result import LeftAsIs
from stagenorm_pipeline.vocabulary import MeaningKind, Vocabulary


def kept_spellings(
    inventories: tuple[TargetInventory, ...], vocabulary: Vocabulary
) -> tuple[tuple[LeftAsIs, ...], int]:
    """Return the kept spellings with the most rows, and the number of different ones in all targets."""
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
