"""The table of spellings by fund on the page of `stage_inventory`."""

from collections.abc import Iterable, Sequence
from heapq import nlargest
from itertools import groupby
from typing import TYPE_CHECKING

from stagenorm_pipeline.engine.inventory.spellings import SpellingRows
from stagenorm_pipeline.engine.targets.funds import fund_key
from stagenorm_pipeline.report.escape import for_markdown
from stagenorm_pipeline.vocabulary import MeaningKind

if TYPE_CHECKING:
    import pandas as pd

_SPELLINGS = 20
_FUNDS = 12


class SpellingsByFund:
    """Count rows by spelling and fund, without the canonical ones. Keeps the most frequent spellings of each target."""

    def __init__(self) -> None:
        self._spellings: list[tuple[str, tuple[SpellingRows, ...]]] = []
        self._found = 0

    def add(self, target: str, found: Iterable[SpellingRows]) -> None:
        """Read the whole stream of a target. It must be ordered by spelling."""
        kept = nlargest(_SPELLINGS, self._not_canonical(found), key=_rows)
        self._spellings += [(target, spelling) for spelling in kept]

    def _not_canonical(self, found: Iterable[SpellingRows]) -> Iterable[tuple[SpellingRows, ...]]:
        for _, group in groupby(found, key=lambda entry: entry.sha256):
            spelling = tuple(group)
            if spelling[0].kind != MeaningKind.CANONICAL:
                self._found += 1
                yield spelling

    def markdown(self) -> str:
        """Return the table as Markdown, most rows first. Funds beyond the limit are added up, spellings counted."""
        if not self._spellings:
            return "Every stage is canonical."
        # Imported here: loading pandas takes 1.4 s, and only this page needs it.
        import pandas as pd

        cells = pd.DataFrame(
            [
                {"spelling": number, "fund": fund_key(entry.fund_id), "rows": entry.rows}
                for number, (_, spelling) in enumerate(self._spellings)
                for entry in spelling
            ]
        )
        table = cells.pivot_table(index="spelling", columns="fund", values="rows", aggfunc="sum", fill_value=0)
        order = table.sum(axis="index").sort_values(ascending=False, kind="stable").index
        table = table[order]
        if len(order) > _FUNDS:
            shown = table[order[:_FUNDS]].copy()
            shown["other funds"] = table[order[_FUNDS:]].sum(axis="columns")
            table = shown
        table.insert(0, "all funds", table.sum(axis="columns"))
        return self._lines(table.sort_values("all funds", ascending=False, kind="stable").head(_SPELLINGS))

    def _lines(self, table: "pd.DataFrame") -> str:
        funds = [name if " " in name else for_markdown(name) for name in table.columns]
        lines = [_line(["Spelling", "Means", "Target", *funds]), _line(["---"] * 3 + ["---:"] * len(funds))]
        for number, counts in zip(table.index, table.itertuples(index=False), strict=True):
            target, spelling = self._spellings[number]
            first = spelling[0]
            meaning = first.meaning.stage if first.meaning and first.meaning.stage else first.kind.replace("_", " ")
            shown = "NULL" if first.spelling is None else for_markdown(first.spelling, quote=True)
            numbers = [f"{int(count):,}" for count in counts]
            lines.append(_line([shown, str(meaning), for_markdown(target), *numbers]))
        left_out = self._found - len(table)
        return "\n".join(lines) + (f"\n\n… and {left_out:,} more spellings with fewer rows" if left_out else "")


def _rows(spelling: Sequence[SpellingRows]) -> int:
    return sum(entry.rows for entry in spelling)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
