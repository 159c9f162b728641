"""Sign off a verification. Later verifications compare with the state that was signed.

The privileges of the database say who may sign. The role that runs the migration (sql/roles.sql) may not.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify.result import Verdict
from stagenorm_pipeline.errors import ConfigurationError, RefusedError, StagenormError

_GRANT = (
    "The role that runs the migration may not sign its own work. Connect as the reviewer. A DBA allows a reviewer to "
    "sign with: GRANT SELECT ON stage_verifications, stage_normalization_log TO reviewer; "
    "GRANT UPDATE (signed_off_at, signed_off_by, accepted_warnings) ON stage_verifications TO reviewer;"
)


class SignOffError(StagenormError):
    """A verification does not exist or cannot be signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOff:
    """A signed verification: what was verified and who signed it.

    `accepted_warnings`: why the reviewer accepted its warnings; None if it had none. `vocabulary_version`: None if no
    report of it is stored.
    """

    verification_id: int
    verdict: Verdict
    made_at: datetime
    targets: tuple[str, ...]
    scope: FundScope
    signed_off_by: str
    signed_off_at: datetime
    vocabulary_version: str | None = None
    accepted_warnings: str | None = None


def sign_off(
    database: Database,
    verification_id: int,
    signed_off_by: str,
    *,
    report_sha256: str | None = None,
    accepted_warnings: str | None = None,
) -> SignedOff:
    """Sign a verification. `report_sha256`: the hash of the archived JSON report, which must be the recorded one.

    `accepted_warnings`: why the warnings are accepted. A verification with warnings needs it. For one without warnings
    it is not recorded.

    Raises SignOffError if there is no such verification, it failed or is signed already, its warnings are not
    accepted, the report is not its report, or rows changed since. Raises ConfigurationError if the name or the reason
    is empty.
    """
    name = signed_off_by.strip()
    if not name:
        raise ConfigurationError("A signature needs a name.", remedy="Say who signs.")
    reason = None if accepted_warnings is None else accepted_warnings.strip()
    if reason == "":
        raise ConfigurationError("Accepting warnings needs a reason.", remedy="Say why the warnings are accepted.")
    try:
        with database.transaction() as connection:
            require_migrations(connection)
            row = connection.exec_driver_sql(
                statement("verify/sign_off_facts"), {"verification_id": verification_id}
            ).one_or_none()
            found = _signable(verification_id, row, report_sha256)
            accepted = _accepted(found, reason)
            values = {"verification_id": verification_id, "signed_off_by": name, "accepted_warnings": accepted}
            signed_at = connection.exec_driver_sql(statement("verify/sign_off"), values).scalar_one()
    except RefusedError as error:
        raise RefusedError("This database role may not sign verifications.", remedy=_GRANT) from error
    return SignedOff(
        verification_id=found.verification_id,
        verdict=Verdict(found.verdict),
        made_at=found.created_at,
        targets=tuple(found.scope["targets"]),
        scope=FundScope(all_funds=found.scope["all_funds"], fund_id=found.scope.get("fund_id")),
        signed_off_by=name,
        signed_off_at=signed_at,
        vocabulary_version=found.vocabulary_version,
        accepted_warnings=accepted,
    )


def _accepted(found: Any, reason: str | None) -> str | None:
    """Return why the warnings are accepted; None without warnings. Raises SignOffError if the reason is missing."""
    if found.verdict != Verdict.PASSED_WITH_WARNINGS:
        return None
    if reason is None:
        raise SignOffError(
            f"Verification {found.verification_id} passed with {counted(found.checks_warned, 'warning')}. A signature "
            "must say why they are accepted.",
            remedy=f'stagenorm sign-off {found.verification_id} --accept-warnings "REASON"',
        )
    return reason


def _signable(number: int, found: Any, report_sha256: str | None) -> Any:
    if found is None:
        raise SignOffError(
            f"There is no verification {number}.",
            remedy="`stagenorm report --list` lists the recorded verifications.",
        )
    again = "Run `stagenorm verify` again and sign the new verification."
    if found.signed_off_at is not None:
        when = found.signed_off_at.isoformat(" ", "seconds")
        raise SignOffError(
            f"Verification {number} was signed already, by {found.signed_off_by} on {when}.",
            remedy="There is nothing left to do.",
        )
    if found.verdict == Verdict.FAILED:
        raise SignOffError(
            f"Verification {number} failed and cannot be signed.",
            remedy="Do what its report says for each failed check, then verify again.",
        )
    if report_sha256 is not None and report_sha256 != found.report_sha256:
        raise SignOffError(
            f"This is not the report of verification {number}: its SHA-256 is {report_sha256}, "
            f"the recorded one is {found.report_sha256}.",
            remedy="Use the unchanged JSON file that `stagenorm verify --output` or Dagster wrote for it.",
        )
    if found.changes:
        plans = ", ".join(str(plan) for plan in found.plans if plan is not None)
        raise SignOffError(
            f"Plan {plans or 'unknown'} changed {counted(found.changes, 'row')} after verification {number} was made.",
            remedy=again,
        )
    if found.failed_since is not None:
        raise SignOffError(
            f"Verification {found.failed_since} of the same scope was made after verification {number}, and failed.",
            remedy=again,
        )
    return found
