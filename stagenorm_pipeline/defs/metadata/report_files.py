"""The report as files, so that a reviewer who was shown it in the UI has what `stagenorm sign-off` asks for.

Does not belong here: what is in the report (see `report`).
"""

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

# Not `verification_report`: there Dagster's own IO manager would keep what the asset returns.
_DIRECTORY = "verification_reports"


def leave_report(
    context: dg.AssetExecutionContext, result: VerificationResult, sha256: str, number: int
) -> dict[str, dg.MetadataValue]:
    """Write the JSON and HTML report below the instance's storage. Returns what the page says of signing it.

    Where it cannot be written the page says so, and the verification stands: its verdicts are recorded already.
    """
    # `stagenorm ui` serves the demo's database one day and another the next from one home, and both count from 1.
    stem = f"verification-{number}-{sha256[:8]}"
    path = Path(context.instance.storage_directory()) / _DIRECTORY / f"{stem}.json"
    try:
        _write(path, document_json(verification_document(result)))
        _write(path.with_suffix(".html"), verification_html(result, sha256, number))
    except StagenormError as error:
        context.log.warning(f"The report was not left as files: {error}")
        return _without_files(_NOT_LEFT.format(problem=sentence_for_markdown(error.message), number=number))
    return {
        "sign-off": dg.MetadataValue.md(_how_to_sign(result, number, path)),
        "report_json": dg.MetadataValue.path(path),
        "report_html": dg.MetadataValue.path(path.with_suffix(".html")),
    }


def made_elsewhere(result: VerificationResult, number: int) -> dict[str, dg.MetadataValue]:
    """What the page says of signing a verification of the command line, which writes its files where it is told to."""
    file = f"stagenorm report {number} --output report.json"
    sign = record_command(result, number, "report.json")
    how = f"Made on the command line. `{file}` writes the JSON; then `{sign}`."
    return _without_files(how if is_to_sign(result) else statement(result))


def _without_files(sign_off: str) -> dict[str, dg.MetadataValue]:
    # The page shows the newest value of each name: left out, an older verification's files would seem to be this one's.
    none = dg.MetadataValue.text("none")
    return {"sign-off": dg.MetadataValue.md(sign_off), "report_json": none, "report_html": none}


_NOT_LEFT = (
    "The verification and its report are recorded, but the report could not be left as files: {problem} "
    "`stagenorm report {number} --output report.json` writes it."
)


def _how_to_sign(result: VerificationResult, number: int, path: Path) -> str:
    if not is_to_sign(result):
        return statement(result)
    # The machine as well: behind Celery it is whichever one the run was given to.
    where = for_markdown(user_name().partition("@")[2])
    return f"On {where}, as a role that may:\n\n```\n{record_command(result, number, shlex.quote(str(path)))}\n```"


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StagenormError(f"{path.parent} cannot be made: {error.strerror}.") from error
    replace_file(path, text)
