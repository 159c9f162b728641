"""Exported look-ups answer as stagenorm does: in Python, in SQL on the server, and in TypeScript."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest

from stagenorm_pipeline.engine.vocabulary_sql import lookup_sql
from stagenorm_pipeline.vocabulary import Decision, Decisions, Stage, Vocabulary, configured_aliases
from stagenorm_pipeline.vocabulary.export import Vector, conformance_vectors, lookup_json, lookup_typescript
from stagenorm_pipeline.vocabulary.normalize import collapse, fold, normalize
from stagenorm_pipeline_tests.support.application import Application

HOSTILE = ("$stagenorm$ {x} %s %(a)s", 'it\'s \\ "quoted" \u2028 \U0001f331', "$1", "__proto__")
ALIASES = configured_aliases(
    ("pre-seed", "seed", "series-a", "series-d"), {"series-d": ("Serie D", "\u0421\u0415\u0420\u0418\u042f \u0414")}
)
VOCABULARY = Vocabulary.with_decisions(
    Decisions(
        aliases=ALIASES,
        entries=(
            *(Decision(spelling=text, stage=Stage("series-d")) for text in HOSTILE),
            Decision(spelling="Debt", is_kept=True, reason="a loan"),
        ),
    )
)
VECTORS = conformance_vectors(VOCABULARY)


def test_vectors_reach_every_meaning_stage_and_hostile_decision() -> None:
    assert {vector.meaning for vector in VECTORS} == {"canonical", "known", "kept", "unknown"}
    assert {vector.stage for vector in VECTORS} == {*map(str, ALIASES.canonical), None}
    assert {*HOSTILE, "\u0441\u0435\u0440\u0438\u044f \u0434"} <= {vector.spelling for vector in VECTORS}


def test_json_export_can_be_followed_by_its_steps() -> None:
    said = json.loads(lookup_json(VOCABULARY))
    folding = {ord(one): ascii_ for one, ascii_ in said["folding"].items()}

    def answer(spelling: str) -> Vector:
        text = normalize(spelling) if len(collapse(spelling)) <= said["longest_alias"] else ""
        stage = said["aliases"].get(text) or said["aliases"].get(fold(text, folding))
        choice = stage or said["decisions"].get(spelling)
        meaning = "kept" if choice == "leave-as-is" else "known" if choice else "unknown"
        meaning = "canonical" if spelling in said["stages"] else meaning
        return Vector(spelling=spelling, meaning=meaning, stage=None if meaning in ("kept", "unknown") else choice)

    assert tuple(answer(vector["spelling"]) for vector in said["vectors"]) == VECTORS
    assert said["vocabulary_version"] == VOCABULARY.version


def test_sql_export_gives_the_same_answers_on_the_server(bare: Application) -> None:
    with psycopg.connect(bare.url) as connection:
        connection.execute(lookup_sql(VOCABULARY).encode())
        found = connection.execute(
            "SELECT spelling, stagenorm_meaning_of(spelling), stagenorm_stage_of(spelling) "
            "FROM unnest(%s::text[]) WITH ORDINALITY AS s (spelling, n) ORDER BY n",
            ([vector.spelling for vector in VECTORS],),
        ).fetchall()
    assert [Vector(spelling=text, meaning=meaning, stage=stage) for text, meaning, stage in found] == list(VECTORS)


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_typescript_export_gives_the_same_answers_in_node(tmp_path: Path) -> None:
    plain = _without_types(lookup_typescript(VOCABULARY))
    ask = 'import { readFileSync } from "node:fs";\nconst asked = JSON.parse(readFileSync(0, "utf8"));\n'
    ask += "console.log(JSON.stringify(asked.map((text) => [text, meaningOf(text), stageOf(text)])));\n"
    (tmp_path / "lookup.mjs").write_text(plain + ask, encoding="utf-8")
    ran = subprocess.run(
        ["node", "lookup.mjs"],
        input=json.dumps([vector.spelling for vector in VECTORS]),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    found = [Vector(spelling=text, meaning=meaning, stage=stage) for text, meaning, stage in json.loads(ran.stdout)]
    assert found == list(VECTORS)


def _without_types(text: str) -> str:
    """Remove the few annotations that the template has: node 20 runs no TypeScript."""
    text = re.sub(r"^export type .*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"new Map<[^>]*>", "new Map", text).replace(" as const;", ";")
    return re.sub(r"^((?:export )?function \w+\(\w+): string\): .* \{$", r"\1) {", text, flags=re.MULTILINE)
