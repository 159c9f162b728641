"""Run the Dagster services on an embedded server: `... dagster_services_program HOME WORKSPACE PORT [read-only]`."""

import sys
from pathlib import Path

from stagenorm_pipeline.errors import StagenormError
from stagenorm_pipeline.local.dagster_services import Address, run_read_only, run_services
from stagenorm_pipeline.local.embedded_postgres import EmbeddedPostgres


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(home: str, workspace: str, port: str, kind: str = "") -> None:
    address = Address(port=int(port))
    try:
        with EmbeddedPostgres.start(Path(home)) as server:
            server.ensure_database("dagster")
            url, inherited_fds = server.url("dagster"), (server.lease_fd,)
            if kind == "read-only":
                run_read_only(
                    Path(home),
                    dagster_url=url,
                    say=say,
                    address=address,
                    workspace=Path(workspace),
                    inherited_fds=inherited_fds,
                )
                return
            run_services(
                Path(home),
                dagster_url=url,
                app_url=server.url("postgres"),
                say=say,
                address=address,
                workspace=Path(workspace),
                inherited_fds=inherited_fds,
            )
    except StagenormError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
