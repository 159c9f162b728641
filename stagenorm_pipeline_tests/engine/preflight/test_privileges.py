"""What preflight says of the privileges of the role that is to do the work."""

from collections.abc import Callable

import pytest

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.preflight import PreflightCheck, PreflightFinding, PreflightLevel
from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.preflight_advice import COMPANIES, DEALS, ask, ask_for_one, follow

UrlOf = Callable[[str], str]
NewRole = Callable[..., str]


def _problems(findings: list[PreflightFinding]) -> list[PreflightFinding]:
    return [finding for finding in findings if finding.level is not PreflightLevel.INFO]


def test_missing_privileges_are_errors_and_remedies_grant_them(
    application: Application, new_role: NewRole, url_of: UrlOf
) -> None:
    role = new_role()

    findings = _problems(ask(application, targets=[COMPANIES, DEALS], url=url_of(role)))

    assert {finding.check for finding in findings} == {
        PreflightCheck.TARGET_PRIVILEGES,
        PreflightCheck.TRACKING_PRIVILEGES,
    }
    for finding in findings:
        assert finding.level is PreflightLevel.ERROR
        follow(application, finding)
    assert _problems(ask(application, targets=[COMPANIES, DEALS], url=url_of(role))) == []


def test_grants_name_columns_and_quote_names(application: Application, url_of: UrlOf) -> None:
    application.sql(
        'CREATE TABLE "Deal Flow" ("Key" integer PRIMARY KEY, "The Stage" text, fund_id integer, note text)'
    )
    application.sql('CREATE ROLE "stagenorm test, Robot" LOGIN')
    try:
        target = TargetSetting(table="Deal Flow", column="The Stage")
        url = url_of("stagenorm test, Robot")

        reading, writing = ask(application, PreflightCheck.TARGET_PRIVILEGES, targets=[target], url=url)

        assert 'GRANT SELECT ("Key", "The Stage", fund_id) ON public."Deal Flow"' in reading.remedy
        assert 'GRANT UPDATE ("The Stage") ON public."Deal Flow" TO "stagenorm test, Robot";' in writing.remedy
        follow(application, reading)
        follow(application, writing)
        assert ask(application, PreflightCheck.TARGET_PRIVILEGES, targets=[target], url=url) == []
    finally:
        application.sql('DROP OWNED BY "stagenorm test, Robot"')
        application.sql('DROP ROLE "stagenorm test, Robot"')


def test_unusable_schema_is_an_error_and_the_remedy_fixes_it(
    application: Application, new_role: NewRole, url_of: UrlOf
) -> None:
    role = new_role()
    application.sql('CREATE SCHEMA "Deal Flow"')
    application.sql('CREATE TABLE "Deal Flow".deals (id integer PRIMARY KEY, stage text)')
    target = TargetSetting(table="deals", schema="Deal Flow")

    finding = ask_for_one(application, PreflightCheck.TARGET_FOUND, targets=[target], url=url_of(role))

    assert finding.level is PreflightLevel.ERROR
    follow(application, finding)
    assert ask(application, PreflightCheck.TARGET_FOUND, targets=[target], url=url_of(role)) == []


def test_missing_tracking_tables_error_names_the_migration(application: Application) -> None:
    application.sql("DROP VIEW stage_migration_failures")

    finding = ask_for_one(application, PreflightCheck.TRACKING_TABLES)

    assert finding.level is PreflightLevel.ERROR
    assert "stage_migration_tracking.sql" in finding.message
    assert "init-db" in finding.remedy


@pytest.mark.parametrize("may_use", [True, False])
def test_tracking_tables_off_the_search_path_are_an_error(
    application: Application, new_role: NewRole, url_of: UrlOf, may_use: bool
) -> None:
    role = new_role()
    application.sql('CREATE SCHEMA "Tools"')
    ours = "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'v') AND relname LIKE 'stage\\_%'"
    for relation in application.column(ours):
        application.sql(f'ALTER TABLE {relation} SET SCHEMA "Tools"')
    if may_use:
        application.sql(f'GRANT USAGE ON SCHEMA "Tools" TO {role}')
    else:
        application.sql(f'ALTER ROLE {role} SET search_path = "Tools", public')

    finding = ask_for_one(application, PreflightCheck.TRACKING_TABLES, url=url_of(role))

    assert finding.level is PreflightLevel.ERROR
    assert "Tools" in finding.message
    follow(application, finding)
    assert ask(application, PreflightCheck.TRACKING_TABLES, url=url_of(role)) == []


def test_unreadable_stage_list_is_a_warning_and_the_remedy_fixes_it(
    application: Application, new_role: NewRole, url_of: UrlOf
) -> None:
    role = new_role()
    application.sql(
        "CREATE TABLE stages AS "
        "SELECT unnest(ARRAY['pre-seed', 'seed', 'series-a', 'series-b', 'series-c', 'series-c+']) AS code"
    )
    application.sql("ALTER TABLE stages ADD PRIMARY KEY (code)")
    application.sql("ALTER TABLE portfoliocompanies ADD FOREIGN KEY (stage) REFERENCES stages")

    finding = ask_for_one(application, PreflightCheck.FOREIGN_KEYS, url=url_of(role))

    assert finding.level is PreflightLevel.WARNING
    follow(application, finding)
    assert ask(application, PreflightCheck.FOREIGN_KEYS, url=url_of(role)) == []


_HIDING_POLICIES: tuple[list[str], ...] = (
    [],
    ["CREATE POLICY own ON portfoliocompanies USING (fund_id = 1)"],
    ["CREATE POLICY reading ON portfoliocompanies FOR SELECT USING (true)"],
    [
        "CREATE POLICY everything ON portfoliocompanies USING (true)",
        "CREATE POLICY but ON portfoliocompanies AS RESTRICTIVE USING (fund_id <> 7)",
    ],
    ["CREATE POLICY writing ON portfoliocompanies USING (true) WITH CHECK (stage <> 'seed')"],
)


def test_row_security_that_hides_rows_is_an_error(
    application: Application, new_role: NewRole, url_of: UrlOf, subtests: pytest.Subtests
) -> None:
    application.sql("ALTER TABLE portfoliocompanies ENABLE ROW LEVEL SECURITY")
    for policies in _HIDING_POLICIES:
        with subtests.test(" ".join(policies)):
            role = new_role()
            for name in application.column("SELECT quote_ident(policyname) FROM pg_policies"):
                application.sql(f"DROP POLICY {name} ON portfoliocompanies")
            for policy in policies:
                application.sql(policy)

            finding = ask_for_one(application, PreflightCheck.ROW_SECURITY, url=url_of(role))

            assert finding.level is PreflightLevel.ERROR
            follow(application, finding)
            assert ask(application, PreflightCheck.ROW_SECURITY, url=url_of(role)) == []


def test_row_security_that_hides_nothing_is_fine(application: Application, new_role: NewRole, url_of: UrlOf) -> None:
    bypassing, group, owner = new_role("LOGIN BYPASSRLS"), new_role("NOLOGIN"), new_role()
    member = new_role(f"LOGIN IN ROLE {group}")
    application.sql(f"ALTER TABLE portfoliocompanies OWNER TO {owner}")
    application.sql("ALTER TABLE portfoliocompanies ENABLE ROW LEVEL SECURITY")
    application.sql("CREATE POLICY own ON portfoliocompanies USING (fund_id = 1)")
    application.sql(f"CREATE POLICY sees_all ON portfoliocompanies FOR SELECT TO {group} USING (true)")
    application.sql(f"CREATE POLICY changes_all ON portfoliocompanies FOR UPDATE TO {group} USING (true)")
    application.sql(f"CREATE POLICY not_us ON portfoliocompanies AS RESTRICTIVE TO {bypassing} USING (fund_id = 1)")

    for role in (bypassing, owner, member):
        assert ask(application, PreflightCheck.ROW_SECURITY, url=url_of(role)) == []
