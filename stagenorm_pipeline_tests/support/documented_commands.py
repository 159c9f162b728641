"""The commands in the pages of docs/ and in README.md, and a sandbox that runs them."""

import os
import re
import secrets
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from stagenorm_pipeline.local.server_files import binaries
from stagenorm_pipeline_tests.support.command_line import Ran, stagenorm_here
from stagenorm_pipeline_tests.support.database_roles import url_as

REPOSITORY = Path(__file__).parents[2]
PAGES = (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md")))

_FENCE = re.compile(r"^```(\w*)(?: ([^\n]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Absolute paths of the pages, which the sandbox has in its directory.
_ELSEWHERE = re.compile(r"(/backups|/var/lib/node_exporter/textfile)/")
# The pages speak of plan 7 and of verifications 12 and 13; the sandbox runs the newest ones.
_PLAN = re.compile(r"(--plan|plans|approve) 7\b")
_VERIFICATION = re.compile(r"(sign-off|report) 1[23]\b")

_TABLES = """
CREATE TABLE portfoliocompanies (id serial PRIMARY KEY, fund_id integer, name text, stage text NOT NULL);
CREATE TABLE deal_opportunities (id serial PRIMARY KEY, fund_id integer, stage text);
INSERT INTO portfoliocompanies (fund_id, stage)
SELECT i % 3, (ARRAY['Seed', 'seed', 'Series A', 'Angel'])[1 + i % 4] FROM generate_series(1, 123) i;
INSERT INTO deal_opportunities (fund_id, stage) VALUES (1, 'SERIES B'), (2, 'series-b'), (2, NULL);
"""
_MORE_ROWS = "INSERT INTO portfoliocompanies (fund_id, stage) VALUES (1, 'SEED'), (2, 'seed')"
_DECISIONS = '- spelling: "Angel"\n  stage: pre-seed\n  decided_by: "Ana"\n'


@dataclass(frozen=True, kw_only=True)
class Fence:
    """A fenced part of a page. `note` follows the language: why a test does not run it, or which test does."""

    page: str
    language: str
    note: str
    text: str


def fences(page: Path) -> list[Fence]:
    found = _FENCE.findall(page.read_text(encoding="utf-8"))
    return [Fence(page=page.name, language=language, note=note, text=text) for language, note, text in found]


def code_spans(page: Path) -> list[str]:
    """The code in the sentences and tables of a page."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return re.findall(r"`([^`\n]+)`", text)


def stagenorm_part(line: str) -> tuple[str, str]:
    """Split a shell command before the first pipe, redirection, `&&`, `;` or comment outside quotes."""
    quote = ""
    for place, character in enumerate(line):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "|&;<>" or (character == "#" and line[:place].endswith(" ")):
            return line[:place], line[place:]
    return line, ""


class Sandbox:
    """An application's database and a directory, in which the commands of a page run one after the other."""

    def __init__(self, url: str, directory: Path) -> None:
        self.url = url
        self.directory = directory
        self._mark = secrets.token_hex(6)
        self._approver = f"stagenorm_approver_{self._mark}"
        (directory / "sql").symlink_to(REPOSITORY / "sql")
        (directory / "stage_decisions.yaml").write_text(_DECISIONS)
        self.sql(_TABLES)

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_: object) -> None:
        with psycopg.connect(self.url, autocommit=True) as user:
            for (role,) in user.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE %s", [f"%{self._mark}"]):
                user.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())

    def sql(self, statements: str) -> None:
        with psycopg.connect(self.url) as user:
            user.execute(statements.encode())

    def run(self, fence: Fence) -> Iterator[tuple[str, str]]:
        """Run each command of the part. Yields those that failed, with their output."""
        if "stagenorm run" in fence.text:
            self.sql(_MORE_ROWS)
        for line in fence.text.splitlines():
            ran = self._line(self._adapted(line), role=self._approver if "as the approver" in line else "")
            if ran.code != ("exits 1" in line):
                yield line, ran.all[-1_500:]

    def psql(self, statements: str) -> Ran:
        """Run SQL in a transaction that is rolled back, with a role `reviewer`."""
        text = f"BEGIN; CREATE ROLE reviewer;\n{statements}\nROLLBACK;"
        return self._shell('psql -X -v ON_ERROR_STOP=1 "$DATABASE_URL"', text)

    def console(self, command: str) -> str:
        return self._line(command, role="").all

    def _adapted(self, line: str) -> str:
        line = _ELSEWHERE.sub(f"{self.directory}/", line)
        line = line.replace("stagenorm_approver", f"{self._approver} -v role=stagenorm_runner_{self._mark}")
        if "-f sql/roles.sql" in line and self._mark not in line:
            line = line.replace("-f sql/roles.sql", f"-f sql/roles.sql -v role=stagenorm_runner_{self._mark}")
        line = _PLAN.sub(rf"\1 {self._newest('plan_id', 'stage_migration_plans')}", line)
        return _VERIFICATION.sub(rf"\1 {self._newest('verification_id', 'stage_verifications')}", line)

    def _newest(self, column: str, table: str) -> int:
        with psycopg.connect(self.url) as user:
            (exists,) = user.execute("SELECT to_regclass(%s) IS NOT NULL", [table]).fetchone() or (False,)
            row = user.execute(f"SELECT max({column}) FROM {table}".encode()).fetchone() if exists else None
        return row[0] or 0 if row else 0

    def _line(self, line: str, *, role: str) -> Ran:
        """Run a line of a shell, and `stagenorm` in it in this process: an interpreter for each would take a minute."""
        mine, rest = stagenorm_part(line)
        words = shlex.split(mine)
        if words[:1] != ["stagenorm"]:
            return self._shell(line, "")
        # Nobody is there to answer.
        if words[1] in ("run", "resume") and "--rehearse" not in words:
            words += ["--sleep-ms", "0"] + (["--yes"] if words[1] == "run" else [])
        ran = stagenorm_here(*words[1:], url=url_as(self.url, role) if role else self.url, directory=self.directory)
        if rest.startswith("&&"):
            return self._line(rest.removeprefix("&&").strip(), role=role) if ran.code == 0 else ran
        if rest.startswith(("|", ">")):
            return self._shell(f"cat {rest}", ran.out) if ran.code == 0 else ran
        return ran

    def _shell(self, line: str, text: str) -> Ran:
        path = f"{self.directory}:{binaries()}:{os.environ['PATH']}"
        ran = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", line],
            input=text,
            env={"PATH": path, "DATABASE_URL": self.url, "HOME": str(self.directory)},
            cwd=self.directory,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return Ran(code=ran.returncode, out=ran.stdout, err=ran.stderr)
