"""The verification report as one HTML file: no network, no script, nothing to install; to archive, print and sign."""

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256 as digest
from typing import Final

from stagenorm_pipeline.engine.verification.result import CheckResult, VerificationResult
from stagenorm_pipeline.report.escape import for_html, sentence_for_html
from stagenorm_pipeline.report.pictures import ON_PAGE, funds_picture, stages_picture
from stagenorm_pipeline.report.stylesheet import STYLESHEET
from stagenorm_pipeline.report.tables import Cell, Name, Spelling, Table, figure
from stagenorm_pipeline.report.tags import Html, joined, tag
from stagenorm_pipeline.report.verification_tables import (
    findings_table,
    funds_table,
    plans_table,
    sample_table,
    stage_totals,
    stages_table,
    target_stages_table,
    unknown_table,
)
from stagenorm_pipeline.report.wording import (
    MARKS,
    MEANWHILE,
    OUTCOMES,
    VERDICT_OUTCOMES,
    VERDICTS,
    about,
    figures_line,
    notes,
    rows_line,
    rule_name,
    verdict_line,
)

# A page of more rows than this is slow on a phone, and nobody reads it; the JSON has all that there is.
_ROWS: Final = 500
_VALUE_SHOWN: Final = 200


def verification_html(result: VerificationResult, sha256: str | None = None) -> str:
    """The verification report as a whole page."""
    page = tag("html", _head(result), tag("body", tag("main", *_sections(result, sha256))), lang="en")
    return f"<!DOCTYPE html>\n{page}\n"


def _head(result: VerificationResult) -> Html:
    style_hash = b64encode(digest(STYLESHEET.encode()).digest()).decode("ascii")
    policy = f"default-src 'none'; style-src 'sha256-{style_hash}'; base-uri 'none'; form-action 'none'"
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", f"Verification report: {VERDICTS[result.verdict].lower()}"),
        # The policy names the style by its hash: it must stand here byte for byte, and it is ours.
        tag("style", Html(STYLESHEET)),
    )


def _sections(result: VerificationResult, sha256: str | None) -> Iterable[Html]:
    outcome = VERDICT_OUTCOMES[result.verdict]
    yield tag("h1", "Verification report")
    yield tag("p", f"{MARKS[outcome]} {verdict_line(result)}", class_=f"verdict {outcome}")
    yield from (tag("p", sentence_for_html(note), class_="note") for note in notes(result))
    yield tag("p", f"Now {rows_line(result.counts)}.")
    yield _section("The seven checks", tag("ol", *map(_check, result.checks), class_="checks"))
    yield tag("p", MEANWHILE, class_="soft")
    yield _section(
        "Before → after by stage", stages_picture(stage_totals(result), ON_PAGE), _table(stages_table(result))
    )
    if len(result.targets) > 1:
        yield _table_section(target_stages_table(result))
    if result.funds:
        yield _section("Before → after by fund", funds_picture(result.funds, ON_PAGE), _table(funds_table(result)))
    yield _table_section(unknown_table(result.unknown, result.unknown_spellings, _ROWS))
    yield _table_section(sample_table(result))
    yield _table_section(plans_table(result))
    yield _section("About this report", _facts(about(result, sha256)))


def _check(check: CheckResult) -> Html:
    facts: list[tuple[str, Cell]] = [("Figures", figures_line(check)), ("Compared", check.compared)]
    if check.recommendation is not None:
        facts.append(("What to do", check.recommendation))
    outcome = f"{MARKS[check.outcome]} {OUTCOMES[check.outcome]}"
    return tag(
        "li",
        tag("h3", tag("span", outcome, class_=check.outcome.value), f" · {rule_name(check.rule)}"),
        tag("p", sentence_for_html(check.summary)),
        _facts(facts),
        _table(findings_table(check)),
    )


def _section(title: str, *content: Html) -> Html:
    return tag("section", tag("h2", title), *content)


def _table_section(table: Table) -> Html:
    return _section(table.title, _table(table)) if table.rows else joined()


def _table(whole: Table) -> Html:
    """The table in a region that scrolls by itself; nothing at all for a table without rows."""
    if not whole.rows:
        return joined()
    table = whole.cut(_ROWS)
    is_count = [table.is_numeric(column) for column in range(len(table.headings))]
    heads = (
        tag("th", heading, scope="col", class_="count" if counts else "")
        for heading, counts in zip(table.headings, is_count, strict=True)
    )
    body = (tag("tr", *_row(row, is_count)) for row in table.rows)
    written = tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *body), aria_label=table.title)
    region = tag("div", written, class_="scroll", role="region", tabindex="0", aria_label=f"{table.title}, scrolls")
    return joined(region, tag("p", table.rest, class_="soft")) if table.rest else region


def _row(row: tuple[Cell, ...], is_count: list[bool]) -> Iterable[Html]:
    for column, (cell, counts) in enumerate(zip(row, is_count, strict=True)):
        if counts:
            yield tag("td", _cell(cell), class_="count")
        elif column == 0:
            yield tag("th", _cell(cell), scope="row")
        else:
            yield tag("td", _cell(cell))


def _facts(facts: Iterable[tuple[str, Cell]]) -> Html:
    return tag("dl", *(joined(tag("dt", label), tag("dd", _cell(cell))) for label, cell in facts))


def _cell(cell: Cell) -> Html | str:
    match cell:
        case Spelling(text):
            return "NULL" if text is None else for_html(text, quote=True, limit=_VALUE_SHOWN)
        case Name(text):
            return for_html(text, limit=_VALUE_SHOWN)
        case str():
            return sentence_for_html(cell)
        case _:
            return figure(cell)
