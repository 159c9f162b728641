"""Check that the server is new enough for the statements in sql/."""

from collections.abc import Iterator

from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel
from stagenorm_pipeline.engine.preflight.server_facts import Server

# The statements need AS MATERIALIZED (12), the checks need pg_trigger.tgparentid (13), and versions before 14 have had
# no security fixes since 2025. The tests pass on 15, 16 and 18.
LOWEST_MAJOR = 14


def check(server: Server) -> Iterator[PreflightFinding]:
    if server.version_number < LOWEST_MAJOR * 10_000:
        yield PreflightFinding(
            check=PreflightCheck.SERVER_VERSION,
            level=PreflightLevel.ERROR,
            target=None,
            message=f"This server is PostgreSQL {server.version}. The oldest supported version is {LOWEST_MAJOR}.",
            remedy="Upgrade the server first. Its version no longer gets security fixes.",
        )
