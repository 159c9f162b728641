"""The cross table of spellings and funds."""

from stagenorm_pipeline.defs.metadata.spellings_by_fund import SpellingsByFund
from stagenorm_pipeline.engine.inventory.spellings import SpellingRows
from stagenorm_pipeline.vocabulary import Vocabulary

_VOCABULARY = Vocabulary.built_in()


def _rows(spelling: str | None, **funds: int) -> list[SpellingRows]:
    digest = None if spelling is None else spelling.encode()
    meaning = None if spelling is None else _VOCABULARY.meaning_of(spelling)
    return [
        SpellingRows(fund_id=fund, spelling=spelling, is_cut=False, sha256=digest, rows=rows, meaning=meaning)
        for fund, rows in funds.items()
    ]


def _table(*spellings: list[SpellingRows]) -> list[list[str]]:
    table = SpellingsByFund()
    table.add("t", [entry for rows in spellings for entry in rows])
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.markdown().splitlines()]


def test_table_lists_most_frequent_spellings_and_funds_first() -> None:
    heading, _, *lines = _table(_rows("Seed", a=1, b=2), _rows("growth", b=40))

    assert heading == ["Spelling", "Means", "Target", "all funds", "`fund-b`", "`fund-a`"]
    assert lines == [['`"growth"`', "unknown", "`t`", "40", "40", "0"], ['`"Seed"`', "seed", "`t`", "3", "2", "1"]]


def test_table_counts_nulls_without_canonical_stages() -> None:
    _, _, *lines = _table(_rows("seed", a=5), _rows(None, a=3))

    assert lines == [["NULL", "null", "`t`", "3", "3"]]


def test_canonical_data_gives_a_sentence() -> None:
    assert _table(_rows("seed", a=5)) == [["Every stage is canonical."]]


def test_funds_beyond_limit_are_summed() -> None:
    heading, _, line = _table(_rows("Seed", **{f"f{number}": number for number in range(1, 31)}))

    assert heading[-1] == "other funds"
    assert len(heading) == 4 + 12 + 1
    assert sum(map(int, line[4:])) == int(line[3]) == sum(range(1, 31))


def test_spellings_beyond_limit_are_counted() -> None:
    _, _, *lines = _table(*(_rows(f"x{number:03}", a=number) for number in range(1, 101)))

    assert [line[0] for line in lines[:2]] == ['`"x100"`', '`"x099"`']
    assert lines[-1] == ["… and 80 more spellings with fewer rows"]
