"""The descriptions of the rules: complete, in order, and the same in docs/verify.md."""

from pathlib import Path

from stagenorm_pipeline.engine.verify.result import Rule
from stagenorm_pipeline.engine.verify.rules.registry import RULES

PAGE = Path(__file__).parents[3] / "docs" / "verify.md"


def test_every_rule_has_a_description_in_order() -> None:
    assert list(RULES) == list(Rule)
    assert [description.rule for description in RULES.values()] == list(Rule)


def test_docs_table_matches_rule_descriptions() -> None:
    """The table of docs/verify.md is written from the metadata: each cell is the text of its field."""
    expected = [
        f"| {number} {rule.title} | {rule.proves} | {rule.cannot_know} | {rule.severity} |"
        for number, rule in enumerate(RULES.values(), start=1)
    ]
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line in expected] == expected
