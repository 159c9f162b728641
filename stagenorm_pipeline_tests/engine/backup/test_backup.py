"""Backups: every byte, from one snapshot, in a file whose damage is detected."""

import gzip
import hashlib
import secrets
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagenorm_pipeline.config.configuration import DEFAULT_TARGETS, TargetSetting
from stagenorm_pipeline.engine.backup import backup as making
from stagenorm_pipeline.engine.backup.backup import Backup, make_backup, read_backup_ages
from stagenorm_pipeline.engine.backup.backup_file import BackupError, BackupReader, SavedTarget, check_backup
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.targets.target import resolve_targets
from stagenorm_pipeline.errors import ConfigurationError, RefusedError, TargetError
from stagenorm_pipeline.local.server_files import binaries
from stagenorm_pipeline.report.backup_text import reminder
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application
from stagenorm_pipeline_tests.support.database_roles import url_as
from stagenorm_pipeline_tests.support.examples import on_database

_HOSTILE = [
    None,
    "",
    " ",
    "\t",
    "\n",
    "\r\n",
    "\\",
    "\\N",
    "\\.",
    "\\\\n\\t",
    "\\\n",
    "-- sha256 00",
    "'; DROP TABLE portfoliocompanies; --",
    "".join(map(chr, [*range(1, 32), 127])),
    "\u202eseed\u2028\ufeff",
    "\U0001f4c8 série-a",
    "\t\\x\n" * 250_000,
]


def _back_up(application: Application, path: Path, *settings: TargetSetting) -> Backup:
    return make_backup(application.database, settings or DEFAULT_TARGETS, path, made_by="operator@host")


def _stages(path: Path, table: str) -> dict[str, str | None]:
    return {row.row_id: row.stage for row in BackupReader(path).rows() if row.target.table == table}


def _as_saved(stages: dict[int, str | None]) -> dict[str, str | None]:
    return {str(key): stage for key, stage in stages.items()}


def test_psql_loads_every_byte_of_the_file(application: Application, tmp_path: Path) -> None:
    application.add(DEALS, [(1, stage) for stage in _HOSTILE])
    application.add(COMPANIES, [(None, "Seed"), (12, "Seed")])
    file = tmp_path / "b.gz"
    _back_up(application, file)
    saved = list(BackupReader(file).rows())
    assert {row.row_id: row.stage for row in saved if row.target.table == DEALS} == _as_saved(application.stages(DEALS))
    assert [(row.fund_id, row.stage) for row in saved if row.target.table == COMPANIES] == [
        ("12", "Seed"),
        (None, "Seed"),
    ]

    script = tmp_path / "b.sql"
    with gzip.open(file) as packed, script.open("wb") as unpacked:
        shutil.copyfileobj(packed, unpacked)
    psql = [str(binaries() / "psql"), "-X", "-q", application.url, "-f", str(script)]
    ran = subprocess.run(psql, capture_output=True, text=True, check=False, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
    loaded = application.sql("SELECT row_id::int, stage FROM stagenorm_backup_2")
    assert dict(loaded) == application.stages(DEALS)
    again = subprocess.run(psql, capture_output=True, text=True, check=False, timeout=60)
    assert again.returncode != 0, "it stops at the first error, before rows could be taken for commands"
    assert len(again.stderr.splitlines()) == 1


@on_database(8)
@given(st.lists(st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\x00")), min_size=1))
def test_any_stage_is_restored_exactly(application: Application, tmp_path: Path, stages: list[str | None]) -> None:
    application.sql("TRUNCATE deal_opportunities")
    application.add(DEALS, [(1, stage) for stage in stages])
    file = tmp_path / secrets.token_hex(8)
    backup = _back_up(application, file, TargetSetting(table=DEALS))
    assert _stages(file, DEALS) == _as_saved(application.stages(DEALS))
    assert backup.manifest.rows == len(stages)
    assert check_backup(file).manifest == backup.manifest


def test_backup_has_a_manifest_and_is_recorded(application: Application, tmp_path: Path) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "x")])
    file = tmp_path / "b.gz"
    backup = _back_up(application, file)
    manifest = backup.manifest
    assert (manifest.made_by, manifest.database) == ("operator@host", application.value("SELECT current_database()"))
    assert manifest.server_version == application.value("SHOW server_version")
    assert application.value("SELECT %s::pg_lsn BETWEEN '0/1' AND pg_current_wal_lsn()", manifest.wal_position)
    assert [(target.name, target.rows) for target in manifest.targets] == [
        ("public.portfoliocompanies.stage", 2),
        ("public.deal_opportunities.stage", 0),
    ]
    lines = gzip.decompress(file.read_bytes()).splitlines(keepends=True)
    assert lines[-1] == f"-- sha256 {hashlib.sha256(b''.join(lines[:-1])).hexdigest()}\n".encode()
    rows = b"".join(lines[lines.index(b"COPY stagenorm_backup_1 FROM stdin;\n") + 1 :][:2])
    assert rows == b"1\t1\tSeed\n2\t2\tx\n"
    assert manifest.targets[0].sha256 == hashlib.sha256(rows).hexdigest()
    assert application.sql(
        "SELECT created_by, rows_saved, file_name, file_bytes, sha256 FROM stage_migration_backups"
    ) == [("operator@host", 2, "b.gz", file.stat().st_size, backup.sha256)]


def test_only_the_owner_can_read_the_file(application: Application, tmp_path: Path) -> None:
    _back_up(application, tmp_path / "b.gz")
    assert [file.name for file in tmp_path.iterdir()] == ["b.gz"]
    assert stat.S_IMODE((tmp_path / "b.gz").stat().st_mode) == 0o600


def test_same_data_give_the_same_rows(application: Application, tmp_path: Path) -> None:
    """The order does not depend on where PostgreSQL stores the rows."""
    application.add(COMPANIES, [(fund, "Seed") for fund in (None, 10, 9, 2)])
    first = _back_up(application, tmp_path / "1.gz")
    application.sql("UPDATE portfoliocompanies SET stage = stage WHERE id < 3")
    second = _back_up(application, tmp_path / "2.gz")
    assert first.manifest.targets == second.manifest.targets
    assert first.sha256 != second.sha256, "made at another time"


def test_all_targets_come_from_one_snapshot(
    application: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    application.add(COMPANIES, [(1, "before")])
    application.add(DEALS, [(1, "before")])
    saved = making._saved

    def write_between(target: object) -> SavedTarget:
        application.sql("UPDATE portfoliocompanies SET stage = 'after'")
        application.sql("UPDATE deal_opportunities SET stage = 'after'")
        return saved(target)  # type: ignore[arg-type]

    monkeypatch.setattr(making, "_saved", write_between)
    _back_up(application, tmp_path / "b.gz")
    assert [row.stage for row in BackupReader(tmp_path / "b.gz").rows()] == ["before", "before"]


def test_existing_file_is_never_replaced(application: Application, tmp_path: Path) -> None:
    """A failed backup leaves no file."""
    file = tmp_path / "b.gz"
    file.write_text("precious")
    with pytest.raises(ConfigurationError, match="exists already"):
        _back_up(application, file)
    with pytest.raises(TargetError):
        _back_up(application, tmp_path / "c.gz", TargetSetting(table=COMPANIES), TargetSetting(table="nowhere"))
    with pytest.raises(ConfigurationError, match="directory"):
        _back_up(application, tmp_path / "nowhere" / "c.gz")
    assert [(found.name, found.read_text()) for found in tmp_path.iterdir()] == [("b.gz", "precious")]
    assert application.value("SELECT count(*) FROM stage_migration_backups") == 0


def test_hidden_rows_stop_the_backup(application: Application, tmp_path: Path) -> None:
    role = f"stagenorm_test_{secrets.token_hex(6)}"
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed")])
    application.sql("ALTER TABLE portfoliocompanies ENABLE ROW LEVEL SECURITY")
    application.sql("CREATE POLICY own ON portfoliocompanies USING (fund_id = 1)")
    application.sql(f"CREATE ROLE {role} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    database = Database.at(url_as(application.url, role))
    try:
        with pytest.raises(RefusedError, match="row-level security"):
            make_backup(database, (TargetSetting(table=COMPANIES),), tmp_path / "b.gz", made_by="me")
        assert list(tmp_path.iterdir()) == []
    finally:
        database.close()
        application.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


def _flipped(text: bytes) -> bytes:
    return text.replace(b"Series A", b"Series B", 1)


def _resealed(text: bytes) -> bytes:
    """Alter a row and recompute the checksum of the whole file. The checksum of the table still differs."""
    lines = _flipped(text).splitlines(keepends=True)[:-1]
    return b"".join([*lines, b"-- sha256 " + hashlib.sha256(b"".join(lines)).hexdigest().encode() + b"\n"])


# Each kind of damage with the reason in the error.
_DAMAGES: list[tuple[Callable[[bytes], bytes], str]] = [
    (lambda packed: gzip.compress(_flipped(gzip.decompress(packed))), "does not match its checksum"),
    (lambda packed: gzip.compress(_resealed(gzip.decompress(packed))), "do not match its manifest"),
    (lambda packed: packed[:-20], ""),
    (lambda packed: packed[: len(packed) // 2], ""),
    (lambda packed: packed[:-9] + bytes([packed[-9] ^ 1]) + packed[-8:], ""),
    (lambda packed: packed + b"more", ""),
    (lambda packed: packed + gzip.compress(b"more\n"), "does not match its checksum"),
    (lambda packed: gzip.compress(gzip.decompress(packed).rsplit(b"-- sha256", 1)[0]), "its end is missing"),
    (lambda packed: gzip.compress(gzip.decompress(packed).split(b"\\.\n")[0]), "its end is missing"),
    (lambda packed: gzip.compress(gzip.decompress(packed).replace(b"format 1", b"format 2", 1)), "newer stagenorm"),
    (lambda _: gzip.compress(b"hello\n"), "no backup of stagenorm"),
    (lambda _: b"hello", ""),
    (lambda _: b"", ""),
]


def test_damaged_file_is_detected(application: Application, tmp_path: Path, subtests: pytest.Subtests) -> None:
    application.add(COMPANIES, [(1, "Seed"), (1, "Series A")])
    file = tmp_path / "b.gz"
    _back_up(application, file)
    whole = file.read_bytes()
    for number, (damage, why) in enumerate(_DAMAGES):
        file.write_bytes(damage(whole))
        with (
            subtests.test(number=number),
            pytest.raises(BackupError, match=f"damaged or incomplete: .*{why}"),
        ):
            check_backup(file)


def test_any_key_type_and_name_is_saved(application: Application, tmp_path: Path) -> None:
    application.sql(
        'CREATE SCHEMA "My ""%s"" {x}"; '
        'CREATE TABLE "My ""%s"" {x}"."T%%;" ("K %" text PRIMARY KEY, "a%" text, b text, "Fund\n" uuid)'
    )
    application.sql(
        'INSERT INTO "My ""%s"" {x}"."T%%;" SELECT k, \'Seed\', \'Series A\', gen_random_uuid() '
        "FROM unnest(ARRAY['', E'\\t', '%s', E'\\\\N', '''']) k"
    )
    both = tuple(
        TargetSetting(
            table="T%%;",
            column=column,
            schema='My "%s" {x}',
            key="K %",
            fund_column="Fund\n",
            fund_column_required=True,
        )
        for column in ("a%", "b")
    )
    _back_up(application, tmp_path / "b.gz", *both)
    rows = list(BackupReader(tmp_path / "b.gz").rows())
    saved = [(row.row_id, row.fund_id, row.stage) for row in rows if row.target.column == "b"]
    stored = application.sql('SELECT "K %", "Fund\n"::text, b FROM "My ""%s"" {x}"."T%%;"')
    assert sorted(saved) == sorted(stored)
    assert len(rows) == 10


def test_backup_follows_a_link(application: Application, tmp_path: Path) -> None:
    (tmp_path / "vault").mkdir()
    link = tmp_path / "b.gz"
    link.symlink_to(tmp_path / "vault" / "real.gz")
    _back_up(application, link)
    assert link.is_symlink()
    assert check_backup(tmp_path / "vault" / "real.gz").manifest.rows == 0


def test_run_warns_about_targets_without_a_recent_backup(application: Application, tmp_path: Path) -> None:
    def said() -> str | None:
        with application.database.snapshot() as connection:
            return reminder(read_backup_ages(connection, resolve_targets(connection, DEFAULT_TARGETS)))

    assert "none is recorded" in (said() or "")
    _back_up(application, tmp_path / "1.gz", TargetSetting(table=COMPANIES))
    assert "No recent backup of public.deal_opportunities.stage: none is recorded" in (said() or "")
    _back_up(application, tmp_path / "2.gz")
    assert said() is None
    application.sql("UPDATE stage_migration_backups SET created_at = created_at - interval '25 hours'")
    assert "the newest was made at" in (said() or "")
