"""Check that the database stores text as Unicode."""

from collections.abc import Iterator

from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel
from stagenorm_pipeline.engine.preflight.server_facts import Server


def check(server: Server) -> Iterator[PreflightFinding]:
    if server.encoding == "UTF8":
        return
    if server.encoding == "SQL_ASCII":
        # The driver returns text of such a database as bytes, so there are no characters to normalize.
        yield PreflightFinding(
            check=PreflightCheck.SERVER_ENCODING,
            level=PreflightLevel.ERROR,
            target=None,
            message="The database's encoding is SQL_ASCII: it stores bytes without saying which characters they are, "
            "so spellings cannot be read reliably.",
            remedy="Dump the database, create it again with ENCODING 'UTF8', and restore the dump.",
        )
        return
    yield PreflightFinding(
        check=PreflightCheck.SERVER_ENCODING,
        level=PreflightLevel.WARNING,
        target=None,
        message=f"The database's encoding is {server.encoding}, not UTF8. Stages are still normalized, but recording a "
        "name or an error message fails if it has a character that this encoding does not have.",
        remedy="You do not need to do anything if user names, host names and error messages are plain ASCII.",
    )
