"""Write the verification report as one HTML file to archive, print and sign. It needs no network and no script."""

import re
from base64 import b64encode
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256 as digest
from typing import Final

from stagenorm_pipeline.engine.verify.result import CheckResult, VerificationResult
from stagenorm_pipeline.engine.verify.rules.registry import RULES
from stagenorm_pipeline.report.charts import ON_PAGE
from stagenorm_pipeline.report.escape import for_html, sentence_for_html
from stagenorm_pipeline.report.html_tags import Html, joined, tag
from stagenorm_pipeline.report.notes import notes
from stagenorm_pipeline.report.sections import Limits, Section, outline
from stagenorm_pipeline.report.sign_off_statement import FIELDS, RECORD, is_to_sign, record_command, statement
from stagenorm_pipeline.report.stylesheet import STYLESHEET
from stagenorm_pipeline.report.tables import Cell, Name, Spelling, Table, duration, figure, number
from stagenorm_pipeline.report.verification_tables import findings_table
from stagenorm_pipeline.report.wording import (
    MARKS,
    OUTCOMES,
    VERDICT_OUTCOMES,
    VERDICTS,
    about,
    figures,
    made_line,
    rows_line,
    rule_name,
    verdict_line,
)

# A page with more rows is slow on a phone. The JSON has all of them. Not fewer: the runbook asks for a sample of 500,
# and the reviewer reads all of it.
_ROWS: Final = 500
_LIMITS: Final = Limits(stages=_ROWS, funds=_ROWS, findings=_ROWS, spellings=_ROWS, sample=_ROWS, plans=_ROWS)
_VALUE_SHOWN: Final = 120


def verification_html(result: VerificationResult, sha256: str | None = None, verification_id: int | None = None) -> str:
    """Write the verification report as a whole page.

    `sha256`: the hash of the JSON. `verification_id`: the number of the recorded verification.
    """
    page = tag("html", _head(result), tag("body", tag("main", *_page(result, sha256, verification_id))), lang="en")
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
        # Not escaped: the policy names the style by its hash, so it must be unchanged. It holds nothing from the data.
        tag("style", Html(STYLESHEET)),
    )


def _page(result: VerificationResult, sha256: str | None, verification_id: int | None) -> Iterable[Html]:
    outcome = VERDICT_OUTCOMES[result.verdict]
    sections = [
        _section("The seven checks", tag("ol", *map(_check, result.checks), class_="checks")),
        *(_outlined(section) for section in outline(result, _LIMITS, ON_PAGE)),
        _section("About this report", _facts(about(result, sha256, verification_id))),
        _section("Sign-off", *_sign_off(result, verification_id)),
    ]
    yield tag("h1", "Verification report")
    yield tag("p", sentence_for_html(made_line(result)), class_="soft")
    yield tag("p", f"{MARKS[outcome]} {verdict_line(result)}", class_=f"verdict {outcome}")
    yield from (tag("p", sentence_for_html(note), class_="note") for note in notes(result))
    yield tag("p", f"Now {rows_line(result.counts)}.")
    yield tag("ul", *map(_summary_of_check, result.checks), class_="summary")
    yield _contents(title for title, _ in sections)
    yield from (written for _, written in sections)


def _summary_of_check(check: CheckResult) -> Html:
    outcome = tag("span", f"{MARKS[check.outcome]} {OUTCOMES[check.outcome]}", class_=check.outcome.value)
    name = rule_name(check.rule)
    return tag("li", outcome, " ", tag("a", name, href=f"#{_anchor(name)}"))


def _check(check: CheckResult) -> Html:
    counts = (tag("li", f"{name} ", tag("b", count)) for name, count in figures(check))
    facts: list[tuple[str, Html | str]] = [("Figures", tag("ul", *counts, class_="figures"))] if check.figures else []
    facts.append(("Compared", sentence_for_html(check.compared)))
    if check.recommendation is not None:
        facts.append(("What to do", sentence_for_html(check.recommendation)))
    facts += [
        ("Passing proves", RULES[check.rule].proves),
        ("Cannot know", RULES[check.rule].cannot_know),
        ("If it does not pass", RULES[check.rule].severity),
        ("Took", duration(check.duration_ms)),
    ]
    if check.findings:
        table = findings_table(check)
        facts.append(("Findings", tag("a", f"{number(table.total)}, listed below", href=f"#{_anchor(table.title)}")))
    outcome = f"{MARKS[check.outcome]} {OUTCOMES[check.outcome]}"
    return tag(
        "li",
        tag("h3", tag("span", outcome, class_=check.outcome.value), f" · {rule_name(check.rule)}"),
        tag("p", sentence_for_html(check.summary)),
        _definitions(facts),
        id=_anchor(rule_name(check.rule)),
    )


def _outlined(section: Section) -> tuple[str, Html]:
    sentences = section.sentences if section.filled else (section.empty,)
    tables = [_table(table, is_named_above=table.title == section.title) for table in section.filled]
    return _section(
        section.title,
        *(tag("p", sentence_for_html(sentence), class_="soft") for sentence in sentences),
        tag("div", section.picture or joined(), tables[0], class_="beside") if tables else joined(),
        *tables[1:],
    )


def _sign_off(result: VerificationResult, verification_id: int | None) -> Iterable[Html]:
    yield tag("p", statement(result))
    if not is_to_sign(result):
        return
    fields = (tag("div", tag("dt", field), tag("dd")) for field in FIELDS)
    yield tag("dl", *fields, class_="signature")
    if verification_id is not None:
        yield tag("p", f"{RECORD} ", tag("code", record_command(result, verification_id)), class_="soft")


def _contents(titles: Iterable[str]) -> Html:
    links = (tag("li", tag("a", title, href=f"#{_anchor(title)}")) for title in titles)
    return tag("nav", tag("ul", *links), aria_label="Contents")


def _section(title: str, *content: Html) -> tuple[str, Html]:
    return title, tag("section", tag("h2", title), *content, id=_anchor(title))


def _anchor(title: str) -> str:
    """Return the anchor of a title in the page."""
    return re.sub("[^a-z0-9]+", "-", title.lower()).strip("-")


def _table(whole: Table, *, is_named_above: bool) -> Html:
    """Write a table in a region that scrolls. Its caption is hidden where the heading above says the same."""
    table = whole.cut(_ROWS)
    is_count = [table.is_numeric(column) for column in range(len(table.headings))]
    heads = (
        tag("th", heading, scope="col", class_="count" if counts else "")
        for heading, counts in zip(table.headings, is_count, strict=True)
    )
    sums = joined() if table.sums is None else tag("tr", *_row(table.sums, is_count), class_="sums")
    body = (tag("tr", *_row(row, is_count)) for row in table.rows)
    caption = tag("caption", table.title, class_="unseen" if is_named_above else "")
    written = tag("table", caption, tag("thead", tag("tr", *heads)), tag("tbody", sums, *body))
    place = {} if is_named_above else {"id": _anchor(table.title)}
    region = tag(
        "div", written, class_="scroll", role="region", tabindex="0", aria_label=f"{table.title}, scrolls", **place
    )
    return joined(region, tag("p", table.rest, class_="soft")) if table.rest else region


def _row(row: tuple[Cell, ...], is_count: list[bool]) -> Iterable[Html]:
    for column, (cell, counts) in enumerate(zip(row, is_count, strict=True)):
        if column == 0:
            yield tag("th", _cell(cell), scope="row", class_="count" if counts else "")
        else:
            yield tag("td", _cell(cell), class_="count" if counts else "when" if isinstance(cell, datetime) else "")


def _facts(facts: Iterable[tuple[str, Cell]]) -> Html:
    return _definitions((label, _cell(cell)) for label, cell in facts)


def _definitions(facts: Iterable[tuple[str, Html | str]]) -> Html:
    return tag("dl", *(joined(tag("dt", label), tag("dd", text)) for label, text in facts))


def _cell(cell: Cell) -> Html | str:
    match cell:
        case Spelling(text=text):
            return "NULL" if text is None else for_html(text, quote=True, limit=_VALUE_SHOWN)
        case Name(text=text):
            return for_html(text, limit=_VALUE_SHOWN)
        case str():
            return sentence_for_html(cell)
        case _:
            return figure(cell)
