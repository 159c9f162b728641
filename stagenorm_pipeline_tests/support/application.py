"""The user's application: its tables and rows, a user's connection, and our calls on it."""

from collections.abc import Callable, Iterable
from typing import Any

import psycopg

from stagenorm_pipeline.config.auto_batch_size import Pacing
from stagenorm_pipeline.config.configuration import DEFAULT_TARGETS, TargetSetting
from stagenorm_pipeline.config.throttle import ThrottleSettings
from stagenorm_pipeline.engine.apply.batch_transaction import Bounds
from stagenorm_pipeline.engine.apply.events import Event
from stagenorm_pipeline.engine.apply.runner import ApplyRequest, ApplyResult, apply_batches
from stagenorm_pipeline.engine.plan.plan import Plan, preview_plan, record_plan
from stagenorm_pipeline.engine.plan.request import PlanRequest
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import apply_migrations
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify.result import VerificationResult
from stagenorm_pipeline.engine.verify.verification import VerifyRequest, verify
from stagenorm_pipeline.vocabulary import Vocabulary

COMPANIES = "portfoliocompanies"
DEALS = "deal_opportunities"
VOCABULARY = Vocabulary.built_in()
EVERYTHING = FundScope()

# A fund's id (None: no fund) and a stage (None: NULL).
Row = tuple[int | None, str | None]

UserConnection = psycopg.Connection[tuple[Any, ...]]

# As the application has them; only deals may be without a stage. No index on fund_id: production has none either.
TABLES = """
CREATE TABLE portfoliocompanies (id serial PRIMARY KEY, fund_id integer, name text, stage text NOT NULL);
CREATE TABLE deal_opportunities (id serial PRIMARY KEY, fund_id integer, title text, stage text);
"""


def connect_user(url: str) -> UserConnection:
    """Connect as the user. No prepared statements: a session that is kept for the next test forgets them."""
    return psycopg.connect(url, autocommit=True, prepare_threshold=None)


def _ignore(event: Event) -> None:
    """Ignore the event."""


class Application:
    """A database with the application's tables and our migrations."""

    def __init__(self, url: str, *, database: Database | None = None, user: UserConnection | None = None) -> None:
        """Connect. `database` and `user`: open connections to `url`, ours and the user's."""
        self.url = url
        self.database = database or Database.at(url)
        # A connection of its own in autocommit: it reads what is committed, and its writes are committed at once.
        self.user = user or connect_user(url)

    def close(self) -> None:
        self.user.close()
        self.database.close()

    def set_up(self, tables: str = TABLES) -> None:
        """Create the user's tables and ours."""
        self.sql(tables)
        apply_migrations(self.database)

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run a statement as the user. Returns its rows."""
        cursor = self.user.execute(statement.encode(), values or None)
        return cursor.fetchall() if cursor.description else []

    def flush_counters(self) -> None:
        """Make PostgreSQL's statistics show what the user's session did."""
        if self.user.info.server_version >= 150_000:
            self.sql("SELECT pg_stat_force_next_flush()")
        else:
            # It hands its figures in after half a second, and what others read is up to half a second old.
            self.sql("SELECT pg_sleep(0.6)")
            self.sql("SELECT pg_sleep(0.6)")

    def value(self, statement: str, *values: object) -> Any:
        return self.sql(statement, *values)[0][0]

    def column(self, statement: str, *values: object) -> list[Any]:
        return [row[0] for row in self.sql(statement, *values)]

    def add(self, table: str, rows: Iterable[Row]) -> list[int]:
        """Insert rows. Returns their ids, in order."""
        listed = list(rows)
        return self.column(
            f"INSERT INTO {table} (fund_id, stage) SELECT * FROM unnest(%s::int[], %s::text[]) RETURNING id",
            [fund for fund, _ in listed],
            [stage for _, stage in listed],
        )

    def stages(self, table: str) -> dict[Any, str | None]:
        """The stage of each row by its id."""
        return dict(self.sql(f"SELECT id, stage::text FROM {table} ORDER BY id"))

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table with its ctid and xmin. Equal contents mean that nothing was written."""
        tables = self.column(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
        )
        return {t: self.sql(f'SELECT ctid::text, xmin::text, t::text FROM "{t}" AS t ORDER BY 1') for t in tables}

    def request(
        self,
        *,
        scope: FundScope = EVERYTHING,
        targets: tuple[TargetSetting, ...] = DEFAULT_TARGETS,
        batch_size: int = 5_000,
        vocabulary: Vocabulary = VOCABULARY,
    ) -> PlanRequest:
        return PlanRequest(vocabulary=vocabulary, targets=targets, scope=scope, batch_size=batch_size)

    def preview(self, **asked: Any) -> Plan:
        return preview_plan(self.database, self.request(**asked))

    def plan(self, *, as_draft: bool = False, **asked: Any) -> Plan:
        return record_plan(self.database, self.request(**asked), created_by="planner", as_draft=as_draft)

    def apply(
        self,
        *,
        plan_id: int | None = None,
        scope: FundScope = EVERYTHING,
        targets: tuple[TargetSetting, ...] | None = None,
        sleep_ms: int = 0,
        watch: Callable[[Event], None] = _ignore,
        should_stop: Callable[[], bool] = lambda: False,
        throttle: ThrottleSettings | None = None,
        pacing: Pacing | None = None,
        bounds: Bounds | None = None,
        parallel: int = 1,
    ) -> ApplyResult:
        request = ApplyRequest(
            worker="worker-1",
            run_by="operator@host",
            plan_id=plan_id,
            scope=scope,
            targets=targets,
            sleep_ms=sleep_ms,
            bounds=bounds or Bounds(),
            watch=watch,
            should_stop=should_stop,
            throttle=throttle,
            pacing=pacing,
            parallel=parallel,
        )
        return apply_batches(self.database, request)

    def run(self, **asked: Any) -> Plan:
        """Plan and apply."""
        plan = self.plan(**asked)
        self.apply(plan_id=plan.plan_id)
        return plan

    def verify(self, *, vocabulary: Vocabulary = VOCABULARY, **asked: Any) -> VerificationResult:
        return verify(self.database, VerifyRequest(vocabulary=vocabulary, created_by="reviewer", **asked))
