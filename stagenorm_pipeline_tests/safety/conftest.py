"""Fixtures of the safety tests: a server that a test may stop, and a small portfolio of companies and deals on it."""

from collections.abc import Iterator

import pytest

from stagenorm_pipeline_tests.support import engine_calls as work
from stagenorm_pipeline_tests.support import safety_laws as laws
from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.private_server import PrivateServer
from stagenorm_pipeline_tests.support.recycled_database import RecycledApplications


@pytest.fixture(scope="session")
def server() -> Iterator[PrivateServer]:
    """A server that a test may stop."""
    with PrivateServer() as started:
        template = Application(started.create_database(name="small_portfolio"))
        template.set_up()
        laws.fill(template)
        template.close()
        yield started


@pytest.fixture(scope="session")
def undisturbed(server: PrivateServer) -> laws.Undisturbed:
    """The small portfolio before and after a migration that nothing interrupts."""
    application = Application(server.create_database(template="small_portfolio"))
    before = laws.contents(application)
    work.migrate(application.database)
    after = laws.contents(application)
    application.close()
    return laws.Undisturbed(before=before, after=after)


@pytest.fixture(scope="session")
def recycled_portfolios(server: PrivateServer) -> Iterator[RecycledApplications]:
    """The database behind `portfolio`, which test after test uses."""
    portfolios = RecycledApplications(server.url("postgres"), name="portfolio", template="portfolio_template")
    yield portfolios
    portfolios.drop()


@pytest.fixture
def portfolio(server: PrivateServer, recycled_portfolios: RecycledApplications) -> Iterator[Application]:
    """The small portfolio before its migration, on the server that a test may stop. We have no session there yet."""
    with recycled_portfolios.one() as application:
        laws.fill(application)
        application.database.close()
        # Tests put the directory of a proxy's socket in place of the server's: here it is not encoded.
        application.url = server.url("portfolio")
        yield application
