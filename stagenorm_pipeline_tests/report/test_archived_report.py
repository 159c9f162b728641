"""A report that was archived: its forms are of one verification, and are found again by the mark that they carry."""

import hashlib
import json
from pathlib import Path

from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.command_line import stagenorm_here


def test_archived_formats_share_one_hash(application: Application, tmp_path: Path) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Series A")])
    application.run()
    files = {form: tmp_path / f"report.{form}" for form in ("json", "html", "md", "txt")}
    outputs = [argument for file in files.values() for argument in ("--output", str(file))]

    ran = stagenorm_here("verify", *outputs, url=application.url)

    assert ran.code == 0
    mark = hashlib.sha256(files["json"].read_bytes()).hexdigest()
    assert [mark in files[form].read_text(encoding="utf-8") for form in ("html", "md", "txt")] == [True] * 3
    assert mark in stagenorm_here("report", "1", "--full", url=application.url).out
    assert application.sql("SELECT verification_id, report_sha256 FROM stage_verifications") == [(1, mark)]
    assert json.loads(files["json"].read_bytes())["verdict"] == "passed"
    assert "stagenorm sign-off 1 --report FILE" in files["html"].read_text(encoding="utf-8")


def test_only_the_archived_file_signs_its_report(application: Application, tmp_path: Path) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    application.run()
    file = tmp_path / "report.json"
    assert stagenorm_here("verify", "--output", str(file), url=application.url).code == 0
    other = tmp_path / "other.json"
    other.write_bytes(file.read_bytes() + b"\n")

    refused = stagenorm_here("sign-off", "1", "--report", str(other), url=application.url)
    signed = stagenorm_here("sign-off", "1", "--report", str(file), url=application.url)

    assert (refused.code != 0, signed.code) == (True, 0)
