"""stagenorm.toml: the defaults, every key, and errors that name the file and the entry."""

from pathlib import Path

import pytest

from stagenorm_pipeline.config.alerts import AlertKind, AlertSettings
from stagenorm_pipeline.config.configuration import (
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


def test_defaults_without_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    configuration = load_configuration(environment={})
    assert [target.name for target in configuration.targets] == ["portfoliocompanies.stage", "deal_opportunities.stage"]
    assert configuration.decisions == Path("stage_decisions.yaml")
    assert configuration.source is None


def test_file_in_the_current_directory_is_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('[[target]]\ntable = "rounds"\n')
    monkeypatch.chdir(file.parent)
    assert load_configuration(environment={}).targets == (TargetSetting(table="rounds"),)


def test_argument_beats_environment_beats_current_directory(tmp_path: Path) -> None:
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    first.write_text('[[target]]\ntable = "first"\n')
    second.write_text('[[target]]\ntable = "second"\n')
    environment = {"STAGENORM_CONFIG": str(first)}
    assert load_configuration(environment=environment).targets == (TargetSetting(table="first"),)
    assert load_configuration(second, environment).targets == (TargetSetting(table="second"),)


def test_empty_environment_variable_names_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_configuration(environment={"STAGENORM_CONFIG": ""}).targets == DEFAULT_TARGETS


def test_missing_named_file_is_an_error(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere.toml"
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml does not exist"):
        load_configuration(environment={"STAGENORM_CONFIG": str(missing)})


def test_target_with_every_key(file: Path) -> None:
    names = 'schema = "crm"\ntable = "Deal Rounds"\ncolumn = "Stage Now"\nkey = "uid"\nfund_column = "vehicle"\n'
    names += 'example_column = "name"\n'
    assert loaded(file, f"[[target]]\n{names}").targets == (
        TargetSetting(
            table="Deal Rounds",
            column="Stage Now",
            schema="crm",
            key="uid",
            fund_column="vehicle",
            fund_column_required=True,
            example_column="name",
        ),
    )


def test_target_needs_only_its_table(file: Path) -> None:
    (target,) = loaded(file, '[[target]]\ntable = "rounds"\n').targets
    assert (target.column, target.schema, target.key, target.fund_column) == ("stage", None, None, "fund_id")
    # The file does not name the column, so a table without it has no funds: that is no error.
    assert not target.fund_column_required


def test_decisions_path_is_relative_to_the_file(file: Path) -> None:
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
        ('[[target]]\ncolumn = "stage"\n', "has no `table`"),
        ('[[target]]\ntable = ""\n', "table"),
        ("[[target]]\ntable = 7\n", "table"),
        ('[[target]]\ntable = "a"\nkey = ["x", "y"]\n', "key"),
        ('[target]\ntable = "a"\n', "target"),
        ('target = ["a"]\n', "target"),
        ("decisions = 5\n", "decisions"),
        ('[[target]]\ntable = "a"\n[[target]]\ntable = "a"\n', r"a\.stage is listed twice"),
    ],
)
def test_wrong_entry_is_named_with_its_file(file: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named) as caught:
        loaded(file, text)
    assert str(file) in caught.value.message
    assert caught.value.remedy


def test_all_wrong_entries_are_listed_at_once(file: Path) -> None:
    text = '[[target]]\ntable = "a"\n[[target]]\ntabel = "b"\n[verify]\nchanges_by_other_sessions_rows = -1\n'
    with pytest.raises(ConfigurationError) as caught:
        loaded(file, text)
    assert caught.value.message == (
        f"{file}: [[target]] number 2 has no `table`. "
        'Unknown key "tabel" in [[target]] number 2. '
        "`changes_by_other_sessions_rows` in [verify] must be a whole number from 0 to 2,147,483,647, not -1."
    )
    assert "changes_by_other_sessions_rows = 20, which is the default" in str(caught.value.remedy)


def test_errors_hold_no_words_of_pydantic(file: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        loaded(file, 'decisions = []\nverify = []\n[[target]]\ntable = 1\n[throttle]\nmax_rows = "x"\n')
    assert not {"pydantic", "validation", "Input", "instance", "mapping"} & set(str(caught.value).split())


def test_file_that_is_not_utf8_is_named(file: Path) -> None:
    file.write_bytes(b'[[target]]\ntable = "caf\xe9"\n')
    with pytest.raises(ConfigurationError, match=r"stagenorm\.toml is not valid TOML"):
        load_configuration(file)


@pytest.mark.parametrize("asked", ["rounds", "rounds.stage", "crm.rounds", "crm.rounds.stage"])
def test_select_by_any_name_of_a_target_with_schema(asked: str) -> None:
    rounds = TargetSetting(table="rounds", schema="crm")
    assert Configuration(targets=(rounds, TargetSetting(table="deals"))).select(asked) == (rounds,)


@pytest.mark.parametrize("asked", ["deals", "deals.stage", "public.deals", "public.deals.stage"])
def test_select_target_without_schema_also_as_public(asked: str) -> None:
    deals = TargetSetting(table="deals")
    assert Configuration(targets=(TargetSetting(table="rounds", schema="crm"), deals)).select(asked) == (deals,)


def test_select_by_table_returns_all_its_columns() -> None:
    first, last = TargetSetting(table="t", column="first_stage"), TargetSetting(table="t", column="last_stage")
    configuration = Configuration(targets=(first, last, TargetSetting(table="u")))
    assert configuration.select("t") == (first, last)
    assert configuration.select("t.last_stage") == (last,)
    assert configuration.select(None) == configuration.targets


@pytest.mark.parametrize("asked", ["portfolio", "Deal_Opportunities", "crm.deal_opportunities", "stage", ""])
def test_select_unknown_table_lists_the_targets(asked: str) -> None:
    with pytest.raises(ConfigurationError, match=r"portfoliocompanies\.stage, deal_opportunities\.stage"):
        Configuration().select(asked)


def test_verify_section_is_read(file: Path) -> None:
    found = loaded(file, BOUNDS.format(percent=0, rows=400)).verify
    assert (found.changes_by_other_sessions_percent, found.changes_by_other_sessions_rows) == (0, 400)
    assert (found.allowed_of(1_000), found.allowed_of(10_000)) == (400, 400)
    default = loaded(file, "").verify
    assert [default.allowed_of(rows) for rows in (0, 400, 419, 420, 10_000)] == [20, 20, 20, 21, 500]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("verify = 3", "`verify` must be a table"),
        ("[verify]\npercent = 3", r'Unknown key "percent" in \[verify\]'),
        (BOUNDS.format(percent=101, rows=1), "`changes_by_other_sessions_percent` in .* from 0 to 100"),
        (BOUNDS.format(percent=2.5, rows=1), "`changes_by_other_sessions_percent` in .* whole number"),
        (BOUNDS.format(percent=5, rows=-1), "`changes_by_other_sessions_rows` in .* whole number from 0"),
        (BOUNDS.format(percent=5, rows="true"), "`changes_by_other_sessions_rows` in .* whole number"),
    ],
)
def test_wrong_verify_section_is_refused(file: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        loaded(file, text)


def test_alerts_are_chosen_by_name_and_a_wrong_one_is_named(file: Path) -> None:
    assert loaded(file, "").alerts.send == frozenset(AlertKind)
    assert loaded(file, "[alerts]\nsend = []\npaused_hours = 24\n").alerts == AlertSettings(
        send=frozenset(), paused_hours=24
    )
    with pytest.raises(ConfigurationError, match=r"`send` in \[alerts\] must be a list of alerts \(failed_run, "):
        loaded(file, '[alerts]\nsend = ["everything"]\n')
