"""How long a plan takes is estimated from past batches, whose durations a test sets, and from the sleeps."""

import json

from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application
from stagenorm_pipeline_tests.support.command_line import stagenorm_here

# Each batch worked for 870 ms of a second: 100 ms of the rest were its sleep, 30 ms the claim and the commit.
EVERY_SECOND = """
UPDATE stage_migration_batches
SET duration_ms = 870, started_at = '2026-01-01'::timestamptz + batch_number * interval '1 s',
    completed_at = '2026-01-01'::timestamptz + batch_number * interval '1 s' + interval '880 ms'
"""


def test_dry_run_says_how_long_and_where_that_comes_from(application: Application) -> None:
    def said(*options: str) -> str:
        out = stagenorm_here("dry-run", "--batch-size", "2", *options, url=application.url).out
        return next(line for line in out.splitlines() if line.startswith(("About", "How long")))

    application.add(COMPANIES, [(1, "Seed")] * 20)
    unknown = "How long it takes is not known: too few batches were applied to this database so far."
    assert said() == f"{unknown} The sleeps between 10 batches take 900 ms."
    application.run(batch_size=2)
    application.sql(EVERY_SECOND)
    application.add(COMPANIES, [(1, "Seed")] * 8)

    assert said() == "About 3.9 s: 4 batches at 900 ms each (from 10 past batches), plus 300 ms of sleep."
    # Other sizes are estimated by the row; the time for a claim and a commit stays.
    assert said("--batch-size", "8", "--sleep-ms", "0") == "About 3.5 s: 1 batch at 3.5 s (from 10 past batches)."
    two = "About 1.9 to 3.1 s: 4 batches at 900 ms each (from 10 past batches), plus 100 ms of sleep. In 2 sessions."
    assert said("--parallel", "2") == two

    stagenorm_here("tune", "--sleep-ms", "1000", url=application.url)
    assert said().endswith("plus 3.0 s of sleep. The pace is tuned for all runners.")
    stagenorm_here("tune", "--reset", url=application.url)

    application.add(DEALS, [(1, "Seed")] * 4)
    assert "6 batches at 900 ms each (from 10 past batches, also of other tables)" in said()
    found = json.loads(stagenorm_here("dry-run", "--json", "--batch-size", "2", url=application.url).out)["estimate"]
    assert (found["kind"], found["batches"], found["measured_batches"]) == ("measured", 6, 10)
    assert found["total"]["low"] == found["total"]["high"] == 6 * 0.9 + 5 * 0.1


def test_status_estimates_the_rest_while_no_runner_is_at_work(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")] * 20)
    application.run(batch_size=2)
    application.sql(EVERY_SECOND)
    application.add(COMPANIES, [(1, "Seed")] * 8)
    application.plan(batch_size=2)
    status = stagenorm_here("status", url=application.url).out
    assert "The rest: about 3.9 s: 4 batches at 900 ms each (from 10 past batches), plus 300 ms of sleep." in status
    application.apply()
    done = json.loads(stagenorm_here("status", "--json", url=application.url).out)
    assert (done["estimate"], done["vacuum"]) == ({"kind": "nothing_ahead"}, [])


def test_auto_estimates_transactions_by_the_target_time(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")] * 20)
    application.run(batch_size=2)
    application.sql(EVERY_SECOND)
    # By these, 500 rows take 218 s: more than the half second of a transaction, so each batch has its own.
    application.add(COMPANIES, [(1, "Seed")] * 600)
    out = stagenorm_here("dry-run", "--batch-size", "auto", "--json", url=application.url).out
    assert json.loads(out)["estimate"]["sleep"] == {"low": 0.1, "high": 0.1}
    # By these, all of it fits in one transaction.
    application.sql("UPDATE stage_migration_batches SET duration_ms = 0")
    out = stagenorm_here("dry-run", "--batch-size", "auto", "--json", url=application.url).out
    assert json.loads(out)["estimate"]["sleep"]["low"] == 0
