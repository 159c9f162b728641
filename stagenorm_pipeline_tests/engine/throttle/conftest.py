"""Fixtures of the throttle's tests: a primary with a streaming replica."""

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.private_server import PrivateServer
from stagenorm_pipeline_tests.support.streaming_replica import StreamingReplica

ROLE = "stagenorm_plain"
_TEMPLATE = "application"


@pytest.fixture(scope="session")
def primary() -> Iterator[PrivateServer]:
    with PrivateServer() as server:
        template = Application(server.create_database(name=_TEMPLATE))
        template.set_up()
        template.close()
        yield server


@pytest.fixture(scope="session")
def replica(primary: PrivateServer) -> Iterator[StreamingReplica]:
    with StreamingReplica(primary) as server:
        yield server


@pytest.fixture
def replicated(primary: PrivateServer) -> Iterator[Application]:
    """An application on the primary."""
    url = primary.create_database(template=_TEMPLATE)
    application = Application(url)
    yield application
    application.close()
    primary.drop_database(url)


@pytest.fixture
def as_plain_role(replicated: Application) -> Iterator[Callable[[str], str]]:
    """A URL as a role that may read and write our tables but is not a member of pg_monitor."""
    replicated.sql(f"CREATE ROLE {ROLE} LOGIN")
    replicated.sql(f"GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {ROLE}")
    yield lambda url: sa.make_url(url).set(username=ROLE).render_as_string(hide_password=False)
    replicated.sql(f"DROP OWNED BY {ROLE}")
    replicated.sql(f"DROP ROLE {ROLE}")
