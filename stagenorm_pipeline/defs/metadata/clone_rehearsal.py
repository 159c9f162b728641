"""Format what a rehearsal on a clone measured, for the page of `batch_plan` and the run's log."""

import logging

import dagster as dg

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.apply.rehearsal_on_clone import CloneRehearsal, Recorded
from stagenorm_pipeline.report.escape import sentence_for_terminal
from stagenorm_pipeline.report.rehearsal_text import clone_rehearsal_headline, throw_away_words
from stagenorm_pipeline.report.rehearsed import rehearsed_words


def log_rehearsal(log: logging.Logger, done: CloneRehearsal) -> None:
    """Log the causes of refused rows, how it ended, and what to do with the clone."""
    for cause in done.effects.refused:
        log.error(sentence_for_terminal(f"{counted(cause.rows, 'row')} of {cause.target} refused: {cause.message}"))
    log.info(clone_rehearsal_headline(done))
    log.info(throw_away_words(done.figures.clone_name))


def clone_metadata(done: Recorded) -> dict[str, dg.MetadataValue]:
    """Return the figures as metadata, with tables of what triggers did."""
    figures, effects = done.figures, done.effects
    tables = {
        "refused rows": [(one.target, one.message, f"{one.rows:,}") for one in effects.refused],
        "rows that triggers wrote": [
            (one.table, "inserted, updated, deleted", f"{one.inserted:,}, {one.updated:,}, {one.deleted:,}")
            for one in effects.tables
        ],
        "other columns that changed": [
            (one.target, one.column, f"{one.rows:,} of {one.rows_compared:,} compared") for one in effects.columns
        ],
    }
    return {
        "rehearsal": dg.MetadataValue.text(f"Plan {figures.plan_id} was {rehearsed_words(done.rehearsal)}."),
        "plan_id": dg.MetadataValue.int(figures.plan_id),
        "rehearsed_rows_updated": dg.MetadataValue.int(figures.rows_updated),
        "rehearsed_rows_skipped": dg.MetadataValue.int(figures.rows_skipped),
        "rehearsed_rows_refused": dg.MetadataValue.int(figures.rows_refused),
        "rehearsed_ms": dg.MetadataValue.int(figures.duration_ms),
        "rehearsed_slowest_batch_ms": dg.MetadataValue.int(figures.slowest_batch_ms),
        "rehearsed_wal_bytes": dg.MetadataValue.int(figures.wal_bytes),
        **{name: _table(rows) for name, rows in tables.items() if rows},
    }


def _table(lines: list[tuple[str, str, str]]) -> dg.MetadataValue:
    records = [
        {"where": sentence_for_terminal(where), "what": sentence_for_terminal(what), "rows": rows}
        for where, what, rows in lines
    ]
    return dg.MetadataValue.table([dg.TableRecord(record) for record in records])
