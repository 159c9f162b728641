"""The stored reports at /reports/ID of the web server: read-only, harmless, and of the right database."""

import asyncio
import hashlib
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from starlette.applications import Starlette

from stagenorm_pipeline.local.web_server import report_routes
from stagenorm_pipeline.service import verifying
from stagenorm_pipeline.service.context import open_context
from stagenorm_pipeline.service.selecting import select
from stagenorm_pipeline_tests.support.application import COMPANIES, Application


class Answer(NamedTuple):
    """What a page answered."""

    status: int
    headers: dict[str, str]
    body: str


Visit = Callable[..., Answer]


async def _get(application: Starlette, path: str, query: str, method: str) -> Answer:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [],
        "root_path": "",
        "scheme": "http",
        "server": ("test", 80),
        "http_version": "1.1",
    }
    await application(scope, receive, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], headers, b"".join(part["body"] for part in sent[1:]).decode())


def _visit(database_url: str | None) -> Visit:
    application = Starlette(routes=report_routes(database_url))

    def visit(path: str, query: str = "", method: str = "GET") -> Answer:
        return asyncio.run(_get(application, path, query, method))

    return visit


@pytest.fixture
def visit(application: Application, monkeypatch: pytest.MonkeyPatch) -> Visit:
    """Visits the pages of a database with one verification of a hostile spelling."""
    monkeypatch.setenv("DATABASE_URL", application.url)
    application.add(COMPANIES, [(1, "<script>alert(1)</script>"), (2, "Seed")])
    service = open_context(interface="cli")
    verifying.verify(service, selection=select(service))
    service.close()
    return _visit(application.url)


def test_report_opens_as_page_and_downloads_as_json(visit: Visit, application: Application) -> None:
    sha256 = application.value("SELECT report_sha256 FROM stage_verifications")
    page, document = visit("/reports/1", f"sha256={sha256[:8]}"), visit("/reports/1.json")

    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "Content-Security-Policy" in page.body
    assert "<script>" not in page.body
    assert page.headers["x-content-type-options"] == document.headers["x-content-type-options"] == "nosniff"
    assert document.headers["content-disposition"] == 'attachment; filename="verification-1.json"'
    assert hashlib.sha256(document.body.encode()).hexdigest() == sha256


@pytest.mark.parametrize(
    ("path", "query", "status", "words"),
    [
        ("/reports/7", "", 404, r"There is no verification 7\. List them: stagenorm report --list"),
        ("/reports/1", "sha256=00000000", 404, "is another one than the link's"),
        (f"/reports/{2**63}", "", 404, "There is no such verification"),
        ("/reports/../1", "", 404, ""),
    ],
)
def test_missing_or_other_report_says_so(visit: Visit, path: str, query: str, status: int, words: str) -> None:
    answer = visit(path, query)

    assert answer.status == status
    assert re.search(words, answer.body)


def test_altered_report_is_not_shown(visit: Visit, application: Application) -> None:
    application.sql("UPDATE stage_verifications SET report = replace(report, 'fund', 'dnuf')")

    assert "was altered" in visit("/reports/1").body


def test_reports_only_answer_reads(visit: Visit) -> None:
    assert visit("/reports/1", method="POST").status == 405


def test_without_reachable_database_no_url_is_shown() -> None:
    assert "Set DATABASE_URL where you start this page" in _visit(None)("/reports/7").body

    answer = _visit("postgresql://me:S3CRET@127.0.0.1:1/app")("/reports/7")

    assert answer.status in (404, 503)
    assert "S3CRET" not in answer.body
