"""The descriptions of the seven rules, by rule. To add a rule, describe it in its own file and list it here."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from stagenorm_pipeline.engine.verify.result import Rule
from stagenorm_pipeline.engine.verify.rules import (
    r1_batch_tracking,
    r2_canonical_stages,
    r3_null_integrity,
    r4_row_counts,
    r5_audit_consistency,
    r6_sample_inspection,
    r7_fund_breakdown,
)
from stagenorm_pipeline.engine.verify.rules.description import RuleDescription

RULES: Final[Mapping[Rule, RuleDescription]] = MappingProxyType(
    {
        description.rule: description
        for description in (
            r1_batch_tracking.DESCRIPTION,
            r2_canonical_stages.DESCRIPTION,
            r3_null_integrity.DESCRIPTION,
            r4_row_counts.DESCRIPTION,
            r5_audit_consistency.DESCRIPTION,
            r6_sample_inspection.DESCRIPTION,
            r7_fund_breakdown.DESCRIPTION,
        )
    }
)
