"""Sign a recorded verification."""

from __future__ import annotations

import hashlib
from pathlib import Path

from stagenorm_pipeline.engine.verify import sign_off as signatures
from stagenorm_pipeline.engine.verify.sign_off import SignedOff
from stagenorm_pipeline.service.context import ServiceContext


def sign_off(
    context: ServiceContext,
    *,
    number: int,
    signed_off_by: str | None = None,
    report: Path | None = None,
    accepted_warnings: str | None = None,
) -> SignedOff:
    """Sign a verification. Later verifications compare with the state that was signed.

    `signed_off_by` None: the user of this computer. `report`: the archived JSON report; refused unless it is, byte for
    byte, the one that was recorded. `accepted_warnings`: why the warnings are accepted. Raises SignOffError.
    """
    digest = None if report is None else hashlib.sha256(report.read_bytes()).hexdigest()
    return signatures.sign_off(
        context.database,
        number,
        signed_off_by or context.user,
        report_sha256=digest,
        accepted_warnings=accepted_warnings,
    )
