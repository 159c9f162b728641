"""What `stagenorm enforce` says before it changes anything."""

from stagenorm_pipeline_tests.support.command_line import stagenorm_here


def test_every_table_that_is_not_clean_is_named_before_any_statement(ready_url: str) -> None:
    ran = stagenorm_here("enforce", url=ready_url)
    assert ran.code == 1
    assert "ALTER TABLE" not in ran.all
    assert (
        "public.portfoliocompanies.stage is not clean. Rows with an unknown spelling: 20; with a known spelling that "
        "is not canonical: 60. public.deal_opportunities.stage is not clean. Rows with an unknown spelling: 0; with a "
        "known spelling that is not canonical: 10. Nothing was changed."
    ) in ran.err
