"""The demo's rows: they show every case, and never replace existing rows."""

import csv
from importlib import resources

import psycopg

from stagenorm_pipeline.local.demo_data import add_late_rows, create_demo_tables, fill_demo_data
from stagenorm_pipeline.vocabulary import Vocabulary
from stagenorm_pipeline.vocabulary.vocabulary import MeaningKind

FINGERPRINT = """
    SELECT (SELECT md5(string_agg(c::text, chr(10) ORDER BY id)) FROM portfoliocompanies c),
           (SELECT md5(string_agg(d::text, chr(10) ORDER BY id)) FROM deal_opportunities d)
"""


def rows(url: str, question: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(question.encode()).fetchall()


def listed_spellings() -> set[str]:
    text = resources.files("stagenorm_pipeline.local").joinpath("demo_spellings.csv").read_text(encoding="utf-8")
    return {entry["spelling"] for entry in csv.DictReader(text.splitlines())}


def test_same_seed_gives_the_same_rows(database_url: str) -> None:
    fingerprints = []
    for seed in (7, 7, 8):
        create_demo_tables(database_url)
        fill_demo_data(database_url, rows=300, seed=seed)
        fingerprints += rows(database_url, FINGERPRINT)
        with psycopg.connect(database_url) as connection:
            connection.execute("DROP TABLE portfoliocompanies, deal_opportunities")
    assert fingerprints[0] == fingerprints[1] != fingerprints[2]


def test_demo_has_every_kind_of_row(database_url: str) -> None:
    create_demo_tables(database_url)
    assert fill_demo_data(database_url, rows=6_000, funds=12) == 6_000
    by_table = "SELECT count(*), count(DISTINCT fund_id), count(*) FILTER (WHERE fund_id IS NULL) > 0, {} FROM {}"
    no_stage = "count(*) FILTER (WHERE stage IS NULL) > 0"
    assert rows(database_url, by_table.format(no_stage, "portfoliocompanies")) == [(4_000, 12, True, False)]
    assert rows(database_url, by_table.format(no_stage, "deal_opportunities")) == [(2_000, 12, True, True)]

    vocabulary, listed = Vocabulary.built_in(), listed_spellings()
    counts = dict.fromkeys(MeaningKind, 0)
    for spelling, count in rows(database_url, "SELECT stage, count(*)::int FROM portfoliocompanies GROUP BY stage"):
        assert isinstance(spelling, str)
        assert isinstance(count, int)
        kind = vocabulary.meaning_of(spelling).kind
        assert kind is not MeaningKind.UNKNOWN or spelling in listed, f"{spelling!r} was to be a known spelling"
        counts[kind] += count
    assert counts[MeaningKind.MESSY] > 4_000 * 0.45
    assert counts[MeaningKind.CANONICAL] > 4_000 * 0.15
    assert counts[MeaningKind.UNKNOWN] > 4_000 * 0.15


def test_existing_rows_are_kept_and_none_added(database_url: str) -> None:
    create_demo_tables(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO deal_opportunities (company_name, stage) VALUES ('Mine', 'my own')")
    create_demo_tables(database_url)
    assert fill_demo_data(database_url, rows=300) == 0
    assert rows(database_url, "SELECT company_name, stage FROM deal_opportunities") == [("Mine", "my own")]
    assert rows(database_url, "SELECT count(*) FROM portfoliocompanies") == [(0,)]


def test_real_spellings_contain_no_address_or_amount() -> None:
    assert len(listed_spellings()) == 98
    assert not [text for text in listed_spellings() if "://" in text or text.startswith("$")]


def test_late_rows_are_two_funds_of_known_spellings(database_url: str) -> None:
    create_demo_tables(database_url)

    assert add_late_rows(database_url) == 200

    found = rows(database_url, "SELECT fund_id, count(*)::int FROM portfoliocompanies GROUP BY fund_id ORDER BY 1")
    assert found == [(11, 120), (12, 80)]
    vocabulary = Vocabulary.built_in()
    for (spelling,) in rows(database_url, "SELECT DISTINCT stage FROM portfoliocompanies"):
        assert vocabulary.meaning_of(str(spelling)).kind is MeaningKind.MESSY
