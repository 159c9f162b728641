"""Check that this server accepts writes."""

from collections.abc import Iterator

from stagenorm_pipeline.engine.postgres.connection import NAME_THE_PRIMARY, Database
from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel
from stagenorm_pipeline.engine.preflight.server_facts import Server, read_server
from stagenorm_pipeline.errors import ReadOnlyServerError


def require_writable(database: Database) -> None:
    """Raise ReadOnlyServerError on a read-only server, before a command reads much only to fail when it records."""
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
            message="This server is a read-only standby: you can read here, but nothing can be recorded.",
            remedy=NAME_THE_PRIMARY,
        )
    if server.default_read_only:
        yield PreflightFinding(
            check=PreflightCheck.READ_ONLY_SERVER,
            level=PreflightLevel.ERROR,
            target=None,
            message="New transactions are read-only here (default_transaction_read_only is on).",
            remedy="Find out who set it and why (a failover, a full disk). Then, to allow writes for this role:\n"
            f"ALTER ROLE {server.role_name} IN DATABASE {server.database_name} "
            "SET default_transaction_read_only = off;",
        )
