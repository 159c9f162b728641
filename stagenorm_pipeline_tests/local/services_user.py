"""The Dagster services over an embedded server, for tests: `python -m ...services_user HOME WORKSPACE PORT`."""

import sys
from pathlib import Path

from stagenorm_pipeline.engine.errors import StagenormError
from stagenorm_pipeline.local.embedded_postgres import EmbeddedPostgres
from stagenorm_pipeline.local.services import run_services


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(home: str, workspace: str, port: str) -> None:
    try:
        with EmbeddedPostgres.start(Path(home)) as server:
            server.ensure_database("dagster")
            run_services(
                Path(home),
                dagster_url=server.url("dagster"),
                app_url=server.url("postgres"),
                say=say,
                workspace=Path(workspace),
                port=int(port),
                hold=(server.lease_fd,),
            )
    except StagenormError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
