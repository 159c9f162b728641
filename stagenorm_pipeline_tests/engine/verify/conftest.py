"""What the tests of the rules start from: a database on which a plan for everything was applied, and verified."""

import pytest

from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application


@pytest.fixture
def migrated(application: Application) -> Application:
    """Two tables, three funds and rows without one, all normalized; the ids are 1 to 5 in each table.

    Batches 1 to 3 are those of the companies (funds 1, 2 and none), 4 to 6 those of the deals (funds 1, 2 and 3).
    """
    application.add(COMPANIES, [(1, "Seed"), (1, "Series A"), (2, "Seed"), (2, "seed"), (None, "SERIES_B")])
    application.add(DEALS, [(1, "Seed"), (2, "Pre Seed"), (2, None), (None, "series-a"), (3, "Series C")])
    application.run()
    return application
