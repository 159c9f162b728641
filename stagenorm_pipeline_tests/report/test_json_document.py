"""The JSON form: nothing lost, one way to write it, and as the published schema says."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

import stagenorm_pipeline.report
from stagenorm_pipeline.report.json_document import (
    document_json,
    document_sha256,
    inventory_document,
    plan_document,
    verification_document,
)
from stagenorm_pipeline_tests.support.report_results import (
    HOSTILE_IN_REPORTS,
    failing_result,
    inventories,
    passing_result,
    plan,
)

SCHEMA = Path(stagenorm_pipeline.report.__file__).parent / "schema" / "verification_report.v1.schema.json"


def published_schema() -> Any:
    return json.loads(SCHEMA.read_text())


def closed(schema: Any) -> Any:
    """The schema with every object closed: it refuses a field that it does not describe."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(part) for key, part in schema.items()}
    has_fields = isinstance(schema.get("properties"), dict) and schema.get("type") == "object"
    return {**inner, "additionalProperties": False, "required": list(schema["properties"])} if has_fields else inner


def validate(document: Any, schema: Any = None) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(schema or published_schema())
    validator.check_schema(validator.schema)
    validator.validate(json.loads(document_json(document)))


@pytest.mark.parametrize("text", HOSTILE_IN_REPORTS)
def test_every_text_survives_as_it_is(text: str) -> None:
    read = json.loads(document_json(verification_document(failing_result(text))))
    assert read["database"] == read["scope"]["fund_id"] == read["unknown"][0]["spelling"] == text
    assert read["sample"][0]["stage_before"] == text
    assert read["checks"][1]["findings"][1]["row_id"] == text
    assert json.loads(document_json(plan_document(plan(text))))["funds_to_change"] == [text, None]
    inventory = json.loads(document_json(inventory_document(inventories(text))))
    assert inventory["inventories"][0]["funds"][0]["fund_id"] == text


@pytest.mark.parametrize("text", HOSTILE_IN_REPORTS)
def test_the_report_is_as_the_published_schema_says(text: str) -> None:
    validate(verification_document(failing_result(text)))


def test_a_passing_report_is_as_the_published_schema_says() -> None:
    validate(verification_document(passing_result()))


def test_the_schema_describes_every_field_that_the_report_has() -> None:
    validate(verification_document(failing_result()), closed(published_schema()))


def test_a_reader_of_version_1_takes_a_report_with_a_new_field() -> None:
    document = verification_document(passing_result())
    document["checks"][0]["new"] = 1
    validate({**document, "new": {"more": [1]}})


@pytest.mark.parametrize("field", ["verdict", "checks", "counts", "left_as_is", "work_total"])
def test_schema_requires_every_promised_field(field: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    document = {key: value for key, value in verification_document(passing_result()).items() if key != field}
    with pytest.raises(jsonschema.ValidationError):
        validate(document)


def test_a_document_is_written_in_one_way() -> None:
    document = verification_document(failing_result("growth"))
    reversed_document = dict(reversed(document.items()))
    assert document_json(document) == document_json(reversed_document)
    assert document_json(document).endswith("}\n")
    assert document_json(document).isascii()


def test_the_hash_is_that_of_the_file() -> None:
    document = verification_document(failing_result("Série A"))
    assert document_sha256(document) == hashlib.sha256(document_json(document).encode("utf-8")).hexdigest()


def test_a_plan_document_counts_what_the_plan_counts() -> None:
    document = plan_document(plan(plan_id=7))
    assert (document["plan_id"], document["total_batches"], document["counts"]["rows_to_change"]) == (7, 4, 15_000)
    assert document["inventories"][0]["target"]["table"] == "portfoliocompanies"
