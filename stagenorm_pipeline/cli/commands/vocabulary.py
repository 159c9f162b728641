"""`stagenorm vocabulary`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, assert_never

import click

from stagenorm_pipeline.cli.outputs import STDOUT, StandardOutput, read_output_place
from stagenorm_pipeline.cli.screen import tell
from stagenorm_pipeline.counts import counted

if TYPE_CHECKING:
    from stagenorm_pipeline.config.configuration import Configuration
    from stagenorm_pipeline.vocabulary import ByDecision, LookUp, Vocabulary

_FORMS = ("json", "sql", "ts")


@click.group("vocabulary", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Show the canonical stages, look up a spelling, or export everything for the application.

    Needs no database.

    \b
    Examples:
      stagenorm vocabulary                       the stages and the version
      stagenorm vocabulary test "Serie A"        what a run makes of it, and why
      stagenorm vocabulary export --format ts    a look-up for the application
    """
    if context.invoked_subcommand is None:
        configuration, vocabulary = _load()
        for line in _in_force(configuration, vocabulary):
            tell(line)


@command.command("test")
@click.argument("spelling")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def test(spelling: str, as_json: bool) -> None:
    """Say what happens to one spelling, and why.

    \b
    Examples:
      stagenorm vocabulary test "Serie A"
      stagenorm vocabulary test --json " SEED "
    """
    from stagenorm_pipeline.service.deciding import decisions_in_force, look_up_spelling

    configuration, vocabulary = _load()
    found = look_up_spelling(configuration, spelling)
    if as_json:
        from stagenorm_pipeline.report.json_document import decisions_file_document, document_json, look_up_document

        in_force = decisions_file_document(decisions_in_force(configuration))
        click.echo(document_json({**look_up_document(found), **in_force}), nl=False)
        return
    for line in (*_looked_up(found), *_in_force(configuration, vocabulary)):
        tell(line)


@command.command("export")
@click.option("--format", "form", type=click.Choice(_FORMS), default="json", show_default=True, help="The format.")
@click.option("--output", default=STDOUT, metavar="FILE", help="Write to this file.  [default: standard output]")
def export(form: str, output: str) -> None:
    """Export a look-up for the application.

    It stops messy spellings where they enter. json has the data, the steps of the look-up, and spellings with the
    right answers for a test. sql creates two functions, stagenorm_stage_of(text) and stagenorm_meaning_of(text). ts is
    a module with stageOf and meaningOf.

    \b
    Examples:
      stagenorm vocabulary export --format ts --output investment-stages.ts
      stagenorm vocabulary export --format sql | psql "$DATABASE_URL"
    """
    from stagenorm_pipeline.output_files import replace_file
    from stagenorm_pipeline.service.exporting import export_vocabulary

    place = read_output_place(output)
    _, vocabulary = _load()
    text = export_vocabulary(vocabulary, form)
    if isinstance(place, StandardOutput):
        click.echo(text, nl=False)
    else:
        replace_file(place, text)


def _load() -> tuple[Configuration, Vocabulary]:
    from stagenorm_pipeline.config.configuration import load_configuration
    from stagenorm_pipeline.service.context import load_vocabulary

    configuration = load_configuration()
    return configuration, load_vocabulary(configuration)


def _in_force(configuration: Configuration, vocabulary: Vocabulary) -> Iterator[str]:
    from stagenorm_pipeline.report.escape import sentence_for_terminal
    from stagenorm_pipeline.service.deciding import decisions_in_force

    yield f"Stages: {', '.join(vocabulary.canonical)}"
    yield f"Vocabulary: version {vocabulary.version}, {counted(len(vocabulary.aliases.stages), 'alias', 'aliases')}"
    yield f"Decisions: {sentence_for_terminal(str(decisions_in_force(configuration)))}"


def _looked_up(found: LookUp) -> Iterator[str]:
    from stagenorm_pipeline.report.escape import for_terminal
    from stagenorm_pipeline.vocabulary import MeaningKind

    says = {
        MeaningKind.CANONICAL: "canonical. A run leaves it.",
        MeaningKind.MESSY: f"means {found.meaning.stage}. A run changes it.",
        MeaningKind.KEPT: "kept as it is, by decision.",
        MeaningKind.UNKNOWN: "unknown. A run leaves it until somebody decides.",
    }
    yield f"{for_terminal(found.spelling, quote=True)}: {says[found.meaning.kind]}"
    yield f"  Looked up as {for_terminal(found.normalized, quote=True)}."
    yield f"  Why: {_why(found)}."
    yield from (f"  Suggestion: {suggestion}" for suggestion in found.suggestions)
    if found.meaning.kind is MeaningKind.UNKNOWN:
        yield "  Decide: stagenorm decisions --ask"


def _why(found: LookUp) -> str:
    from stagenorm_pipeline.report.escape import for_terminal, sentence_for_terminal
    from stagenorm_pipeline.vocabulary import ByAlias, ByDecision, IsCanonical, IsUnknown

    match found.reason:
        case IsCanonical():
            return "it is a canonical stage, byte for byte"
        case ByAlias(alias=alias):
            folded = ", after dashes and look-alike letters were read as ASCII" if alias != found.normalized else ""
            return f"it is the alias {for_terminal(alias, quote=True)}{folded}"
        case ByDecision():
            return sentence_for_terminal(_decided(found.reason))
        case IsUnknown():
            return "no alias is the same, and no decision is about exactly this spelling"
        case _:
            assert_never(found.reason)


def _decided(reason: ByDecision) -> str:
    decision = reason.decision
    if decision is None:
        return f"decided: {reason.choice}"
    who = f" by {decision.decided_by}" if decision.decided_by else ""
    when = f" on {decision.decided_on}" if decision.decided_on else ""
    why = f": {decision.reason}" if decision.reason else ""
    return f"decided{who}{when}{why} ({decision.where})"
