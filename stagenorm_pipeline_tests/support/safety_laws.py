"""The small portfolio that programs are killed over, and the laws that its data must keep after any number of kills."""

from collections import Counter
from dataclasses import dataclass

from stagenorm_pipeline.engine.receipts.check import read_receipt_mismatches
from stagenorm_pipeline.engine.receipts.plan_digest import read_plan_digests
from stagenorm_pipeline.engine.targets.target import resolve_targets
from stagenorm_pipeline.engine.verify.result import Verdict
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, EVERYTHING, Application

FUNDS = (1, 2, 3, 4, None)
_SPELLINGS = ("Seed", "series-a", "Series A", "seriesb", "SERIES  C+", "Pre Seed", "ser\u0456es_\u0441")

# Table -> key -> every column of the row as text, the stage apart.
Contents = dict[str, dict[str, tuple[str, str | None]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Undisturbed:
    """The tables before and after a migration that nothing interrupts."""

    before: Contents
    after: Contents

    def changes(self) -> Counter[tuple[str, str, str | None, str | None]]:
        """Count (table, key, stage before, stage after) of every row that the migration changes."""
        return Counter(
            (table, key, stage, self.after[table][key][1])
            for table, rows in self.before.items()
            for key, (_, stage) in rows.items()
            if stage != self.after[table][key][1]
        )


def fill(application: Application) -> None:
    """Insert a small portfolio: a few batches per fund in both tables, with canonical rows and NULLs among them."""
    companies = [(FUNDS[n % 5], _SPELLINGS[n % 7]) for n in range(160)]
    deals = [(FUNDS[n % 5], None if n % 11 == 0 else _SPELLINGS[n % 7]) for n in range(100)]
    application.add(COMPANIES, companies)
    application.add(DEALS, deals)


def contents(application: Application) -> Contents:
    return {
        table: {
            row_id: (rest, stage)
            for row_id, rest, stage in application.sql(
                f"SELECT t.id::text, (to_jsonb(t) - 'stage')::text, t.stage::text FROM {table} AS t"
            )
        }
        for table in (COMPANIES, DEALS)
    }


def broken_laws(application: Application, undisturbed: Undisturbed) -> list[str]:
    """List the laws that a finished migration broke. Empty if nothing was lost."""
    laws = {
        "the data are those of an undisturbed run": contents(application) == undisturbed.after,
        "each changed row has one audit row, and no other row has any": _audit(application) == undisturbed.changes(),
        **_tracking_laws(application, {"completed", "cancelled"}),
        "the verification passes": application.verify().verdict is Verdict.PASSED,
    }
    return [law for law, holds in laws.items() if not holds]


def broken_laws_of_rollback(application: Application, undisturbed: Undisturbed) -> list[str]:
    """List the laws that a complete rollback broke."""
    changes = undisturbed.changes()
    there_and_back = changes + Counter((table, key, after, before) for table, key, before, after in changes.elements())
    undone = (
        "SELECT DISTINCT status FROM stage_migration_plans JOIN stage_normalization_log USING (plan_id) "
        "WHERE action = 'normalize'"
    )
    laws = {
        "the data are those before the migration": contents(application) == undisturbed.before,
        "each row was logged once on its way there, and once on its way back": _audit(application) == there_and_back,
        **_tracking_laws(application, {"completed", "cancelled", "rolled_back"}),
        "what was undone says so": application.column(undone) == ["rolled_back"],
    }
    return [law for law, holds in laws.items() if not holds]


def _tracking_laws(application: Application, ends: set[str]) -> dict[str, bool]:
    wrong_counts = application.sql(
        "SELECT batch_id FROM stage_migration_batches b WHERE status <> ALL (%s) "
        "OR (status <> 'cancelled') <> coalesce(rows_updated + rows_skipped + rows_failed = rows_planned, false) "
        "OR coalesce(rows_updated, 0) "
        "<> (SELECT count(*) FROM stage_normalization_log l WHERE l.batch_id = b.batch_id)",
        list(ends),
    )
    with application.database.snapshot() as connection:
        targets = resolve_targets(connection, application.request().targets)
        receipts = read_receipt_mismatches(connection, targets, EVERYTHING)
        closed = read_plan_digests(connection, application.column("SELECT plan_id FROM stage_migration_plans"))
    # A batch that refuses and skips nothing goes through in one attempt, whatever was killed before.
    wrong_receipts = application.sql(
        "SELECT batch_id FROM stage_migration_batches b LEFT JOIN stage_migration_receipts r USING (batch_id) "
        "GROUP BY b.batch_id HAVING count(r) <> count(*) FILTER (WHERE b.rows_updated IS NOT NULL) "
        "OR count(r) > 1 OR sum(r.rows_updated) <> b.rows_updated"
    )
    statuses = application.column("SELECT status FROM stage_migration_plans ORDER BY plan_id")
    locks = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
    return {
        "the counts of every batch add up, to its audit rows too": not wrong_counts,
        "every attempt that committed has one receipt": not wrong_receipts,
        "every receipt matches its entries, and every entry has one": not receipts.mismatches_total
        and receipts.entries == application.value("SELECT count(*) FROM stage_normalization_log"),
        "every ended plan has a digest that is still true": all(
            digest.recorded and not digest.changed and not digest.altered_spellings for digest in closed
        ),
        "no batch skipped or failed a row": not application.value(
            "SELECT count(*) FROM stage_migration_batches WHERE rows_skipped + rows_failed > 0"
        ),
        "the last plan ended completed, and every earlier one ended": statuses[-1] == "completed"
        and set(statuses) <= ends,
        "nothing is quarantined": not application.value("SELECT count(*) FROM stage_migration_quarantine"),
        "no lock is left": not application.value(
            locks + "WHERE locktype = 'advisory' AND datname = current_database()"
        ),
    }


def _audit(application: Application) -> Counter[tuple[str, str, str | None, str | None]]:
    rows = application.sql("SELECT table_name, row_id, stage_before, stage_after FROM stage_normalization_log")
    return Counter(rows)
