"""Fixtures of the preflight tests: roles, and URLs for them."""

import secrets
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.database_roles import url_as


@pytest.fixture
def new_role(application: Application) -> Iterator[Callable[..., str]]:
    """Create a role with the given attributes. Roles belong to the whole server, so each gets a random name."""
    made: list[str] = []

    def make(attributes: str = "LOGIN") -> str:
        name = f"stagenorm_test_{secrets.token_hex(6)}"
        application.sql(f"CREATE ROLE {name} {attributes}")
        made.append(name)
        return name

    yield make
    for name in made:
        application.sql(f"DROP OWNED BY {name}")
        application.sql(f"DROP ROLE {name}")


@pytest.fixture
def url_of(application: Application) -> Callable[[str], str]:
    """The URL of the application's database for another role."""
    return partial(url_as, application.url)
