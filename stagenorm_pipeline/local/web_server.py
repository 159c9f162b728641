"""Dagster's web server, with the stored reports at /reports/ID. `stagenorm ui` runs it as a program.

It takes the options of `dagster-webserver`. The reports are read from the database at STAGENORM_REPORT_DATABASE_URL.
What reads a report is imported with the first one: it would delay the start by half a second.
"""

import os
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from dagster_webserver import cli as dagster_cli
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from stagenorm_pipeline.errors import StagenormError
from stagenorm_pipeline.local.instance_lock import wait_for_instance
from stagenorm_pipeline.report.escape import sentence_for_terminal

if TYPE_CHECKING:
    from stagenorm_pipeline.service.verifying import VerificationReport

REPORT_DATABASE_URL: Final = "STAGENORM_REPORT_DATABASE_URL"
CODE_SOCKET: Final = "STAGENORM_CODE_SOCKET"
# Verifications are numbered by a bigint.
_LARGEST_NUMBER: Final = 2**63 - 1
# The page brings its own policy, which allows its styles. It must not be framed, cached or guessed to be a script.
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}


def report_routes(database_url: str | None) -> list[Route]:
    """Return the routes of the reports: a page to read, and the JSON to sign as a download. Both only read."""

    def page(request: Request) -> Response:
        return _answer(request, database_url, _page)

    def document(request: Request) -> Response:
        return _answer(request, database_url, _document)

    return [Route("/reports/{number:int}.json", document), Route("/reports/{number:int}", page)]


def _page(report: "VerificationReport") -> Response:
    from stagenorm_pipeline.report.report_form import ReportForm

    return HTMLResponse(report.text(ReportForm.HTML), headers=_HEADERS)


def _document(report: "VerificationReport") -> Response:
    attachment = {"Content-Disposition": f'attachment; filename="verification-{report.number}.json"'}
    return Response(report.json, media_type="application/json", headers={**_HEADERS, **attachment})


def _answer(
    request: Request, database_url: str | None, respond: Callable[["VerificationReport"], Response]
) -> Response:
    from stagenorm_pipeline.service.context import open_service
    from stagenorm_pipeline.service.verifying import read_report

    number, sha256 = request.path_params["number"], request.query_params.get("sha256", "")
    if not database_url:
        return _problem(
            f"The reports are in the application's database. Set DATABASE_URL where you start this page, or "
            f"run `stagenorm report {number}`.",
            503,
        )
    if number > _LARGEST_NUMBER:
        return _problem("There is no such verification.", 404)
    try:
        with open_service(
            interface="report page", application_name="stagenorm reports", database_url=database_url
        ) as service:
            report = read_report(service, number=number)
            # One Dagster instance may show several databases, and each numbers its verifications from 1.
            if not report.sha256.startswith(sha256):
                return _problem(f"Verification {number} of this page's database is another one than the link's.", 404)
            return respond(report)
    except StagenormError as error:
        return _problem(str(error).replace("\n", " "), 404)
    except SQLAlchemyError as error:
        # Only the class name: the text may contain the URL.
        return _problem(f"The report cannot be read: {type(error).__name__}.", 503)


def _problem(sentence: str, status: int) -> Response:
    return PlainTextResponse(sentence_for_terminal(sentence), status_code=status, headers=_HEADERS)


def _wait_for_code_server(path: str | None) -> None:
    """Wait until the code server listens: it starts at the same time, and Dagster would show an error instead."""
    while path:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(path)
            except OSError:
                time.sleep(0.1)
            else:
                return


def main() -> None:
    # Removed, so that no code server inherits it.
    database_url = os.environ.pop(REPORT_DATABASE_URL, None)
    _wait_for_code_server(os.environ.pop(CODE_SOCKET, None))
    create = dagster_cli.create_app_from_workspace_process_context  # type: ignore[attr-defined]

    def create_with_reports(*arguments: Any, **options: Any) -> Any:
        app = create(*arguments, **options)
        # First: Dagster answers every other path with its own page.
        app.router.routes[:0] = report_routes(database_url)
        return app

    # Its command line has no option for more routes, and one server is one address to open and to protect.
    dagster_cli.create_app_from_workspace_process_context = create_with_reports  # type: ignore[attr-defined]
    wait_for_instance()
    dagster_cli.main()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
