"""The four forms of a verification report, by the name that `--format` and a file's suffix give them. Pure."""

from enum import StrEnum

from stagenorm_pipeline.engine.verify.result import VerificationResult
from stagenorm_pipeline.report.html_page import verification_html
from stagenorm_pipeline.report.markdown_text import verification_markdown
from stagenorm_pipeline.report.terminal_text import verification_text


class ReportForm(StrEnum):
    """A form of the report: the value is what `--format` takes and, after a dot, the suffix of its files."""

    JSON = "json"
    HTML = "html"
    MARKDOWN = "md"
    TEXT = "txt"


def report_in(form: ReportForm, result: VerificationResult, *, report: str, sha256: str, number: int) -> str:
    """One form of a verification's report. `report`: its JSON as it was recorded, which is never written anew."""
    match form:
        case ReportForm.JSON:
            return report
        case ReportForm.HTML:
            return verification_html(result, sha256, number)
        case ReportForm.MARKDOWN:
            return verification_markdown(result, sha256, number)
        case ReportForm.TEXT:
            return verification_text(result, sha256=sha256, verification_id=number) + "\n"
