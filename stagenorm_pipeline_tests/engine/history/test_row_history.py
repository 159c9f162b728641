"""Explain one row: every change with its reason and proof, and what other sessions did."""

from datetime import date

import pytest

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.history.row_history import EntryKind, RowHistory, Since, read_row_history
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest, record_rollback
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify.recorded_verifications import record_verification
from stagenorm_pipeline.engine.verify.result import Verdict
from stagenorm_pipeline.engine.verify.sign_off import sign_off
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.vocabulary import ByAlias, ByDecision, Decision, Decisions, IsCanonical, Stage, Vocabulary
from stagenorm_pipeline_tests.support.application import COMPANIES, Application

_ANGEL = Decision(spelling="Angel", stage=Stage.PRE_SEED, decided_by="ana", decided_on=date(2026, 11, 20))
_FILE = Decisions(entries=(_ANGEL,))
_VOCABULARY = Vocabulary.with_decisions(_FILE)


def _explain(application: Application, row_id: object, database: Database | None = None) -> RowHistory:
    return read_row_history(
        database or application.database, TargetSetting(table=COMPANIES), str(row_id), decisions=_FILE
    )


def _verify(application: Application, scope: FundScope | None = None) -> int:
    result = application.verify(vocabulary=_VOCABULARY, scope=scope or FundScope())
    return record_verification(application.database, result, report="{}")


def test_history_tells_changes_with_reasons_and_proofs(application: Application) -> None:
    row, _ = application.add(COMPANIES, [(1, "Angel"), (2, "Seed")])
    application.run(vocabulary=_VOCABULARY)
    _verify(application, FundScope.one("2"))
    first = _verify(application)
    second = _verify(application, FundScope.one("1"))
    sign_off(application.database, second, "cleo")
    application.sql("UPDATE portfoliocompanies SET stage = 'Series  B' WHERE id = %s", row)
    application.run(vocabulary=_VOCABULARY)
    undone = record_rollback(application.database, RollbackRequest(plan_id=2), created_by="ben")
    application.apply(plan_id=undone)

    history = _explain(application, row)
    assert [(entry.before, entry.after, entry.kind) for entry in history.entries] == [
        ("Angel", "pre-seed", EntryKind.NORMALIZED),
        ("Series  B", "series-b", EntryKind.NORMALIZED),
        ("series-b", "Series  B", EntryKind.ROLLED_BACK),
    ]
    assert [entry.follows_other_write for entry in history.entries] == [False, True, False]
    assert [entry.reason for entry in history.entries] == [
        ByDecision(choice="pre-seed", decision=_ANGEL),
        ByAlias(alias="series b", stage="series-b"),
        None,
    ]
    angel, _, restored = history.entries
    assert (angel.plan_id, angel.batch_number, angel.by, angel.plan and angel.plan.planned_by) == (
        1, 1, "operator@host", "planner",
    )  # fmt: skip
    assert angel.checked is not None
    assert angel.signed is not None
    assert (angel.checked.verification_id, angel.checked.verdict) == (first, Verdict.PASSED)
    assert (angel.signed.verification_id, angel.signed.signed_by) == (second, "cleo")
    assert (restored.checked, restored.signed) == (None, None)
    assert history.now is not None
    assert (history.now.stage, history.now.fund_id, history.since) == ("Series  B", "1", Since.UNCHANGED)
    assert history.now.reason == ByAlias(alias="series b", stage="series-b")


def test_history_survives_deleted_plans_and_names_other_tools(application: Application) -> None:
    (row,) = application.add(COMPANIES, [(1, "Angel")])
    application.run(vocabulary=_VOCABULARY)
    application.sql("DELETE FROM stage_migration_plans")
    application.sql("DELETE FROM stage_migration_vocabularies")
    application.sql(
        "INSERT INTO stage_normalization_log (schema_name, table_name, column_name, row_id, stage_before, stage_after, "
        "action, run_by) VALUES ('public', 'portfoliocompanies', 'stage', %s, 'pre-seed', 'odd', 'force_through', 'x')",
        str(row),
    )
    first, other = _explain(application, row).entries
    assert (first.plan, first.batch_number, first.reason, first.kind) == (None, None, None, EntryKind.NORMALIZED)
    assert (other.kind, other.by, other.plan_id) == (EntryKind.OTHER_TOOL, "x", None)


def test_history_tells_what_other_sessions_did_since(application: Application) -> None:
    ids = application.add(COMPANIES, [(1, "Seed")] * 5 + [(1, "seed")])
    application.sql("ALTER TABLE portfoliocompanies ALTER stage DROP NOT NULL")
    application.run(vocabulary=_VOCABULARY)
    application.sql("UPDATE portfoliocompanies SET name = 'renamed' WHERE id = %s", ids[1])
    application.sql("UPDATE portfoliocompanies SET stage = 'Angel' WHERE id = %s", ids[2])
    application.sql("UPDATE portfoliocompanies SET stage = NULL WHERE id = %s", ids[3])
    application.sql("DELETE FROM portfoliocompanies WHERE id = %s", ids[4])
    since = [_explain(application, row).since for row in ids]
    assert since == [Since.UNCHANGED, Since.TOUCHED, Since.CHANGED, Since.NULL, Since.GONE, Since.NO_ENTRY]
    untouched = _explain(application, ids[5])
    assert untouched.now is not None
    assert (untouched.now.reason, untouched.entries) == (IsCanonical(stage=Stage.SEED), ())
    assert not _explain(application, 999).is_known
    with pytest.raises(ConfigurationError, match="is not a key of"):
        _explain(application, "1; DROP TABLE portfoliocompanies")


def test_history_shows_waiting_and_refused_changes(application: Application) -> None:
    ids = application.add(COMPANIES, [(1, "Seed"), (1, "Angel"), (2, "Angel")])
    application.sql("ALTER TABLE portfoliocompanies ADD CONSTRAINT odd CHECK (id <> 2 OR stage <> 'pre-seed')")
    plan = application.plan(vocabulary=_VOCABULARY)
    application.apply(plan_id=plan.plan_id, scope=FundScope.one("1"))
    done, refused, waiting = (_explain(application, row) for row in ids)
    assert (len(done.entries), done.waiting, done.refused) == (1, (), ())
    (refusal,) = refused.refused
    assert (refusal.before, refusal.after, refusal.resolution) == ("Angel", "pre-seed", None)
    assert "odd" in refusal.error
    assert [(change.status, change.after) for change in refused.waiting] == [("failed", "pre-seed")]
    assert [(change.status, change.before, change.after) for change in waiting.waiting] == [
        ("pending", "Angel", "pre-seed")
    ]
