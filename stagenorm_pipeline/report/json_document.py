"""Write reports as JSON documents. The schema is in `schema/verification_report.v1.schema.json`.

Texts from the data are whole and unchanged. The files are ASCII with JSON escapes, so that printing a document in a
terminal is harmless, and a lone surrogate can be written.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from stagenorm_pipeline.engine.enforce.observe import Observation
from stagenorm_pipeline.engine.inventory.inventory import TargetInventory
from stagenorm_pipeline.engine.monitor.estimate import DurationEstimate, Estimate, NothingAhead, NotMeasured
from stagenorm_pipeline.engine.plan.plan import Plan
from stagenorm_pipeline.engine.plan.vocabulary_check import DecisionChanges
from stagenorm_pipeline.engine.preflight import PreflightFinding
from stagenorm_pipeline.engine.verify.recorded_verifications import RecordedVerification
from stagenorm_pipeline.engine.verify.result import Outcome, VerificationResult
from stagenorm_pipeline.engine.verify.rules.registry import RULES
from stagenorm_pipeline.report.verification_tables import suggestions_of
from stagenorm_pipeline.vocabulary import DecisionsInForce, LookUp

REPORT_VERSION: Final = 1

Document = dict[str, Any]


def verification_document(result: VerificationResult) -> Document:
    """Return the whole verification as a JSON document."""
    document: Document = _plain(result)
    for written, check in zip(document["checks"], result.checks, strict=True):
        written |= {
            "title": RULES[check.rule].title,
            "outcome": check.outcome.value,
            "findings_cut": check.findings_cut,
            "passing_proves": RULES[check.rule].proves,
            "cannot_know": RULES[check.rule].cannot_know,
            "counts_as": RULES[check.rule].severity,
            "figures_in_order": list(check.figures),
        }
    summary = {
        "total_checks": len(result.checks),
        "passed": result.count(Outcome.PASSED),
        "failed": result.count(Outcome.FAILED),
        "warnings": result.count(Outcome.WARNED),
    }
    return _headed("verification", {"verdict": result.verdict.value, "summary": summary, **document})


def plan_document(plan: Plan) -> Document:
    """Return what a plan would change as a JSON document."""
    totals = {
        "counts": _plain(plan.counts),
        "total_batches": plan.total_batches,
        "funds_to_change": list(plan.funds_to_change),
    }
    return _headed("plan", {**totals, **_plain(plan)})


def estimate_document(estimate: DurationEstimate) -> Document:
    """Return how long a plan takes, in seconds, as part of its document."""
    match estimate:
        case Estimate():
            kind = "measured"
        case NotMeasured():
            kind = "not_measured"
        case NothingAhead():
            kind = "nothing_ahead"
    return {"estimate": {"kind": kind, **_plain(estimate)}}


def decisions_document(found: DecisionChanges) -> Document:
    """Return the decisions that changed since the newest applied plan, as part of a plan's document."""
    return {"decisions_changed": _plain(found)}


def inventory_document(inventories: Sequence[TargetInventory]) -> Document:
    """Return the spellings in the data as a JSON document; the unknown ones with places and suggestions."""
    return _headed("inventory", {"inventories": [_inventory(inventory) for inventory in inventories]})


def _inventory(inventory: TargetInventory) -> Document:
    document: Document = _plain(inventory)
    del document["places"]
    document["unknown"] = [
        {**_plain(total), "places": _plain(places), "suggestions": _plain(suggestions_of(total))}
        for total, places in inventory.unknown_places
    ]
    return document


def observations_document(observations: Sequence[Observation]) -> Document:
    """Return what the constraints would refuse as a JSON document."""
    return _headed("observation", {"targets": _plain(observations)})


def look_up_document(found: LookUp) -> Document:
    """Return what a spelling means, and why, as a JSON document."""
    return _headed("look_up", _plain(found))


def decisions_file_document(found: DecisionsInForce) -> Document:
    """Return the decisions file in force, as part of a document."""
    return {"decisions_file": _plain(found)}


def verifications_document(verifications: Sequence[RecordedVerification]) -> Document:
    """Return the list of recorded verifications as a JSON document."""
    return _headed("verifications", {"verifications": _plain(verifications)})


def preflight_document(findings: Sequence[PreflightFinding]) -> Document:
    """Return the findings of the pre-flight checks as a JSON document."""
    return _headed("preflight", {"findings": _plain(findings)})


def plans_document(kind: str, parts: Mapping[str, Any]) -> Document:
    """Return recorded plans as a JSON document."""
    return _headed(kind, _plain(parts))


def history_document(kind: str, history: object) -> Document:
    """Return the history of a row, a spelling or the decisions as a JSON document."""
    return _headed(kind, _plain(history))


def document_json(document: Document) -> str:
    """Write a document as JSON, always in the same way: sorted keys, two spaces, ASCII, one line break at the end."""
    return json.dumps(document, sort_keys=True, indent=2, ensure_ascii=True) + "\n"


def document_sha256(document: Document) -> str:
    """Return the SHA-256 of `document_json`, as `sha256sum` gives it for the file."""
    return hashlib.sha256(document_json(document).encode("ascii")).hexdigest()


def _headed(kind: str, document: Document) -> Document:
    return {"report_version": REPORT_VERSION, "kind": kind, **document}


def _plain(value: Any) -> Any:
    """Convert facts to JSON values: a dataclass by its fields, a time in ISO 8601 and UTC."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, str) else value
