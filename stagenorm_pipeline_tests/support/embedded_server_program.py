"""Use the embedded server until standard input ends: `python -m ...embedded_server_program HOME`.

Prints the URL of the database `postgres` once it has the server, or the error.
"""

import sys
from pathlib import Path

from stagenorm_pipeline.errors import StagenormError
from stagenorm_pipeline.local.embedded_postgres import EmbeddedPostgres


def main(home: str) -> None:
    try:
        with EmbeddedPostgres.start(Path(home)) as server:
            sys.stdout.write(server.url("postgres") + "\n")
            sys.stdout.flush()
            sys.stdin.read()
    except StagenormError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1])
