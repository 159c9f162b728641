"""Write a verification report in the format that `--format` or the suffix of a file names."""

from enum import StrEnum

from stagenorm_pipeline.engine.verify.result import VerificationResult
from stagenorm_pipeline.report.html_page import verification_html
from stagenorm_pipeline.report.markdown_text import verification_markdown
from stagenorm_pipeline.report.terminal_text import verification_text


class ReportForm(StrEnum):
    """The format of a report. The value is the argument of `--format` and the suffix of the file."""

    JSON = "json"
    HTML = "html"
    MARKDOWN = "md"
    TEXT = "txt"


def report_in(form: ReportForm, result: VerificationResult, *, report: str, sha256: str, number: int) -> str:
    """Write a verification's report in one format. `report`: the recorded JSON, which is returned unchanged."""
    match form:
        case ReportForm.JSON:
            return report
        case ReportForm.HTML:
            return verification_html(result, sha256, number)
        case ReportForm.MARKDOWN:
            return verification_markdown(result, sha256, number)
        case ReportForm.TEXT:
            return verification_text(result, sha256=sha256, verification_id=number) + "\n"
