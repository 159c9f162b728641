"""List every finding of a verification, where the rules list only examples. Any number fits into memory.

Only the findings about altered records of stagenorm are held in memory: batches, receipts, digests.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

from stagenorm_pipeline.config.verify import VerifySettings
from stagenorm_pipeline.engine.inventory.inventory import SpellingTotal
from stagenorm_pipeline.engine.inventory.spellings import read_spellings
from stagenorm_pipeline.engine.verify.audit_log import read_audit_log, read_disagreeing_rows
from stagenorm_pipeline.engine.verify.audited_rows import stream_audited_rows
from stagenorm_pipeline.engine.verify.other_session_limits import OtherSessionLimits
from stagenorm_pipeline.engine.verify.receipts_and_digests import read_receipts_and_digests
from stagenorm_pipeline.engine.verify.result import Finding, Rule
from stagenorm_pipeline.engine.verify.rules import (
    r1_batch_tracking,
    r2_canonical_stages,
    r3_null_integrity,
    r4_row_counts,
    r5_audit_consistency,
)
from stagenorm_pipeline.engine.verify.snapshot import Snapshot
from stagenorm_pipeline.engine.verify.target_facts import TargetFacts, read_noncanonical_rows, read_null_rows
from stagenorm_pipeline.engine.verify.verification_facts import VerificationFacts
from stagenorm_pipeline.vocabulary import MeaningKind, Vocabulary

# The largest LIMIT that PostgreSQL takes.
_ALL = 2**63 - 1


def all_findings(
    facts: VerificationFacts, vocabulary: Vocabulary, settings: VerifySettings
) -> Iterator[tuple[Rule, Finding]]:
    """Yield every finding with its rule, in the snapshot of the verification. Rules 6 and 7 have none."""
    snapshot = replace(facts.snapshot, shown=_ALL)
    yield from _of(Rule.BATCH_TRACKING, r1_batch_tracking.open_batches(snapshot))
    for kind in r1_batch_tracking.deleted_findings(facts.deleted):
        yield from _of(Rule.BATCH_TRACKING, kind)
    for target in facts.targets:
        yield from _of(Rule.CANONICAL_STAGES, _spellings(snapshot, target, vocabulary))
        yield from _of(Rule.CANONICAL_STAGES, read_noncanonical_rows(snapshot, target))
        yield from _audited_and_null_rows(snapshot, target, is_undone=facts.is_undone)
        yield from _of(Rule.ROW_COUNTS, r4_row_counts.differences(target))
    yield from _of(Rule.AUDIT_CONSISTENCY, _altered_records(snapshot, facts))
    limits = OtherSessionLimits(settings=settings, changes=facts.other_sessions)
    for rule in (Rule.NULL_INTEGRITY, Rule.ROW_COUNTS, Rule.AUDIT_CONSISTENCY):
        yield from _of(rule, limits.losses(rule))
    yield from _of(Rule.AUDIT_CONSISTENCY, limits.unplanned())


def _of(rule: Rule, findings: Iterator[Finding] | list[Finding]) -> Iterator[tuple[Rule, Finding]]:
    return ((rule, finding) for finding in findings)


def _spellings(snapshot: Snapshot, target: TargetFacts, vocabulary: Vocabulary) -> Iterator[Finding]:
    """Read every spelling that is not canonical, with its rows. The stream is ordered by spelling."""
    stream = read_spellings(snapshot.connection, target.inventory.target, snapshot.scope, vocabulary)
    for _, of_one in groupby(stream, key=lambda found: found.sha256):
        funds = list(of_one)
        first = funds[0]
        if first.spelling is None or first.meaning is None or first.meaning.kind is MeaningKind.CANONICAL:
            continue
        yield r2_canonical_stages.spelling_finding(
            SpellingTotal(
                target=target.name,
                spelling=f"{first.spelling}…" if first.is_cut else first.spelling,
                kind=first.meaning.kind,
                stage=first.meaning.stage,
                rows=sum(found.rows for found in funds),
                funds=len(funds),
                is_cut=first.is_cut,
            )
        )


def _audited_and_null_rows(
    snapshot: Snapshot, target: TargetFacts, *, is_undone: bool
) -> Iterator[tuple[Rule, Finding]]:
    """Read the audited rows that differ. Then the NULLs of funds that have more of them than these rows explain."""
    kept = [one.spelling for one in target.inventory.spellings if one.kind is MeaningKind.KEPT]
    nulls: set[str | None] = set()
    explained: Counter[str | None] = Counter()
    for rule, finding in stream_audited_rows(snapshot, target.inventory.target, kept, is_undone=is_undone):
        if rule is Rule.NULL_INTEGRITY:
            nulls.add(finding.row_id)
            explained[finding.fund_id] += 1
        yield rule, finding
    more = r3_null_integrity.funds_with_more(target)
    yield from _of(Rule.NULL_INTEGRITY, more)
    funds = [finding.fund_id for finding in more if (finding.rows or 0) > explained[finding.fund_id]]
    if funds:
        others = (finding for finding in read_null_rows(snapshot, target, funds) if finding.row_id not in nulls)
        yield from _of(Rule.NULL_INTEGRITY, others)


def _altered_records(snapshot: Snapshot, facts: VerificationFacts) -> list[Finding]:
    """List the batches, audit rows, receipts and digests that disagree, and differences from a signed report."""
    found: list[Finding] = []
    log = facts.log
    if log.disagreements or log.other_stages:
        log = read_audit_log(snapshot, facts.deleted.rows)
        found += [r5_audit_consistency.batch_finding(one) for one in log.disagreements]
        found += read_disagreeing_rows(snapshot, log) if log.disagreements else ()
        found += [r5_audit_consistency.other_stage_finding(one) for one in log.other_stages]
    receipts = facts.receipts if facts.receipts.match else read_receipts_and_digests(snapshot, log.entries.count)
    found += receipts.findings({one.batch_id for one in log.disagreements})
    return found + list(facts.signed_report.findings if facts.signed_report else ())
