"""The warning of `stagenorm ui` about a database that it cannot reach."""

import socket
from pathlib import Path

import pytest

from stagenorm_pipeline.engine.postgres.bounded_connection import WaitBounds
from stagenorm_pipeline.local import database_check
from stagenorm_pipeline.local.database_check import warn_if_unreachable
from stagenorm_pipeline.local.server_files import SOCKET_NAME

_PATIENCE_S = 30


def _said(url: str, capsys: pytest.CaptureFixture[str]) -> str:
    thread = warn_if_unreachable(url, until_then="Until it answers, runs fail.")
    thread.join(_PATIENCE_S)
    assert not thread.is_alive()
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


def test_database_that_answers_is_not_mentioned(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _said(database_url, capsys) == ""


def test_missing_database_is_a_warning_with_a_remedy(
    tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = f"postgresql://ana:pass-word@/app?host={tmp_path}"
    no_such = database_url.replace("stagenorm_test", "stagenorm_missing")
    for url, why in ((nobody, "No connection to app on "), (no_such, "does not exist")):
        said = _said(url, capsys)
        assert said.startswith("[WARN] No connection to ")
        assert why in said
        assert "Until it answers, runs fail. Check that the server is up and that DATABASE_URL names it." in said
        assert "pass-word" not in said


def test_attempt_ends_if_the_server_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(database_check, "_WAITS", WaitBounds(connect_s=2, short_s=2))
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / SOCKET_NAME))
        silent.listen()
        assert "[WARN] No connection to app on " in _said(f"postgresql:///app?host={tmp_path}", capsys)
