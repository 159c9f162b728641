"""Does this server let anybody write?"""

from collections.abc import Iterator

from stagenorm_pipeline.engine.postgres.connection import NAME_THE_PRIMARY, Database
from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel
from stagenorm_pipeline.engine.preflight.server import Server, read_server
from stagenorm_pipeline.errors import ReadOnlyServerError


def require_writable(database: Database) -> None:
    """For what reads much and then records: raise ReadOnlyServerError before it has read anything."""
    with database.snapshot() as connection:
        server = read_server(connection)
    for finding in check(server):
        raise ReadOnlyServerError(finding.message, remedy=finding.remedy)


def check(server: Server) -> Iterator[PreflightFinding]:
    if server.is_standby:
        yield PreflightFinding(
            check=PreflightCheck.READ_ONLY_SERVER,
            level=PreflightLevel.ERROR,
            target=None,
            message="This server is a read-only standby: it can be looked at, but nothing can be recorded here.",
            remedy=NAME_THE_PRIMARY,
        )
    if server.default_read_only:
        yield PreflightFinding(
            check=PreflightCheck.READ_ONLY_SERVER,
            level=PreflightLevel.ERROR,
            target=None,
            message="New transactions are read-only here (default_transaction_read_only is on).",
            remedy="Find out who set it and why (a failover, a full disk), then for this role:\n"
            f"ALTER ROLE {server.role_name} IN DATABASE {server.database_name} "
            "SET default_transaction_read_only = off;",
        )
