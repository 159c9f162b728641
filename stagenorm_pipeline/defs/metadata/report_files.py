"""Write the report as files and tell the reviewer on the page how to sign it with `stagenorm sign-off`."""

import shlex
from pathlib import Path

import dagster as dg

from stagenorm_pipeline.engine.postgres.identity import user_name
from stagenorm_pipeline.errors import StagenormError
from stagenorm_pipeline.output_files import replace_file
from stagenorm_pipeline.report.escape import for_markdown, sentence_for_markdown
from stagenorm_pipeline.report.formats import ReportForm
from stagenorm_pipeline.report.sign_off_statement import is_to_sign, record_command, statement
from stagenorm_pipeline.service.verifying import VerificationReport

# Not `verification_report`: Dagster's IO manager uses that directory for the asset's output.
_DIRECTORY = "verification_reports"


def write_report_files(context: dg.AssetExecutionContext, report: VerificationReport) -> dict[str, dg.MetadataValue]:
    """Write the report as JSON and HTML below the instance's storage. Returns the metadata entries about signing it.

    If the files cannot be written, the entries say so. The verification and its verdicts are already recorded.
    """
    # With the hash: `stagenorm ui` uses one home for several databases, and each numbers its verifications from 1.
    stem = f"verification-{report.number}-{report.sha256[:8]}"
    path = Path(context.instance.storage_directory()) / _DIRECTORY / f"{stem}.json"
    try:
        _write(path, report.json)
        _write(path.with_suffix(".html"), report.text(ReportForm.HTML))
    except StagenormError as error:
        context.log.warning(f"The report was not written to files: {error}")
        return _without_files(_NOT_WRITTEN.format(problem=sentence_for_markdown(error.message), number=report.number))
    return {
        "sign-off": dg.MetadataValue.md(_sign_off_steps(report, path)),
        "report_json": dg.MetadataValue.path(path),
        "report_html": dg.MetadataValue.path(path.with_suffix(".html")),
    }


def command_line_report_entries(report: VerificationReport) -> dict[str, dg.MetadataValue]:
    """Return the metadata entries about signing a verification that the command line made."""
    result = report.result
    write = f"stagenorm report {report.number} --output report.json"
    sign = record_command(result, report.number, "report.json")
    steps = f"Made on the command line. Write the JSON with `{write}`, then run `{sign}`."
    return _without_files(steps if is_to_sign(result) else statement(result))


def _without_files(sign_off: str) -> dict[str, dg.MetadataValue]:
    # "none": the page shows the newest value of each name, so without one it would show an older report's files.
    none = dg.MetadataValue.text("none")
    return {"sign-off": dg.MetadataValue.md(sign_off), "report_json": none, "report_html": none}


_NOT_WRITTEN = (
    "The verification and its report are recorded, but the report files could not be written: {problem} To get the "
    "report, run `stagenorm report {number} --output report.json`."
)


def _sign_off_steps(report: VerificationReport, path: Path) -> str:
    if not is_to_sign(report.result):
        return statement(report.result)
    # Names the machine, because Celery may execute the run on any worker.
    where = for_markdown(user_name().partition("@")[2])
    command = record_command(report.result, report.number, shlex.quote(str(path)))
    return f"Run on {where}, as a role that may sign:\n\n```\n{command}\n```"


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StagenormError(f"The directory {path.parent} cannot be created: {error.strerror}.") from error
    replace_file(path, text)
