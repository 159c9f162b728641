"""Does the database keep text as Unicode?"""

from collections.abc import Iterator

from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel
from stagenorm_pipeline.engine.preflight.server import Server


def check(server: Server) -> Iterator[PreflightFinding]:
    if server.encoding == "UTF8":
        return
    if server.encoding == "SQL_ASCII":
        # The driver hands text of such a database over as bytes: there are no characters to be normalized.
        yield PreflightFinding(
            check=PreflightCheck.SERVER_ENCODING,
            level=PreflightLevel.ERROR,
            target=None,
            message="The database's encoding is SQL_ASCII: it stores bytes and does not say which characters they are, "
            "so no spelling can be read for certain.",
            remedy="Dump the database, create it anew with ENCODING 'UTF8', and restore it.",
        )
        return
    yield PreflightFinding(
        check=PreflightCheck.SERVER_ENCODING,
        level=PreflightLevel.WARNING,
        target=None,
        message=f"The database's encoding is {server.encoding}, not UTF8. Stages are normalized all the same, but a "
        "name or an "
        "error message with a character that it cannot hold makes the statement that records it fail.",
        remedy="Nothing needs to be done where people, hosts and error messages have plain ASCII names.",
    )
