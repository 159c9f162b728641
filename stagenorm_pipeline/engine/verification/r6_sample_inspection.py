"""Rule 6: a random sample of the changes for a person to look at. Judges nothing; fails only if it cannot be made."""

from stagenorm_pipeline.engine.verification.result import CheckResult, Rule, SampleRow, Severity


def check(sample: tuple[SampleRow, ...], asked: int, seed: int) -> CheckResult:
    """Say what the sample is."""
    return CheckResult(
        Rule.SAMPLE_INSPECTION,
        True,
        Severity.ERROR,
        f"Retrieved {len(sample)} random samples for manual review" if sample else "Nothing was changed: no sample",
        "nothing: a uniform random sample of the audit log beside what each row holds now, for a person to read",
        {"rows_asked": asked, "rows_sampled": len(sample), "seed": seed},
    )
