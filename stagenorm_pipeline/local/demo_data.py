"""Create the demo's two tables and fill them with 60,000 rows that look like years of free-text entry.

`demo_spellings.csv` has what people really type: the spellings of stages and their counts in five public lists of
funding rounds, without addresses and amounts of money. As in real columns, no alias knows most of them.
"""

import csv
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib import resources

import psycopg

from stagenorm_pipeline.vocabulary import CANONICAL_STAGES
from stagenorm_pipeline.vocabulary.aliases import built_in_aliases

_CANONICAL_SHARE = 0.2
_ALIAS_SHARE = 0.5  # the rest is drawn from the real spellings
_NULL_STAGE_SHARE = 0.03  # of the deals; a portfolio company always has a stage
_NO_FUND_SHARE = 0.03
_ALIAS_SPELLINGS = 150  # few enough that a person can read the inventory
_SPACES = (" ", "  ", "\t", "\N{NO-BREAK SPACE}", " \t")
_DASHES = ("-", "\N{EN DASH}", "\N{EM DASH}", "\N{NON-BREAKING HYPHEN}", "\N{MINUS SIGN}")
_CASES: tuple[Callable[[str], str], ...] = (str.lower, str.upper, str.title, str.capitalize)
_FIRST_WORDS = ("Amber", "Birch", "Cedar", "Delta", "Ember", "Fjord", "Garnet", "Harbor", "Indigo", "Juniper")
_SECOND_WORDS = ("Analytics", "Bio", "Dynamics", "Energy", "Foods", "Grid", "Health", "Logistics", "Robotics")
_SECTORS = ("fintech", "health", "climate", "saas", "consumer", None)
_OLDEST = datetime(2019, 1, 1, tzinfo=UTC)

_EMPTY = "SELECT NOT EXISTS (TABLE portfoliocompanies) AND NOT EXISTS (TABLE deal_opportunities)"
_LOCK = "LOCK TABLE portfoliocompanies, deal_opportunities IN SHARE ROW EXCLUSIVE MODE"
_COMPANIES = "portfoliocompanies (fund_id, name, sector, stage, invested_amount, created_at, updated_at)"
_DEALS = "deal_opportunities (fund_id, company_name, stage, requested_amount, created_at, updated_at)"


def create_demo_tables(url: str) -> None:
    """Create the two tables, empty, if they are missing."""
    statements = resources.files(__package__).joinpath("demo_tables.sql").read_bytes()
    with psycopg.connect(url) as connection:
        connection.execute(statements)


def fill_demo_data(url: str, rows: int = 60_000, funds: int = 12, seed: int = 20251030) -> int:
    """Fill the tables in one transaction, two thirds and one third. The same arguments give the same rows.

    Does nothing unless both tables are empty. Returns the number of rows written.
    """
    rows_of_demo = _DemoRows(funds, seed)
    companies = rows * 2 // 3
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(_LOCK)  # a second demo at the same time waits here, and then finds the first one's rows
        if cursor.execute(_EMPTY).fetchone() != (True,):
            return 0
        for table, records in (
            (_COMPANIES, rows_of_demo.companies(companies)),
            (_DEALS, rows_of_demo.deals(rows - companies)),
        ):
            with cursor.copy(f"COPY {table} FROM STDIN".encode()) as copy:
                for record in records:
                    copy.write_row(record)
        cursor.execute("ANALYZE portfoliocompanies, deal_opportunities")
    return rows


def add_late_rows(url: str) -> int:
    """Add the rows of a later import into two funds, with known spellings that are not canonical. Returns how many."""
    statement = resources.files(__package__).joinpath("demo_late_rows.sql").read_bytes()
    with psycopg.connect(url) as connection:
        return connection.execute(statement).rowcount


class _DemoRows:
    """Makes random rows. All calls share one random generator, so their order matters."""

    def __init__(self, funds: int, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - no secret: the same rows each time
        self._funds = range(1, funds + 1)
        self._fund_sizes = [1 / number for number in self._funds]  # one big fund, many small ones
        self._real, self._real_counts = _real_spellings()
        aliases = sorted(built_in_aliases().stages)
        self._odd_aliases = [self._odd(self._chance.choice(aliases)) for _ in range(_ALIAS_SPELLINGS)]

    def companies(self, count: int) -> Iterator[tuple[object, ...]]:
        for _ in range(count):
            yield (self._fund(), self._name(), self._chance.choice(_SECTORS), self._stage(), *self._amount_and_times())

    def deals(self, count: int) -> Iterator[tuple[object, ...]]:
        for _ in range(count):
            stage = None if self._chance.random() < _NULL_STAGE_SHARE else self._stage()
            yield (self._fund(), self._name(), stage, *self._amount_and_times())

    def _fund(self) -> int | None:
        if self._chance.random() < _NO_FUND_SHARE:
            return None
        return self._chance.choices(self._funds, self._fund_sizes)[0]

    def _name(self) -> str:
        number = self._chance.randrange(1, 1000)
        return f"{self._chance.choice(_FIRST_WORDS)} {self._chance.choice(_SECOND_WORDS)} {number}"

    def _amount_and_times(self) -> tuple[int, datetime, datetime]:
        created = _OLDEST + timedelta(minutes=self._chance.randrange(3_000_000))
        updated = created + timedelta(minutes=self._chance.randrange(500_000))
        return self._chance.randrange(50_000, 20_000_000, 5_000), created, updated

    def _stage(self) -> str:
        kind = self._chance.random()
        if kind < _CANONICAL_SHARE:
            return self._chance.choice(CANONICAL_STAGES)
        if kind < _CANONICAL_SHARE + _ALIAS_SHARE:
            return self._chance.choice(self._odd_aliases)
        return self._chance.choices(self._real, self._real_counts)[0]

    def _odd(self, alias: str) -> str:
        """Return the alias with the case, spaces and dashes of hurried typing or a pasted cell. Its meaning stays."""
        chance = self._chance
        text = chance.choice(_CASES)(alias)
        text = text.replace(" ", chance.choice(_SPACES)).replace("-", chance.choice(_DASHES))
        if alias.isascii() and chance.random() < 0.2:  # in the other aliases the Cyrillic letter is part of the meaning
            text = self._with_a_look_alike(text)
        if chance.random() < 0.2:
            text = f"{chance.choice(_SPACES)}{text}{chance.choice(_SPACES)}"
        return text

    def _with_a_look_alike(self, text: str) -> str:
        folding = built_in_aliases().folding.items()
        look_alikes = sorted((latin, chr(code)) for code, latin in folding if latin.isalpha() and latin in text)
        latin, other = self._chance.choice(look_alikes) if look_alikes else ("", "")
        return text.replace(latin, other, 1)


def _real_spellings() -> tuple[list[str], list[int]]:
    """Read the spellings of the list and the weight of each."""
    text = resources.files(__package__).joinpath("demo_spellings.csv").read_text(encoding="utf-8")
    entries = list(csv.DictReader(text.splitlines()))
    return [entry["spelling"] for entry in entries], [int(entry["weight"]) for entry in entries]
