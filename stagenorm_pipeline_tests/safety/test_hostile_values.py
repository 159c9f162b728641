"""Hostile spellings and fund ids go through plan, apply, verify and rollback.

The engine's tests cover hostile keys, names, column types and collations.
"""

import uuid
from functools import partial

import pytest

from stagenorm_pipeline.engine.plan.request import DEFAULT_BATCH_SIZE
from stagenorm_pipeline.engine.targets.funds import FundScope, fund_id_of, fund_key
from stagenorm_pipeline.engine.verify.result import Rule, Verdict
from stagenorm_pipeline.vocabulary import Decision, Decisions, Stage, Vocabulary
from stagenorm_pipeline.vocabulary.normalize import WHITE_SPACE
from stagenorm_pipeline_tests.support import engine_calls as work
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application
from stagenorm_pipeline_tests.support.blocked_program import BlockedProgram

DASHES = "\u058a\u05be\u1400\u1806\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2e17\u2e1a\u2e3a\u2e3b\u2e40\u301c\u3030"
HOSTILE = (
    "'; DROP TABLE portfoliocompanies; --",
    "' OR '1'='1",
    '"; DELETE FROM stage_normalization_log; --',
    "$$; SELECT pg_sleep(10); $$",
    "E'\\\\x27'",
    "\\",
    "\\'; --",
    "\\x00\\n\\t",
    "%",
    "%s %(stage)s %% %b",
    "{} {0} {stage} {{ stage }}",
    "{seed,series-a}",
    "NULL",
    "",
    " ",
    "\t\r\n\v\f",
    "<script>alert(1)</script>",
    "| a | b |\n|---|---|",
    "[x](javascript:alert(1))",
    "\x1b[2J\x1b]0;title\x07",
    "\u202eseed\u202c",
    "\u200fseed\u200e",
    "se\u200bed\ufeff",
    "seed\u0301",
    "e\u0301" * 400,
    "\U0001f600\U0001f468\u200d\U0001f469",
    "\ufffd\uffff",
    "x" * 1000,
)


def decided(spellings: tuple[str, ...]) -> Vocabulary:
    return Vocabulary.with_decisions(
        Decisions(entries=tuple(Decision(spelling=spelling, stage=Stage.SEED) for spelling in spellings))
    )


def test_decided_hostile_spellings_are_restored_byte_for_byte(application: Application) -> None:
    ids = application.add(COMPANIES, [(n % 3, spelling) for n, spelling in enumerate(HOSTILE)])
    stored = dict(zip(ids, HOSTILE, strict=True))
    vocabulary = decided(HOSTILE)
    plan = application.run(vocabulary=vocabulary, batch_size=7)
    assert plan.plan_id is not None
    assert set(application.stages(COMPANIES).values()) == {"seed"}
    assert dict(application.sql("SELECT row_id::int, stage_before FROM stage_normalization_log")) == stored
    assert application.verify(vocabulary=vocabulary).verdict is Verdict.PASSED
    assert work.roll_back(application.database, plan.plan_id).result.rows.rows_updated == len(HOSTILE)
    assert application.stages(COMPANIES) == stored


def test_undecided_hostile_spellings_are_reported_and_unchanged(application: Application) -> None:
    application.add(COMPANIES, [(1, spelling) for spelling in HOSTILE])
    application.add(DEALS, [(1, "Seed")])
    before = application.stages(COMPANIES)
    application.run()
    assert application.stages(COMPANIES) == before
    result = application.verify()
    assert {total.spelling for total in result.unknown} == set(HOSTILE)
    assert {finding.stage_now for finding in result.check(Rule.CANONICAL_STAGES).findings} >= {HOSTILE[0]}


def test_every_unicode_dash_and_space_is_normalized_and_logged_as_stored(application: Application) -> None:
    spellings = [f"Series{sign}A" for sign in DASHES + WHITE_SPACE]
    ids = application.add(COMPANIES, [(None, spelling) for spelling in spellings])
    application.run()
    assert set(application.stages(COMPANIES).values()) == {"series-a"}
    logged = dict(application.sql("SELECT row_id::int, stage_before FROM stage_normalization_log"))
    assert logged == dict(zip(ids, spellings, strict=True))


def test_stage_of_a_million_characters_is_unknown_and_unchanged(application: Application) -> None:
    million = 1_000_000
    application.sql(
        "INSERT INTO portfoliocompanies (fund_id, stage) VALUES (1, 'Seed'), (1, 'Seed' || repeat(' ', %s)), "
        "(1, 'series' || repeat(chr(8195), %s) || 'a'), (1, repeat('<b>', %s)), (1, repeat('<b>', %s) || 'x')",
        *(million, million, million // 3, million // 3),
    )
    plan = application.run()
    assert (plan.counts.rows_to_change, plan.counts.rows_unknown) == (1, 4)
    lengths = "SELECT char_length(stage) FROM portfoliocompanies ORDER BY id"
    assert application.column(lengths) == [4, million + 4, million + 7, 999_999, 1_000_000]
    result = application.verify()
    assert result.check(Rule.CANONICAL_STAGES).figures["unknown_spellings"] == 4
    shown = [finding.stage_now or "" for check in result.checks for finding in check.findings]
    assert max(len(text) for text in shown) <= 1001


def add_distinct_spellings(application: Application, unknown: int, known: int) -> None:
    """Rows of as many spellings: numbered unknown ones, and `Series A` with white space in ever new combinations."""
    application.sql(
        "INSERT INTO deal_opportunities (fund_id, stage) SELECT n %% 7, 'Round ' || n FROM generate_series(1, %s) n",
        unknown,
    )
    application.sql(
        "INSERT INTO portfoliocompanies (fund_id, stage) SELECT n %% 7, 'Series' || string_agg(substr(%s, "
        "(n / (25 ^ place)::int %% 25) + 1, 1), '' ORDER BY place) || 'A' FROM generate_series(1, %s) n, "
        "generate_series(0, 4) place GROUP BY n",
        *(WHITE_SPACE, known),
    )
    assert application.value("SELECT count(DISTINCT stage) FROM portfoliocompanies") == known


def test_ten_thousand_spellings_are_counted_exactly_and_normalized(application: Application) -> None:
    add_distinct_spellings(application, unknown=8_000, known=2_000)
    plan = application.run()
    assert (plan.counts.rows_to_change, plan.counts.rows_unknown) == (2_000, 8_000)
    assert set(application.stages(COMPANIES).values()) == {"series-a"}
    assert application.value("SELECT count(DISTINCT stage_before) FROM stage_normalization_log") == 2_000


@pytest.mark.soak
def test_million_spellings_take_bounded_memory(application: Application, capsys: pytest.CaptureFixture[str]) -> None:
    add_distinct_spellings(application, unknown=800_000, known=200_000)
    peaks = {}
    jobs: dict[str, work.Job] = {
        "nothing": work.connect,
        "plan": partial(work.plan, batch_size=DEFAULT_BATCH_SIZE),
        "apply": work.apply,
        "verify": work.verify_everything,
    }
    for name, job in jobs.items():
        with BlockedProgram(application.url, partial(work.measured, job), patience_s=600) as program:
            peaks[name] = program.outcome().value
    with capsys.disabled():
        print("\na million spellings, peak memory in MB: " + ", ".join(f"{k} {v}" for k, v in peaks.items()))  # noqa: T201
    assert set(application.stages(COMPANIES).values()) == {"series-a"}
    # 800,000 unknown spellings cost nothing; each of the 200,000 known ones stays in memory while planning.
    assert max(peaks["apply"], peaks["verify"]) - peaks["nothing"] < 150
    assert peaks["plan"] - peaks["nothing"] < 400


def many_funds(application: Application, funds: int) -> None:
    application.sql(
        "INSERT INTO portfoliocompanies (fund_id, stage) SELECT n, 'Seed' FROM generate_series(1, %s) n", funds
    )
    application.run()
    assert application.value("SELECT total_batches FROM stage_migration_progress") == funds
    assert application.value("SELECT count(*) FROM stage_migration_progress_by_fund") == funds
    result = application.verify()
    assert result.verdict is Verdict.PASSED
    assert len(result.funds) == funds


def test_each_of_many_funds_has_its_own_batch(application: Application) -> None:
    many_funds(application, 50)


@pytest.mark.soak
def test_each_of_ten_thousand_funds_has_its_own_batch(application: Application) -> None:
    many_funds(application, 10_000)


FUND_IDS = (
    "",
    " ",
    "1",
    "01",
    "no-fund",
    "fund-1",
    "NULL",
    "null",
    "a,b",
    "a/b?c=d&e#f",
    "..",
    "'; DROP TABLE deals; --",
    "%s %(fund_id)s",
    "{}",
    "\\",
    "<img src=x onerror=alert(1)>",
    "\u202e1",
    "\U0001f600",
    "x" * 300,
    None,
)


@pytest.fixture
def text_funds(application: Application) -> Application:
    """A row for each hostile fund id, NULL among them."""
    application.sql("ALTER TABLE portfoliocompanies ALTER fund_id TYPE text")
    funds = list(FUND_IDS)
    application.sql("INSERT INTO portfoliocompanies (fund_id, stage) SELECT f, 'Seed' FROM unnest(%s::text[]) f", funds)
    return application


def test_each_hostile_fund_id_is_its_own_fund(text_funds: Application) -> None:
    plan = text_funds.run()
    assert set(plan.funds_to_change) == set(FUND_IDS)
    assert plan.total_batches == len(FUND_IDS)
    assert set(text_funds.column("SELECT fund_id FROM stage_normalization_log")) == set(FUND_IDS)
    result = text_funds.verify()
    assert {fund.fund_id for fund in result.funds} == set(FUND_IDS)
    assert result.verdict is Verdict.PASSED


def test_fund_with_a_hostile_id_is_migrated_and_verified_alone(text_funds: Application) -> None:
    done: set[str | None] = set()
    for fund_id in FUND_IDS:
        scope = FundScope.one(fund_id)
        assert fund_id_of(fund_key(fund_id)) == fund_id
        plan = text_funds.plan(scope=scope)
        assert text_funds.apply(plan_id=plan.plan_id, scope=scope).rows.rows_updated == 1
        done.add(fund_id)
        assert set(text_funds.column("SELECT fund_id FROM portfoliocompanies WHERE stage = 'seed'")) == done
        assert text_funds.verify(scope=scope).verdict is Verdict.PASSED


def test_funds_may_be_uuids(application: Application) -> None:
    funds = [str(uuid.UUID(int=n)) for n in range(4)]
    application.sql("ALTER TABLE portfoliocompanies ALTER fund_id TYPE uuid USING NULL")
    application.sql(
        "INSERT INTO portfoliocompanies (fund_id, stage) SELECT f::uuid, 'Seed' FROM unnest(%s::text[]) f", funds
    )
    scope = FundScope.one(funds[2])
    application.run(scope=scope)
    assert application.column("SELECT fund_id::text FROM portfoliocompanies WHERE stage = 'seed'") == [funds[2]]
    application.run()
    assert application.verify().verdict is Verdict.PASSED
    assert sorted(application.column("SELECT fund_id FROM stage_normalization_log")) == funds
