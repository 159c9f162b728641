"""Reports as JSON documents. The verification's form is published in `schema/verification_report.v1.schema.json`.

Texts from the data are in it whole and as they are. The files are ASCII: what is not is in JSON's escapes, so that a
document printed in a terminal is harmless, and a lone surrogate has a form.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any, Final

from stagenorm_pipeline.engine.inventory.inventory import TargetInventory
from stagenorm_pipeline.engine.plan.plan import Plan
from stagenorm_pipeline.engine.plan.vocabulary_check import DecisionChanges
from stagenorm_pipeline.engine.verify.recorded_verifications import RecordedVerification
from stagenorm_pipeline.engine.verify.result import Outcome, VerificationResult
from stagenorm_pipeline.engine.verify.rules.registry import RULES
from stagenorm_pipeline.vocabulary import suggest

REPORT_VERSION: Final = 1

Document = dict[str, Any]


def verification_document(result: VerificationResult) -> Document:
    """The whole verification, ready for JSON."""
    document: Document = _plain(result)
    for written, check in zip(document["checks"], result.checks, strict=True):
        written |= {
            "title": RULES[check.rule].title,
            "outcome": check.outcome.value,
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
    """What a plan would change, ready for JSON."""
    totals = {
        "counts": _plain(plan.counts),
        "total_batches": plan.total_batches,
        "funds_to_change": list(plan.funds_to_change),
    }
    return _headed("plan", {**totals, **_plain(plan)})


def decisions_document(found: DecisionChanges) -> Document:
    """What the decisions changed since the newest applied plan, as a part of a plan's document."""
    return {"decisions_changed": _plain(found)}


def inventory_document(inventories: Sequence[TargetInventory]) -> Document:
    """Which spellings are in the data, ready for JSON; each unknown one with where it is and what it may mean."""
    return _headed("inventory", {"inventories": [_inventory(inventory) for inventory in inventories]})


def _inventory(inventory: TargetInventory) -> Document:
    document: Document = _plain(inventory)
    del document["places"]
    document["unknown"] = [
        {**_plain(total), "places": _plain(places), "suggestions": _plain(suggest(total.spelling))}
        for total, places in inventory.unknown_places
    ]
    return document


def verifications_document(verifications: Sequence[RecordedVerification]) -> Document:
    """The recorded verifications, ready for JSON."""
    return _headed("verifications", {"verifications": _plain(verifications)})


def document_json(document: Document) -> str:
    """The one way in which a document is written: keys in order, two spaces, ASCII, one line break at the end."""
    return json.dumps(document, sort_keys=True, indent=2, ensure_ascii=True) + "\n"


def document_sha256(document: Document) -> str:
    """The SHA-256 of `document_json`, as `sha256sum` gives for the file."""
    return hashlib.sha256(document_json(document).encode("ascii")).hexdigest()


def _headed(kind: str, document: Document) -> Document:
    return {"report_version": REPORT_VERSION, "kind": kind, **document}


def _plain(value: Any) -> Any:
    """Facts as JSON knows them: a dataclass by its fields, an instant in ISO 8601 and UTC."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value) if isinstance(value, str) else value
