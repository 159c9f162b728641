"""Fund keys: names that work in Dagster, and the way back to the fund id."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagenorm_pipeline.engine.targets.funds import FundScope, fund_id_of, fund_key
from stagenorm_pipeline.errors import ConfigurationError

# Any value that a PostgreSQL text can have.
fund_ids = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@settings(deadline=None)
@given(st.none() | fund_ids | st.sampled_from(["no-fund", "fund-1", "", "12", "a...b", "a,b", "50%"]))
def test_fund_key_round_trip_returns_the_fund(fund_id: str | None) -> None:
    assert fund_id_of(fund_key(fund_id)) == fund_id


@settings(deadline=None)
@given(fund_ids | st.sampled_from(["a...b", "....."]))
def test_fund_key_is_safe_in_a_partition_selection(fund_id: str) -> None:
    key = fund_key(fund_id)
    assert key.isascii()
    assert not set(key) & set(", \"'[]*\n\r\t")
    assert "..." not in key


@pytest.mark.parametrize(
    ("fund_id", "key"),
    [("12", "fund-12"), (None, "no-fund"), ("no-fund", "fund-no-fund"), ("A & B", "fund-A%20%26%20B")],
)
def test_fund_key_is_readable(fund_id: str | None, key: str) -> None:
    assert fund_key(fund_id) == key


@pytest.mark.parametrize("key", ["", "12", "Fund-12", "no_fund"])
def test_invalid_fund_key_error_shows_the_format(key: str) -> None:
    with pytest.raises(ConfigurationError, match=r"fund-<fund_id> or no-fund"):
        fund_id_of(key)


@pytest.mark.parametrize(
    ("scope", "label", "as_json"),
    [
        (FundScope(), "all funds", {"all_funds": True}),
        (FundScope.one("7"), "fund-7", {"all_funds": False, "fund_id": "7"}),
        (FundScope.one(None), "no-fund", {"all_funds": False, "fund_id": None}),
    ],
)
def test_scope_label_says_which_funds(scope: FundScope, label: str, as_json: dict[str, object]) -> None:
    assert scope.label == label
    assert scope.as_json() == as_json
