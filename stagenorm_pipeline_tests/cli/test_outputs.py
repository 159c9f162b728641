"""Test `--output`: files, links, devices, FIFOs, standard output, and what cannot be written.

In a process of its own where the process, its streams or its limits matter; on real files.
"""

import gzip
import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import chdir, suppress
from hashlib import sha256
from pathlib import Path
from threading import Thread

import psycopg
import pytest

from stagenorm_pipeline.engine.backup.backup_file import check_backup
from stagenorm_pipeline_tests.support.command_line import Ran, stagenorm, stagenorm_here

_FULL = Path("/dev/full")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices and gives files away")
without_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
with_full_device = pytest.mark.skipif(not _FULL.exists(), reason="this system has no /dev/full")


def _recorded(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM stage_verifications").fetchone()
    assert row is not None
    return int(row[0])


def _is_report(text: str | bytes) -> bool:
    return bool(json.loads(text)["kind"] == "verification")


def _is_refused_before_the_work(ran: Ran, url: str, words: str) -> None:
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("Error: "), ran.err
    assert words in ran.err
    assert "Traceback" not in ran.err
    assert _recorded(url) == 0


def _read_from(fifo: Path) -> Callable[[], bytes]:
    """Read a FIFO to its end beside the test. The result gives what came."""
    os.mkfifo(fifo)
    heard: list[bytes] = []
    reader = Thread(target=lambda: heard.append(fifo.read_bytes()), daemon=True)
    reader.start()

    def result() -> bytes:
        reader.join(60)
        return heard[0]

    return result


@as_root
def test_device_is_written_through(ready_url: str, tmp_path: Path) -> None:
    null = tmp_path / "null"
    try:
        os.mknod(null, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        null.open("wb").close()
    except OSError as error:
        pytest.skip(f"no devices here: {error.strerror}")
    before = null.stat()
    for arguments in (("verify", "--output", str(null)), ("metrics", "--output", str(null))):
        ran = stagenorm_here(*arguments, url=ready_url)
        assert "cannot be written" not in ran.all
        after = null.stat()
        assert stat.S_ISCHR(after.st_mode)
        assert (after.st_ino, after.st_rdev, after.st_mode) == (before.st_ino, before.st_rdev, before.st_mode)
    assert [entry.name for entry in tmp_path.iterdir()] == ["null"]


def test_fifo_is_written_through(ready_url: str, tmp_path: Path) -> None:
    for name, arguments in (("report.html", ()), ("pipe", ("--format", "json"))):
        fifo = tmp_path / name
        heard = _read_from(fifo)
        stagenorm_here("verify", "--output", str(fifo), *arguments, url=ready_url)
        assert heard().startswith(b"{" if arguments else b"<!DOCTYPE html>"), name
        assert stat.S_ISFIFO(fifo.stat().st_mode)


def test_backup_is_written_to_fifo_and_standard_output(ready_url: str, tmp_path: Path) -> None:
    heard = _read_from(tmp_path / "pipe")
    assert stagenorm("backup", "--output", str(tmp_path / "pipe"), url=ready_url).code == 0
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    ran = subprocess.run(
        [sys.executable, "-m", "stagenorm_pipeline.cli.main", "backup", "--output", "-"],
        env={"DATABASE_URL": ready_url},
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert f"Written to standard output ({len(ran.stdout):,} bytes)".encode() in ran.stderr
    for name, data in (("fifo.gz", heard()), ("stdout.gz", ran.stdout)):
        assert gzip.decompress(data)
        (tmp_path / name).write_bytes(data)
        assert check_backup(tmp_path / name).manifest.rows == 130


def test_links_stay_links_and_their_target_is_written(ready_url: str, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    (archive / "old.json").write_text("old")
    links = {tmp_path / "there.json": archive / "old.json", tmp_path / "dangling.json": archive / "new.json"}
    for link, target in links.items():
        link.symlink_to(os.path.relpath(target, tmp_path))
        stagenorm_here("verify", "--output", str(link), url=ready_url)
        assert link.is_symlink()
        assert _is_report(target.read_bytes())
    assert sorted(entry.name for entry in archive.iterdir()) == ["new.json", "old.json"]


@pytest.mark.parametrize("mode", [0o600, 0o666])
def test_existing_file_keeps_mode_and_new_one_gets_umask(ready_url: str, tmp_path: Path, mode: int) -> None:
    there, new = tmp_path / "there.json", tmp_path / "new.json"
    there.write_text("old")
    there.chmod(mode)
    before = os.umask(0o027)
    try:
        stagenorm("verify", "--output", str(there), "--output", str(new), url=ready_url)
    finally:
        os.umask(before)
    assert (stat.S_IMODE(there.stat().st_mode), stat.S_IMODE(new.stat().st_mode)) == (mode, 0o640)
    assert _is_report(there.read_bytes())


@as_root
def test_existing_file_keeps_owner_and_group(ready_url: str, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text("old")
    os.chown(file, 12_345, 54_321)
    file.chmod(0o600)
    stagenorm_here("verify", "--output", str(file), url=ready_url)
    found = file.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (12_345, 54_321, 0o600)
    assert _is_report(file.read_bytes())


def test_standard_output_holds_one_form(ready_url: str, subtests: pytest.Subtests) -> None:
    cases: tuple[tuple[tuple[str, ...], str], ...] = (
        (("--output", "-"), "{"),
        (("--format", "json"), "{"),
        (("--output", "/dev/stdout"), "{"),
        (("--output", "-", "--format", "html"), "<!DOCTYPE html>"),
        (("--output", "-", "--format", "md"), "## "),
        (("--output", "-", "--format", "txt"), "VERIFICATION REPORT"),
    )
    for number, (arguments, start) in enumerate(cases, start=1):
        with subtests.test(arguments=arguments):
            ran = stagenorm("verify", *arguments, url=ready_url)
            form = arguments[-1] if arguments[-1] in ("html", "md", "txt") else "json"
            again = stagenorm_here("report", str(number), "--format", form, url=ready_url)
            assert ran.out == again.out
            assert ran.out.lstrip("=\n ").startswith(start)
            assert "Verification FAILED" in ran.err
            assert ran.code == 1


def test_standard_output_and_a_file_hold_the_same_json(ready_url: str, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    ran = stagenorm("verify", "--output", "-", "--output", str(file), url=ready_url)
    assert ran.out == file.read_text()
    assert f"Report written to {file}" in ran.err
    with psycopg.connect(ready_url) as connection:
        recorded = connection.execute("SELECT report_sha256 FROM stage_verifications").fetchone()
    assert recorded == (sha256(ran.out.encode()).hexdigest(),)


def test_unwritable_output_is_refused_before_work(ready_url: str, tmp_path: Path, subtests: pytest.Subtests) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").write_text("precious")
    (tmp_path / "loop.json").symlink_to("loop.json")
    with socket.socket(socket.AF_UNIX) as listening, chdir(tmp_path):
        listening.bind("socket")
    for arguments, words in (
        (("report.pdf",), "report.pdf: .pdf is not a report format"),
        (("",), "--output names no file"),
        (("directory",), "directory is a directory"),
        (("n" * 300 + ".json",), "File name too long"),
        (("nowhere/report.json",), "The directory of nowhere/report.json does not exist"),
        (("file/report.json",), "file/report.json cannot be written: Not a directory"),
        (("loop.json",), "Too many levels of symbolic links"),
        (("socket",), "socket is a socket"),
        (("-", "-"), "Standard output can hold one form only"),
        (("-", "/dev/stdout"), "Standard output can hold one form only"),
        (("good.json", "report.pdf"), "is not a report format"),
    ):
        with subtests.test(arguments=arguments):
            outputs = [part for name in arguments for part in ("--output", name)]
            ran = stagenorm_here("verify", *outputs, url=ready_url, directory=tmp_path)
            _is_refused_before_the_work(ran, ready_url, words)
            for command in ("metrics", "backup"):
                if arguments[0] not in ("report.pdf", "-", "good.json"):
                    ran = stagenorm_here(command, "--output", arguments[0], url=ready_url, directory=tmp_path)
                    assert (ran.code, words in ran.err) == (2, True), ran.all
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["directory", "file", "loop.json", "socket"]


def test_read_only_directory_is_refused_before_work(ready_url: str, tmp_path: Path) -> None:
    # /proc refuses root as well.
    directory = Path("/proc/self") if os.geteuid() == 0 else tmp_path
    tmp_path.chmod(0o555)
    try:
        ran = stagenorm_here("verify", "--output", f"{directory}/report.json", url=ready_url)
    finally:
        tmp_path.chmod(0o755)
    _is_refused_before_the_work(ran, ready_url, "report.json cannot be written")


@without_root
def test_file_of_other_user_is_refused_before_work(ready_url: str) -> None:
    _is_refused_before_the_work(stagenorm_here("verify", "--output", "/etc/passwd", url=ready_url), ready_url, "passwd")


@with_full_device
def test_other_outputs_are_written_when_one_disk_is_full(ready_url: str, tmp_path: Path) -> None:
    full, page = tmp_path / "full.html", tmp_path / "page.html"
    full.symlink_to(_FULL)
    ran = stagenorm("verify", "--output", str(full), "--output", str(page), "--output", "-", url=ready_url)
    assert ran.code == 1
    assert f"{full} cannot be written: No space left on device." in ran.err
    assert "stagenorm report 1 --format html --output FILE" in ran.err
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert _is_report(ran.out)
    again = tmp_path / "again.html"
    assert stagenorm("report", "1", "--format", "html", "--output", str(again), url=ready_url).code == 0
    assert again.read_bytes() == page.read_bytes()


@with_full_device
def test_full_disk_of_standard_output_is_one_error(ready_url: str) -> None:
    said = "Standard output cannot be written: No space left on device."
    with _FULL.open("wb") as full:
        for command in (("verify", "--output", "-"), ("metrics",), ("report", "1", "--format", "json")):
            ran = stagenorm(*command, url=ready_url, output=full)
            assert (ran.code, said in ran.err, "Traceback" in ran.err) == (1, True, False), command
        # What Python does at its end is seen in an interpreter of its own.
        ended = subprocess.run(
            [sys.executable, "-m", "stagenorm_pipeline.cli.main", "report", "1", "--format", "json"],
            env={"DATABASE_URL": ready_url},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert (ended.returncode, said in ended.stderr) == (1, True)
    assert "Traceback" not in ended.stderr
    assert "Exception ignored" not in ended.stderr


def test_full_disk_leaves_the_existing_file(ready_url: str, tmp_path: Path) -> None:
    import resource

    file = tmp_path / "report.json"
    file.write_text("precious")
    ran = subprocess.run(
        [sys.executable, "-m", "stagenorm_pipeline.cli.main", "verify", "--output", str(file)],
        # Without bytecode: Python would leave files of it that are cut off, and fail to read them later.
        env={"DATABASE_URL": ready_url, "PYTHONDONTWRITEBYTECODE": "1"},
        # What a full disk is to the program: its files may have 1,000 bytes.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 1
    assert f"{file} cannot be written: File too large." in ran.stderr
    assert "stagenorm report 1 --format json --output FILE" in ran.stderr
    assert file.read_text() == "precious"
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.json"]


def test_decisions_keep_link_and_mode_of_file(ready_url: str, tmp_path: Path) -> None:
    shared = tmp_path / "shared.yaml"
    shared.touch(mode=0o600)
    with suppress(FileExistsError):
        (tmp_path / "stage_decisions.yaml").symlink_to("shared.yaml")
    assert stagenorm_here("decisions", url=ready_url, directory=tmp_path).code == 0
    assert (tmp_path / "stage_decisions.yaml").is_symlink()
    assert "Seed Round" in shared.read_text()
    assert stat.S_IMODE(shared.stat().st_mode) == 0o600
