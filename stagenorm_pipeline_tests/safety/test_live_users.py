"""Users change rows during a migration: no change of theirs is overwritten, and verification lists them."""

from collections import Counter
from dataclasses import dataclass

import pytest

from stagenorm_pipeline.config.verify import VerifySettings
from stagenorm_pipeline.engine.verify.result import Outcome, Rule
from stagenorm_pipeline_tests.support import engine_calls as work
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application
from stagenorm_pipeline_tests.support.live_users import CLEAN, MESSY, Deleted, RowKey, users_of

_SPELLINGS = ("Seed", "series-a", "Series A", "seriesb", "SERIES  C+", "Pre Seed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The outcome of a migration among users: stages before and after, the users' ledgers, and the audit rows."""

    before: dict[RowKey, str | None]
    now: dict[RowKey, str | None]
    ledger: dict[RowKey, str | Deleted | None]
    audited: dict[RowKey, str]


def stages(application: Application) -> dict[RowKey, str | None]:
    return {(table, key): stage for table in (COMPANIES, DEALS) for key, stage in application.stages(table).items()}


def migrate_among_users(application: Application, spellings: tuple[str, ...]) -> Story:
    application.add(COMPANIES, [(n % 4, _SPELLINGS[n % 6]) for n in range(400)])
    application.add(DEALS, [(n % 4, None if n % 9 == 0 else _SPELLINGS[n % 6]) for n in range(300)])
    before = stages(application)
    work.plan(application.database)
    users = users_of(application.url, {table: application.stages(table) for table in (COMPANIES, DEALS)}, spellings)
    for user in users:
        user.work(25)
        user.start()
    result = application.apply(sleep_ms=2)
    for user in users:
        user.leave()
        user.work(25)
    assert result.ok
    ledger = {row: stage for user in users for row, stage in user.ledger.items()}
    log = application.sql("SELECT table_name, row_id::int, stage_after FROM stage_normalization_log")
    audited = {(table, row_id): stage for table, row_id, stage in log}
    assert len(audited) == len(log)
    return Story(before=before, now=stages(application), ledger=ledger, audited=audited)


def planned(story: Story) -> set[RowKey]:
    return {row for row, stage in story.before.items() if stage is not None and stage not in CLEAN}


@pytest.mark.parametrize("spellings", [CLEAN, MESSY], ids=["canonical stages", "any spelling"])
def test_users_writes_survive_and_are_counted_and_listed(application: Application, spellings: tuple[str, ...]) -> None:
    story = migrate_among_users(application, spellings)
    _users_writes_survive_and_all_other_rows_are_migrated(story)
    _rows_that_users_changed_count_as_skipped_with_the_reason(story, application)
    _verification_lists_users_changes_and_no_error_of_ours(story, application)


def _users_writes_survive_and_all_other_rows_are_migrated(story: Story) -> None:
    theirs = {row: stage for row, stage in story.ledger.items() if not isinstance(stage, Deleted)}
    assert {row: story.now[row] for row in theirs if row in story.now} == theirs
    assert not {row for row, stage in story.ledger.items() if isinstance(stage, Deleted)} & story.now.keys()
    untouched = story.before.keys() - story.ledger.keys()
    assert {row for row in untouched if story.now[row] not in (*CLEAN, None)} == set()
    assert untouched & planned(story) <= story.audited.keys() <= planned(story)


def _rows_that_users_changed_count_as_skipped_with_the_reason(story: Story, application: Application) -> None:
    [(updated, changed, deleted, failed)] = application.sql(
        "SELECT sum(rows_updated), sum(rows_skipped_changed), sum(rows_skipped_deleted), sum(rows_failed) "
        "FROM stage_migration_batches"
    )
    skipped = planned(story) - story.audited.keys()
    assert (updated, changed + deleted, failed) == (len(story.audited), len(skipped), 0)
    assert skipped <= story.ledger.keys()
    # Who deletes a row after its batch skipped it as changed is not seen by the batch.
    assert len(skipped & story.now.keys()) <= changed
    assert 0 < deleted <= len(skipped - story.now.keys())


def _verification_lists_users_changes_and_no_error_of_ours(story: Story, application: Application) -> None:
    # These users change far more rows than a verification explains by other sessions unless it is told to.
    result = application.verify(settings=VerifySettings(changes_by_other_sessions_percent=100))
    ours = {row: story.now.get(row, Deleted()) for row in story.audited}
    fates = Counter(
        "gone" if isinstance(stage, Deleted) else "null" if stage is None else "changed"
        for row, stage in ours.items()
        if stage != story.audited[row]
    )
    assert result.check(Rule.ROW_COUNTS).figures["audited_rows_gone"] == fates["gone"] > 0
    assert result.check(Rule.NULL_INTEGRITY).figures["audited_rows_now_null"] == fates["null"]
    assert result.check(Rule.AUDIT_CONSISTENCY).figures["rows_changed_since"] == fates["changed"] > 0
    left = [stage for stage in story.now.values() if stage is not None and stage not in CLEAN]
    canonical = result.check(Rule.CANONICAL_STAGES)
    assert canonical.figures["rows_messy"] + canonical.figures["rows_unknown"] == len(left)
    failed = {check.rule for check in result.checks if check.outcome is Outcome.FAILED}
    assert failed == ({Rule.CANONICAL_STAGES} if left else set())
    findings = result.check(Rule.AUDIT_CONSISTENCY).findings
    # Changes of rows that were never audited are counted by fund and name no row.
    rows = [finding for finding in findings if finding.row_id is not None]
    listed = {(str(finding.target).split(".")[1], int(finding.row_id or 0)) for finding in rows}
    assert listed <= {row for row in ours if ours[row] != story.audited[row]}
    assert len(listed) == min(fates["changed"], 50 - (len(findings) - len(rows)))
