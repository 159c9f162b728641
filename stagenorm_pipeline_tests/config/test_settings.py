"""`stagenorm.toml`: the defaults without one, what it can say, and errors that name the file and the entry."""

from pathlib import Path

import pytest

from stagenorm_pipeline.config.settings import (
    DEFAULT_TARGETS,
    Configuration,
    TargetSetting,
    load_configuration,
)
from stagenorm_pipeline.errors import ConfigurationError

BOUNDS = "[verify]\nchanges_by_other_sessions_percent = {percent}\nchanges_by_other_sessions_rows = {rows}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "stagenorm.toml"


def loaded(file: Path, text: str) -> Configuration:
    file.write_text(text, encoding="utf-8")
    return load_configuration(file)


def test_without_a_file_the_two_default_targets_are_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    configuration = load_configuration(environment={})
    assert [target.name for target in configuration.targets] == ["portfoliocompanies.stage", "deal_opportunities.stage"]
    assert configuration.decisions == Path("stage_decisions.yaml")
    assert configuration.source is None


def test_the_file_beside_the_user_is_read_when_none_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('[[target]]\ntable = "rounds"\n')
    monkeypatch.chdir(file.parent)
    assert load_configuration(environment={}).targets == (TargetSetting(table="rounds"),)


def test_the_environment_names_another_file_and_an_argument_beats_it(tmp_path: Path) -> None:
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    first.write_text('[[target]]\ntable = "first"\n')
    second.write_text('[[target]]\ntable = "second"\n')
    environment = {"STAGENORM_CONFIG": str(first)}
    assert load_configuration(environment=environment).targets == (TargetSetting(table="first"),)
    assert load_configuration(second, environment).targets == (TargetSetting(table="second"),)


def test_an_empty_environment_variable_names_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_configuration(environment={"STAGENORM_CONFIG": ""}).targets == DEFAULT_TARGETS


def test_a_named_file_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere.toml"
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml does not exist"):
        load_configuration(environment={"STAGENORM_CONFIG": str(missing)})


def test_each_part_of_a_target_can_be_named(file: Path) -> None:
    names = 'schema = "crm"\ntable = "Deal Rounds"\ncolumn = "Stage Now"\nkey = "uid"\nfund_column = "vehicle"\n'
    assert loaded(file, f"[[target]]\n{names}").targets == (
        TargetSetting(
            table="Deal Rounds",
            column="Stage Now",
            schema="crm",
            key="uid",
            fund_column="vehicle",
            fund_column_required=True,
        ),
    )


def test_a_target_needs_no_more_than_its_table(file: Path) -> None:
    (target,) = loaded(file, '[[target]]\ntable = "rounds"\n').targets
    assert (target.column, target.schema, target.key, target.fund_column) == ("stage", None, None, "fund_id")
    # Not named, so a table without it has no funds rather than a mistake in the file.
    assert not target.fund_column_required


def test_the_decisions_file_is_looked_for_beside_the_configuration(file: Path) -> None:
    configuration = loaded(file, 'decisions = "reviewed/stages.yaml"\n')
    assert configuration.decisions == file.parent / "reviewed" / "stages.yaml"
    assert configuration.targets == DEFAULT_TARGETS
    assert configuration.source == file


def test_two_columns_of_one_table_are_two_targets(file: Path) -> None:
    text = '[[target]]\ntable = "t"\ncolumn = "first_stage"\n[[target]]\ntable = "t"\ncolumn = "last_stage"\n'
    assert [target.name for target in loaded(file, text).targets] == ["t.first_stage", "t.last_stage"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("targets = [\n", "not valid TOML"),
        ('[[target]]\ntable = "a"\ncolunm = "stage"\n', "colunm"),
        ('dicisions = "x.yaml"\n', "dicisions"),
        ('[[target]]\ncolumn = "stage"\n', "names no table"),
        ('[[target]]\ntable = ""\n', "table"),
        ("[[target]]\ntable = 7\n", "table"),
        ('[[target]]\ntable = "a"\nkey = ["x", "y"]\n', "key"),
        ('[target]\ntable = "a"\n', "target"),
        ('target = ["a"]\n', "target"),
        ("decisions = 5\n", "decisions"),
        ('[[target]]\ntable = "a"\n[[target]]\ntable = "a"\n', r"a\.stage is there twice"),
    ],
)
def test_an_error_names_the_file_and_the_entry_and_says_what_to_do(file: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named) as caught:
        loaded(file, text)
    assert str(file) in caught.value.message
    assert caught.value.remedy


def test_a_file_that_is_not_text_is_an_error_that_names_it(file: Path) -> None:
    file.write_bytes(b'[[target]]\ntable = "caf\xe9"\n')
    with pytest.raises(ConfigurationError, match=r"stagenorm\.toml is not valid TOML"):
        load_configuration(file)


@pytest.mark.parametrize("asked", ["rounds", "rounds.stage", "crm.rounds", "crm.rounds.stage"])
def test_a_target_with_a_schema_is_selected_by_any_of_its_names(asked: str) -> None:
    rounds = TargetSetting(table="rounds", schema="crm")
    assert Configuration(targets=(rounds, TargetSetting(table="deals"))).select(asked) == (rounds,)


@pytest.mark.parametrize("asked", ["deals", "deals.stage", "public.deals", "public.deals.stage"])
def test_a_target_without_a_schema_is_selected_by_its_name_and_as_a_table_of_public(asked: str) -> None:
    deals = TargetSetting(table="deals")
    assert Configuration(targets=(TargetSetting(table="rounds", schema="crm"), deals)).select(asked) == (deals,)


def test_a_table_selects_every_column_of_it_that_is_a_target() -> None:
    first, last = TargetSetting(table="t", column="first_stage"), TargetSetting(table="t", column="last_stage")
    configuration = Configuration(targets=(first, last, TargetSetting(table="u")))
    assert configuration.select("t") == (first, last)
    assert configuration.select("t.last_stage") == (last,)
    assert configuration.select(None) == configuration.targets


@pytest.mark.parametrize("asked", ["portfolio", "Deal_Opportunities", "crm.deal_opportunities", "stage", ""])
def test_selecting_what_is_no_target_is_an_error_that_lists_the_targets(asked: str) -> None:
    with pytest.raises(ConfigurationError, match=r"portfoliocompanies\.stage, deal_opportunities\.stage"):
        Configuration().select(asked)


def test_the_bounds_of_verification_are_read(file: Path) -> None:
    found = loaded(file, BOUNDS.format(percent=0, rows=400)).verify
    assert (found.changes_by_other_sessions_percent, found.changes_by_other_sessions_rows) == (0, 400)
    assert (found.allowed_of(1_000), found.allowed_of(10_000)) == (400, 400)
    default = loaded(file, "").verify
    assert [default.allowed_of(rows) for rows in (0, 400, 419, 420, 10_000)] == [20, 20, 20, 21, 500]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("verify = 3", "`verify` must be a table"),
        ("[verify]\npercent = 3", "unknown key 'percent' at \\[verify\\]"),
        (BOUNDS.format(percent=101, rows=1), "`changes_by_other_sessions_percent` in .* from 0 to 100"),
        (BOUNDS.format(percent=2.5, rows=1), "`changes_by_other_sessions_percent` in .* whole number"),
        (BOUNDS.format(percent=5, rows=-1), "`changes_by_other_sessions_rows` in .* whole number from 0"),
        (BOUNDS.format(percent=5, rows="true"), "`changes_by_other_sessions_rows` in .* whole number"),
    ],
)
def test_bounds_of_verification_that_make_no_sense_are_refused(file: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        loaded(file, text)
