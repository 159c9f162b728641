"""Is the server new enough for the statements in sql/?"""

from collections.abc import Iterator

from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel
from stagenorm_pipeline.engine.preflight.server import Server

# The statements need AS MATERIALIZED (12), the checks pg_trigger.tgparentid (13); what is older than 14 has had no
# security fixes since 2025. The tests pass on 15, 16 and 18.
LOWEST_MAJOR = 14


def check(server: Server) -> Iterator[PreflightFinding]:
    if server.version_number < LOWEST_MAJOR * 10_000:
        yield PreflightFinding(
            check=PreflightCheck.SERVER_VERSION,
            level=PreflightLevel.ERROR,
            target=None,
            message=f"This server is PostgreSQL {server.version}; {LOWEST_MAJOR} is the oldest that is supported.",
            remedy="Upgrade the server first: its version no longer gets security fixes either.",
        )
