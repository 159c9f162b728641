"""Check what would stop the work before anything is recorded or changed."""

from __future__ import annotations

from dataclasses import dataclass

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.preflight import PreflightFinding, PreflightLevel, run_preflight
from stagenorm_pipeline.engine.targets.target import resolve_targets
from stagenorm_pipeline.errors import MissingMigrationError, StagenormError
from stagenorm_pipeline.service.context import ServiceContext, load_aliases


class PreflightError(StagenormError):
    """A preflight check found something that would make the work fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreflightResult:
    """What the preflight checks found, errors and warnings."""

    findings: tuple[PreflightFinding, ...]

    @property
    def errors(self) -> tuple[PreflightFinding, ...]:
        """The findings that would make the work fail."""
        return tuple(finding for finding in self.findings if finding.level is PreflightLevel.ERROR)

    def require_no_error(self) -> None:
        """Raise PreflightError with the first error, if there is one."""
        for finding in self.errors:
            raise PreflightError(f"{finding.target or 'database'}: {finding.message}", remedy=finding.remedy)


def run_checks(
    context: ServiceContext, *, targets: tuple[TargetSetting, ...], dagster_url: str | None = None
) -> PreflightResult:
    """Run every preflight check over the targets. Reads only.

    `dagster_url`: where Dagster keeps its history, to check it too.
    """
    found = run_preflight(
        context.database,
        targets,
        stages=load_aliases(context.configuration).canonical,
        dagster_url=dagster_url,
        guard_settings=context.configuration.guards,
    )
    return PreflightResult(findings=found)


def check_ready(
    context: ServiceContext, *, targets: tuple[TargetSetting, ...], dagster_url: str | None = None
) -> PreflightResult:
    """Run the preflight checks before something is recorded or changed. The caller shows the findings.

    Raises MissingMigrationError and TargetError first: missing tables are one error, not a list of findings.
    """
    with context.database.snapshot() as connection:
        require_migrations(connection)
        resolve_targets(connection, targets)
    return run_checks(context, targets=targets, dagster_url=dagster_url)


def find_missing_migration(context: ServiceContext) -> MissingMigrationError | None:
    """Return what an operation that records would raise if tracking tables are missing or too old."""
    with context.database.snapshot() as connection:
        try:
            require_migrations(connection)
        except MissingMigrationError as error:
            return error
    return None
