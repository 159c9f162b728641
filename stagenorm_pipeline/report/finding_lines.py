"""Write findings as JSON lines: one object per finding, with the fields of the JSON report and the rule."""

import json
from dataclasses import fields
from typing import Final

from stagenorm_pipeline.engine.verify.result import Finding, Rule

_FIELDS: Final = tuple(field.name for field in fields(Finding))


def finding_line(rule: Rule, finding: Finding) -> bytes:
    """Write one finding as a line of ASCII with sorted keys. Texts from the data have JSON escapes."""
    document = {"rule": rule.value, **{name: getattr(finding, name) for name in _FIELDS}}
    return f"{json.dumps(document, sort_keys=True, ensure_ascii=True)}\n".encode("ascii")
