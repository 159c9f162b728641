"""Write the report as files and tell the reviewer on the page how to sign it with `stagenorm sign-off`."""

import shlex
from pathlib import Path

import dagster as dg

from stagenorm_pipeline.engine.postgres.identity import user_name
from stagenorm_pipeline.engine.verify.result import VerificationResult
from stagenorm_pipeline.errors import StagenormError
from stagenorm_pipeline.report.escape import for_markdown, sentence_for_markdown
from stagenorm_pipeline.report.html_page import verification_html
from stagenorm_pipeline.report.json_document import document_json, verification_document
from stagenorm_pipeline.report.signature import is_to_sign, record_command, statement
from stagenorm_pipeline.service.output_files import replace_file

# Not `verification_report`: Dagster's IO manager uses that directory for the asset's output.
_DIRECTORY = "verification_reports"


def write_report_files(
    context: dg.AssetExecutionContext, result: VerificationResult, sha256: str, number: int
) -> dict[str, dg.MetadataValue]:
    """Write the report as JSON and HTML below the instance's storage. Returns the metadata entries about signing it.

    If the files cannot be written, the entries say so. The verification and its verdicts are already recorded.
    """
    # With the hash: `stagenorm ui` uses one home for several databases, and each numbers its verifications from 1.
    stem = f"verification-{number}-{sha256[:8]}"
    path = Path(context.instance.storage_directory()) / _DIRECTORY / f"{stem}.json"
    try:
        _write(path, document_json(verification_document(result)))
        _write(path.with_suffix(".html"), verification_html(result, sha256, number))
    except StagenormError as error:
        context.log.warning(f"The report was not written to files: {error}")
        return _without_files(_NOT_WRITTEN.format(problem=sentence_for_markdown(error.message), number=number))
    return {
        "sign-off": dg.MetadataValue.md(_sign_off_steps(result, number, path)),
        "report_json": dg.MetadataValue.path(path),
        "report_html": dg.MetadataValue.path(path.with_suffix(".html")),
    }


def command_line_report_entries(result: VerificationResult, number: int) -> dict[str, dg.MetadataValue]:
    """Return the metadata entries about signing a verification that the command line made."""
    write = f"stagenorm report {number} --output report.json"
    sign = record_command(result, number, "report.json")
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


def _sign_off_steps(result: VerificationResult, number: int, path: Path) -> str:
    if not is_to_sign(result):
        return statement(result)
    # Names the machine, because Celery may execute the run on any worker.
    where = for_markdown(user_name().partition("@")[2])
    command = record_command(result, number, shlex.quote(str(path)))
    return f"Run on {where}, as a role that may sign:\n\n```\n{command}\n```"


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StagenormError(f"The directory {path.parent} cannot be created: {error.strerror}.") from error
    replace_file(path, text)
