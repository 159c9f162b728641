"""What the tests of the rules start from: a database on which a plan for everything was applied."""

import pytest

from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application
from stagenorm_pipeline_tests.support.saved_rows import SavedRows


def _migrate(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (1, "Series A"), (2, "Seed"), (2, "seed"), (None, "SERIES_B")])
    application.add(DEALS, [(1, "Seed"), (2, "Pre Seed"), (2, None), (None, "series-a"), (3, "Series C")])
    application.run()


@pytest.fixture(scope="session")
def rows_of_a_migration() -> SavedRows:
    return SavedRows(_migrate)


@pytest.fixture
def migrated(application: Application, rows_of_a_migration: SavedRows) -> Application:
    """Two tables, three funds and rows without one, all normalized; the ids are 1 to 5 in each table.

    Batches 1 to 3 are those of the companies (funds 1, 2 and none), 4 to 6 those of the deals (funds 1, 2 and 3).
    """
    rows_of_a_migration.fill(application)
    return application
