"""Test patch files of the review page: read by hash and bytes, refused with their place."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from stagenorm_pipeline.service.decision_patch_file import read_patch_file
from stagenorm_pipeline.vocabulary import DecisionsError, Keep, Stage, spelling_sha256
from stagenorm_pipeline_tests.support.review_pages import HOSTILE_SPELLINGS, patch

SPELLINGS = {spelling_sha256(text): text for text in ("Seed Round", "Debt", *HOSTILE_SPELLINGS)}


def write(path: Path, content: dict[str, Any] | str) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_decisions_come_back_with_bytes_person_and_day(tmp_path: Path) -> None:
    content = patch({"Seed Round": "seed", "gone": "seed"})
    content["decisions"] += patch(dict.fromkeys(HOSTILE_SPELLINGS, "leave-as-is"), by=" ", reason="why <b>")[
        "decisions"
    ]
    path = write(tmp_path / "ana.json", content)
    found = read_patch_file(path, SPELLINGS, by="Cleo")
    assert found.unknown == (f"{path} decision 2 of Ana",)
    first, *hostile = found.patch.entries
    assert (first.spelling, first.choice, first.decided_by) == ("Seed Round", Stage.SEED, "Ana")
    assert first.decided_on == date(2026, 1, 19)
    assert [entry.spelling for entry in hostile] == list(HOSTILE_SPELLINGS)
    assert {(entry.choice, entry.decided_by) for entry in hostile} == {(Keep(reason="why <b>"), "Cleo")}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is not a patch file of this version"),
        ("[1]", "is not a patch file of this version"),
        (patch({}) | {"version": 2}, "version: Input should be 1"),
        (patch({}) | {"format": "other"}, "format: Input should be"),
        (patch({"Debt": "seed"}, extra=1), r"decisions\.0\.extra: Extra inputs"),
        (patch({"Debt": "seed"}, decided_on="19.1.2026"), r"decisions\.0\.decided_on"),
        (patch({"Debt": "seed"}, spelling_sha256="x"), r"decisions\.0\.spelling_sha256"),
        (patch({"Debt": "seed"}, spelling_base64="RGVidHM="), "decision 1 of Ana: .* does not have the hash beside it"),
        (patch({"Debt": "seed"}, spelling_base64="/w=="), "decision 1 of Ana: spelling_base64 is not UTF-8"),
        (patch({"Debt": "series-d"}), "decision 1 of Ana: .*series-d.* is no stage"),
        (patch({"Debt": ""}), "decision 1 of Ana: has no stage"),
        (patch({"Debt": "leave-as-is"}), "decision 1 of Ana: leave-as-is needs a reason"),
    ],
)
def test_mistake_is_named_with_its_place(tmp_path: Path, content: dict[str, Any] | str, said: str) -> None:
    with pytest.raises(DecisionsError, match=said):
        read_patch_file(write(tmp_path / "ana.json", content), SPELLINGS, by="Cleo")
