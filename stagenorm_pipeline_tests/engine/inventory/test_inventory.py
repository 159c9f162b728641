"""The inventory: exact counts of every spelling by table and fund."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagenorm_pipeline.config.configuration import DEFAULT_TARGETS, TargetSetting
from stagenorm_pipeline.engine.inventory.inventory import (
    FUNDS_SHOWN,
    UNKNOWN_SHOWN,
    FundShare,
    Places,
    RowCounts,
    TargetInventory,
    read_inventory,
    undecided_spellings,
)
from stagenorm_pipeline.engine.targets.funds import FundScope, fund_order
from stagenorm_pipeline.engine.targets.target import resolve_targets
from stagenorm_pipeline.vocabulary import Decision, Decisions, MeaningKind, Stage, Vocabulary
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, VOCABULARY, Application, Row
from stagenorm_pipeline_tests.support.examples import on_database

SPELLINGS = [
    None,
    "seed",
    " seed",
    "Seed",
    "SEED\t",
    "series-a",
    "Series A",
    "growth",
    "",
    " ",
    "seriesc",
    "Seed Round",
]
HOSTILE = [
    "'; DROP TABLE portfoliocompanies; --",
    "%s %(stage)s {0} {stage}",
    "<script>alert(1)</script>",
    "\x1b[31mred",
    "a\nb\r\nc",
    "\u202eseed",
    "se\u200bed",
    "e\u0301" * 50,
    "\U0001f600",
    "\\x53\\n",
    "{seed,NULL}",
    "NULL",
]


def inventory_of(application: Application, scope: FundScope | None = None) -> dict[str, TargetInventory]:
    plan = application.preview(scope=scope or FundScope())
    return {inventory.target.table: inventory for inventory in plan.inventories}


def places_of(application: Application, table: str = COMPANIES) -> dict[str, Places]:
    """Read where each unknown spelling of the table is."""
    with application.database.snapshot() as connection:
        targets = resolve_targets(connection, (TargetSetting(table=table),))
        (found,) = read_inventory(connection, targets, FundScope(), VOCABULARY, with_places=True)
    return {total.spelling: places for total, places in found.unknown_places if places is not None}


def counted(rows: list[Row]) -> Counter[tuple[str, MeaningKind]]:
    """Count the rows by spelling in Python."""
    return Counter((s, VOCABULARY.meaning_of(s).kind) for _, s in rows if s is not None)


@on_database(10)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from([None, 1, 2, 10]),
            st.one_of(
                st.sampled_from(SPELLINGS),
                st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
            ),
        ),
        max_size=60,
    )
)
def test_counts_match_any_rows(application: Application, rows: list[Row]) -> None:
    application.sql(f"DELETE FROM {DEALS}")
    application.add(DEALS, rows)
    found = inventory_of(application)[DEALS]
    assert Counter({(s.spelling, s.kind): s.rows for s in found.spellings}) == counted(rows)
    assert found.counts.rows_seen == len(rows)
    assert found.counts.rows_null == sum(stage is None for _, stage in rows)
    kinds = Counter({"canonical": found.counts.rows_canonical, "messy": found.counts.rows_to_change})
    kinds.update({"unknown": found.counts.rows_unknown})
    assert +kinds == Counter(VOCABULARY.meaning_of(s).kind.value for _, s in rows if s is not None)
    assert {fund.fund_id: fund.counts.rows_seen for fund in found.funds} == Counter(
        None if fund is None else str(fund) for fund, _ in rows
    )
    assert sum((fund.counts for fund in found.funds), RowCounts()) == found.counts


def test_counts_match_plain_sql(application: Application) -> None:
    application.sql(
        f"INSERT INTO {DEALS} (fund_id, stage) SELECT nullif(i %% 7, 0), (%s::text[])[1 + i %% 12] "
        "FROM generate_series(1, 2000) i",
        SPELLINGS,
    )
    found = inventory_of(application)[DEALS]
    assert {(s.spelling, s.rows, s.funds) for s in found.spellings} == set(
        application.sql(
            f"SELECT stage, count(*), count(DISTINCT coalesce(fund_id, -1)) FROM {DEALS} "
            "WHERE stage IS NOT NULL GROUP BY 1"
        )
    )
    assert {(f.fund_id, f.counts.rows_seen, f.counts.rows_null) for f in found.funds} == set(
        application.sql(
            f"SELECT fund_id::text, count(*), count(*) FILTER (WHERE stage IS NULL) FROM {DEALS} GROUP BY 1"
        )
    )


def test_each_table_is_counted_separately(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (1, "seed")])
    application.add(DEALS, [(1, "Seed"), (2, None)])
    found = inventory_of(application)
    assert found[COMPANIES].counts == RowCounts(rows_seen=2, rows_canonical=1, rows_to_change=1)
    assert found[DEALS].counts == RowCounts(rows_seen=2, rows_null=1, rows_to_change=1)


@pytest.mark.parametrize(
    ("scope", "ids"), [(FundScope.one("1"), [1, 2]), (FundScope.one(None), [4]), (FundScope(), [1, 2, 3, 4])]
)
def test_scope_counts_only_its_rows(application: Application, scope: FundScope, ids: list[int]) -> None:
    application.add(COMPANIES, [(1, "Seed"), (1, "growth"), (2, "Seed"), (None, "Series A")])
    assert inventory_of(application, scope)[COMPANIES].counts.rows_seen == len(ids)


def test_canonical_stages_are_compared_by_bytes(application: Application) -> None:
    application.add(
        COMPANIES, [(1, s) for s in ["seed", " seed", "seed ", "Seed", "seed\n", "se\u0435d", "seed\u200b"]]
    )
    found = {s.spelling: (s.kind, s.stage) for s in inventory_of(application)[COMPANIES].spellings}
    messy = (MeaningKind.MESSY, Stage("seed"))
    assert found == {
        "seed": (MeaningKind.CANONICAL, Stage("seed")),
        " seed": messy,
        "seed ": messy,
        "Seed": messy,
        "seed\n": messy,
        "se\u0435d": messy,  # CYRILLIC SMALL LETTER IE
        "seed\u200b": (MeaningKind.UNKNOWN, None),
    }


def test_hostile_spellings_are_unknown_and_unchanged(application: Application) -> None:
    application.add(COMPANIES, [(1, spelling) for spelling in HOSTILE])
    found = inventory_of(application)[COMPANIES]
    assert {s.spelling for s in found.unknown} == set(HOSTILE)
    assert found.counts.rows_unknown == len(HOSTILE)
    application.run()
    assert set(application.stages(COMPANIES).values()) == set(HOSTILE)


def test_spelling_over_1000_characters_is_unknown(application: Application) -> None:
    longest, too_long = "seed" + " " * 996, "seed" + " " * 997
    application.add(COMPANIES, [(1, longest), (1, too_long)])
    found = inventory_of(application)[COMPANIES]
    assert [(s.spelling, s.stage) for s in found.changes] == [(longest, Stage("seed"))]
    assert [s.spelling for s in found.unknown] == [too_long[:1000] + "…"]


def test_long_spellings_with_the_same_beginning_are_counted_separately(application: Application) -> None:
    megabyte = "x" * 1_000_000
    application.add(COMPANIES, [(1, megabyte + "a"), (2, megabyte + "b"), (2, megabyte + "b")])
    found = inventory_of(application)[COMPANIES]
    assert sorted(s.rows for s in found.unknown) == [1, 2]
    assert found.unknown_spellings == 2
    application.plan()
    assert sorted(application.column("SELECT rows_counted FROM stage_migration_baseline")) == [1, 2]


def test_many_unknown_spellings_keep_exact_counts_and_a_capped_list(application: Application) -> None:
    # The 20 with most rows are spread over the whole order, so a cap that keeps the first ones would lose them.
    application.sql(
        f"INSERT INTO {COMPANIES} (fund_id, stage) SELECT 1 + mod(i, 3), 'unknown ' || i "
        "FROM generate_series(1, 20000) i, generate_series(1, CASE mod(i, 1000) WHEN 0 THEN 2 ELSE 1 END)"
    )
    found = inventory_of(application)[COMPANIES]
    assert (found.unknown_spellings, found.counts.rows_unknown) == (20_000, 20_020)
    assert len(found.unknown) == UNKNOWN_SHOWN == 1_000
    assert {s.spelling for s in found.unknown[:20]} == {f"unknown {i}" for i in range(1000, 20_001, 1000)}
    assert {s.rows for s in found.unknown[20:]} == {1}
    assert sum(fund.counts.rows_unknown for fund in found.funds) == 20_020


def test_unknown_spelling_has_key_range_and_largest_funds(
    application: Application,
) -> None:
    rows: list[Row] = [(9, "growth"), (10, "growth"), (None, "late"), (10, "growth"), (2, "Seed"), (None, "growth")]
    application.add(COMPANIES, rows * 2)
    assert places_of(application) == {
        "growth": Places(
            first_id="1",
            last_id="12",
            funds=(FundShare(fund_id="10", rows=4), FundShare(fund_id="9", rows=2), FundShare(fund_id=None, rows=2)),
        ),
        "late": Places(first_id="3", last_id="9", funds=(FundShare(fund_id=None, rows=2),)),
    }


@on_database(8)
@given(
    st.lists(st.tuples(st.sampled_from([None, *range(15)]), st.sampled_from(["growth", "late", "Seed"])), max_size=60)
)
def test_places_match_the_rows(application: Application, rows: list[Row]) -> None:
    application.sql(f"DELETE FROM {COMPANIES}")
    ids = application.add(COMPANIES, rows)
    found = places_of(application)
    for spelling in ("growth", "late"):
        held = [(key, fund) for key, (fund, stage) in zip(ids, rows, strict=True) if stage == spelling]
        if not held:
            assert spelling not in found
            continue
        places = found[spelling]
        assert (places.first_id, places.last_id) == (str(min(held)[0]), str(max(held)[0]))
        funds = Counter(None if fund is None else str(fund) for _, fund in held)
        largest = sorted(funds.items(), key=lambda item: (-item[1], fund_order(item[0])))[:FUNDS_SHOWN]
        assert [(share.fund_id, share.rows) for share in places.funds] == largest


@pytest.mark.parametrize(
    ("type_", "keys"),
    [
        ("smallint", ["-3", "2", "10"]),
        ("bigint", ["9", "10", "9223372036854775807"]),
        ("uuid", [f"0000000{n}-0000-0000-0000-00000000000{n}" for n in "19a"]),
        ("text", ["", "Z", "a", "\u00e9", "\U0001f600"]),
    ],
)
def test_keys_are_compared_by_their_type(application: Application, type_: str, keys: list[str]) -> None:
    application.sql(f"CREATE TABLE keyed (id {type_} PRIMARY KEY, fund_id integer, stage text)")
    for fund, key in enumerate(reversed(keys)):
        application.sql(f"INSERT INTO keyed VALUES (%s::{type_}, {fund}, 'growth')", key)
    places = places_of(application, "keyed")["growth"]
    assert (places.first_id, places.last_id) == (keys[0], keys[-1])


def test_planning_requests_no_places(application: Application) -> None:
    application.add(COMPANIES, [(1, "growth")])
    assert inventory_of(application)[COMPANIES].places == ()


def test_undecided_spellings_are_listed_once_with_places(application: Application) -> None:
    application.add(COMPANIES, [(1, "growth"), (2, "growth"), (2, "x" * 1_001)])
    application.add(DEALS, [(7, "growth"), (None, "late")])
    with application.database.snapshot() as connection:
        targets = resolve_targets(connection, DEFAULT_TARGETS)
        undecided = undecided_spellings(
            read_inventory(connection, targets, FundScope(), VOCABULARY, with_places=True, unknown_kept=10)
        )
    assert [(item.spelling, item.rows, item.where) for item in undecided] == [
        (
            "growth",
            3,
            "2 in public.portfoliocompanies.stage (2 funds, ids 1 to 2); "
            "1 in public.deal_opportunities.stage (fund-7, id 1)",
        ),
        ("late", 1, "1 in public.deal_opportunities.stage (no-fund, id 2)"),
    ]


def test_decided_spellings_are_known_or_kept(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed Round"), (1, "seed round"), (1, "growth"), (1, "late")])
    decisions = Decisions(
        entries=(
            Decision(spelling="Seed Round", stage=Stage("seed")),
            Decision(spelling="growth", is_kept=True, reason="no round at all"),
        )
    )
    plan = application.preview(vocabulary=Vocabulary.with_decisions(decisions))
    assert plan.counts == RowCounts(rows_seen=4, rows_to_change=1, rows_left_as_is=1, rows_unknown=2)


def test_funds_are_sorted_by_number_then_name() -> None:
    funds = [None, "b", "10", "9", "", "a", "007", "٣", "9" * 30]
    assert sorted(funds, key=fund_order) == ["007", "9", "10", "", "9" * 30, "a", "b", "٣", None]
