"""Write a report where `--output` and `--format` say: files, devices and standard output."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, assert_never

import click

from stagenorm_pipeline.errors import ConfigurationError, StagenormError

if TYPE_CHECKING:
    from stagenorm_pipeline.report.report_form import ReportForm

STDOUT = "-"
# No file system takes a longer path, so names are shown whole and can be copied.
LONGEST_NAME = 4_096
_FORMS = ("json", "html", "md", "txt")

format_option: Callable[[Any], Any] = click.option(
    "--format",
    "form",
    type=click.Choice(_FORMS),
    help="The form on standard output and of names without a suffix.  [default there: json]",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardOutput:
    """Where an output goes that is written to no file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One output of a report."""

    name: str
    place: Path | StandardOutput
    form: ReportForm

    @property
    def is_standard_output(self) -> bool:
        return isinstance(self.place, StandardOutput)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """An output after it was written. `error`: why it could not be."""

    output: Output
    error: StagenormError | None


def read_output_place(name: str) -> Path | StandardOutput:
    """Read `--output`. Raises ConfigurationError if it cannot be written."""
    from stagenorm_pipeline.output_files import require_writable

    if not name:
        raise ConfigurationError("--output names no file.", remedy="Name one, or - for standard output.")
    # /dev/stdout would be opened a second time. If it is a file, the two would overwrite each other.
    if name in (STDOUT, "/dev/stdout"):
        return StandardOutput()
    path = Path(name)
    require_writable(path)
    return path


def read_outputs(names: Sequence[str], form: str | None) -> tuple[Output, ...]:
    """Read `--output` and `--format`; `--format` alone means standard output.

    Raises ConfigurationError for a name with an unknown suffix, for one that cannot be written, for standard output
    more than once, and for a format that no output has.
    """
    if form is not None and not names:
        names = (STDOUT,)
    outputs = tuple(_read_output(name, form) for name in names)
    if sum(output.is_standard_output for output in outputs) > 1:
        raise ConfigurationError("Standard output can hold one form only.", remedy="Give `--output -` once.")
    if form is not None and form not in [output.form for output in outputs]:
        raise ConfigurationError(
            f"--format {form} contradicts --output {outputs[0].name}.",
            remedy="The suffix of a name decides its form: leave --format out, or name another file.",
        )
    return outputs


@contextmanager
def standard_output(*, is_reserved: bool) -> Iterator[TextIO]:
    """Yield standard output. If it is reserved for a report, all other text goes to standard error."""
    stream = sys.stdout
    with redirect_stdout(sys.stderr if is_reserved else stream):
        yield stream


def write_outputs(
    outputs: Sequence[Output], text_in: Callable[[ReportForm], str], stream: TextIO
) -> tuple[Written, ...]:
    """Write every output, `-` to the stream. Prints nothing: `tell_outputs` says what was written.

    Call it before anything is printed: `stagenorm verify --output report.json | head` ends the program at a line.
    """
    return tuple(Written(output=output, error=_write(output, text_in, stream)) for output in outputs)


def _write(output: Output, text_in: Callable[[ReportForm], str], stream: TextIO) -> StagenormError | None:
    try:
        write_text(output.place, text_in(output.form), stream)
    except StagenormError as error:
        return error
    return None


def tell_outputs(written: Sequence[Written], number: int) -> bool:
    """Name every file that was written, and how to repeat each that failed. Returns whether all were written."""
    from stagenorm_pipeline.cli.log_lines import show_error
    from stagenorm_pipeline.report.escape import for_terminal

    for output, error in ((one.output, one.error) for one in written):
        if error is not None:
            again = f"stagenorm report {number} --format {output.form} --output FILE"
            show_error(
                StagenormError(error.message, remedy=f"The report is stored. Write it to another place: {again}")
            )
        elif not output.is_standard_output:
            click.echo(f"Report written to {for_terminal(output.name, limit=LONGEST_NAME)}")
    return all(one.error is None for one in written)


def write_text(place: Path | StandardOutput, text: str, stream: TextIO | None) -> None:
    """Write a text to a file, or to the stream if the place is standard output."""
    from stagenorm_pipeline.output_files import replace_file

    match place:
        case StandardOutput():
            write_standard_output(text, stream)
        case Path():
            replace_file(place, text)
        case _:
            assert_never(place)


def write_standard_output(text: str, stream: TextIO | None) -> None:
    """Write a text, and nothing else, to standard output, in UTF-8 as in a file. Raises StagenormError if it cannot."""
    if stream is None:
        raise StagenormError("Standard output cannot be written: it is closed.", remedy="Name a file instead.")
    try:
        stream.flush()
        stream.buffer.write(text.encode("utf-8", "surrogatepass"))
        stream.buffer.flush()
    except OSError as error:
        # Python flushes the rest when it exits, and would print its own error then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        raise StagenormError(
            f"Standard output cannot be written: {error.strerror}.", remedy="Name a file instead."
        ) from error


def _read_output(name: str, form: str | None) -> Output:
    from stagenorm_pipeline.report.report_form import ReportForm

    suffix = Path(name).suffix.lower().removeprefix(".")
    if suffix and suffix not in _FORMS:
        raise ConfigurationError(
            f"{name}: {Path(name).suffix} is not a report format.",
            remedy="Use .json, .html, .md or .txt. Without a suffix, --format decides; the default is JSON.",
        )
    return Output(name=name, place=read_output_place(name), form=ReportForm(suffix or form or ReportForm.JSON))
