"""Does this server let anybody write?"""

from collections.abc import Iterator

from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel
from stagenorm_pipeline.engine.preflight.server import Server


def check(server: Server) -> Iterator[PreflightFinding]:
    if server.is_standby:
        yield PreflightFinding(
            PreflightCheck.READ_ONLY_SERVER,
            PreflightLevel.ERROR,
            None,
            "This server is a read-only standby: it can be looked at, but no plan can be recorded here.",
            "Name the primary in DATABASE_URL (with several hosts: ?target_session_attrs=read-write).",
        )
    if server.default_read_only:
        yield PreflightFinding(
            PreflightCheck.READ_ONLY_SERVER,
            PreflightLevel.ERROR,
            None,
            "New transactions are read-only here (default_transaction_read_only is on).",
            "Find out who set it and why (a failover, a full disk), then for this role:\n"
            f"ALTER ROLE {server.role_name} IN DATABASE {server.database_name} "
            "SET default_transaction_read_only = off;",
        )
