"""Can the stage column hold every canonical stage, and who else has a say in it?"""

import pytest

from stagenorm_pipeline.config.settings import TargetSetting
from stagenorm_pipeline.engine.preflight import PreflightCheck, PreflightLevel
from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.preflight_advice import COMPANIES, DEALS, ask, ask_for_one, follow

_RETYPE = "ALTER TABLE portfoliocompanies ALTER COLUMN stage TYPE {} USING NULL"
_ALL_STAGES = "'pre-seed', 'seed', 'series-a', 'series-b', 'series-c', 'series-c+'"


def test_healthy_application_has_no_finding(application: Application) -> None:
    application.add("portfoliocompanies", [(1, "Seed"), (None, "Series A")])

    assert ask(application, targets=(COMPANIES, DEALS)) == []


def test_too_short_column_is_an_error_and_the_remedy_fixes_it(
    application: Application, subtests: pytest.Subtests
) -> None:
    for type_name in ("varchar(8)", "char(5)", "varchar(1)"):
        with subtests.test(type_name):
            application.sql(_RETYPE.format(type_name))

            finding = ask_for_one(application, PreflightCheck.STAGE_COLUMN)

            assert finding.level is PreflightLevel.ERROR
            assert finding.target == "public.portfoliocompanies.stage"
            assert "series-c+" in finding.message
            follow(application, finding)
            assert ask(application) == []


def test_column_just_long_enough_is_fine(application: Application, subtests: pytest.Subtests) -> None:
    for type_name in ("text", "varchar", "varchar(9)", "char(9)", "char(30)", "name"):
        with subtests.test(type_name):
            application.sql(_RETYPE.format(type_name))

            assert ask(application, PreflightCheck.STAGE_COLUMN) == []


def test_missing_enum_labels_are_named_and_the_remedy_adds_them(application: Application) -> None:
    application.sql("""CREATE TYPE "Stage Kind" AS ENUM ('Seed', 'seed', 'series-a', 'series-b', 'series-c')""")
    application.sql(_RETYPE.format('"Stage Kind"'))

    finding = ask_for_one(application, PreflightCheck.STAGE_COLUMN)

    assert finding.level is PreflightLevel.ERROR
    assert "pre-seed, series-c+" in finding.message
    follow(application, finding)
    assert ask(application) == []


def test_domain_that_refuses_a_stage_is_an_error(application: Application) -> None:
    application.sql("CREATE DOMAIN short_stage AS varchar(8)")
    application.sql("CREATE DOMAIN listed_stage AS text CHECK (VALUE IN ('Seed', 'seed'))")
    for domain in ("short_stage", "listed_stage"):
        application.sql(_RETYPE.format(domain))

        finding = ask_for_one(application, PreflightCheck.STAGE_COLUMN)

        assert finding.level is PreflightLevel.ERROR
        assert domain in finding.message
        assert "ALTER DOMAIN" in finding.remedy


def test_domain_that_allows_every_stage_is_fine(application: Application) -> None:
    application.sql("CREATE DOMAIN stage_name AS text CHECK (VALUE <> '')")
    application.sql(_RETYPE.format("stage_name"))

    assert ask(application) == []


def test_column_that_is_not_text_is_an_error(application: Application, subtests: pytest.Subtests) -> None:
    for type_name in ("jsonb", "integer", "text[]", "bytea", "xml"):
        with subtests.test(type_name):
            application.sql(_RETYPE.format(type_name))

            finding = ask_for_one(application, PreflightCheck.STAGE_COLUMN)

            assert finding.level is PreflightLevel.ERROR
            assert type_name in finding.message


def test_generated_column_is_an_error(application: Application) -> None:
    application.sql("ALTER TABLE portfoliocompanies ADD computed text GENERATED ALWAYS AS (lower(stage)) STORED")

    finding = ask_for_one(
        application, PreflightCheck.STAGE_COLUMN, targets=[TargetSetting(table="portfoliocompanies", column="computed")]
    )

    assert finding.level is PreflightLevel.ERROR
    assert "generated" in finding.message


def test_stage_column_that_is_the_key_is_an_error(application: Application) -> None:
    application.sql("CREATE TABLE stages (stage text PRIMARY KEY)")

    finding = ask_for_one(application, PreflightCheck.STAGE_COLUMN, targets=[TargetSetting(table="stages")])

    assert finding.level is PreflightLevel.ERROR
    assert "primary key" in finding.message


def test_nondeterministic_collation_is_reported(application: Application) -> None:
    # Only ICU makes such collations, and the embedded server is built without it: so one is marked as such by hand.
    application.sql('CREATE COLLATION any_case FROM "C"')
    application.sql("UPDATE pg_collation SET collisdeterministic = false WHERE collname = 'any_case'")
    application.sql(_RETYPE.format("text COLLATE any_case"))

    finding = ask_for_one(application, PreflightCheck.COLLATION)

    assert finding.level is PreflightLevel.INFO
    assert "any_case" in finding.message


def test_citext_is_reported(application: Application) -> None:
    # As the extension does it, which not every server has: the type's functions are those of text.
    for statement in (
        "CREATE TYPE citext",
        "CREATE FUNCTION citextin(cstring) RETURNS citext LANGUAGE internal IMMUTABLE STRICT AS 'textin'",
        "CREATE FUNCTION citextout(citext) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout'",
        "CREATE TYPE citext (INPUT = citextin, OUTPUT = citextout, LIKE = text, CATEGORY = 'S', COLLATABLE = true)",
        "CREATE CAST (citext AS text) WITHOUT FUNCTION AS IMPLICIT",
        "CREATE CAST (text AS citext) WITHOUT FUNCTION AS ASSIGNMENT",
        _RETYPE.format("citext"),
    ):
        application.sql(statement)

    finding = ask_for_one(application, PreflightCheck.COLLATION)

    assert finding.level is PreflightLevel.INFO
    assert "citext" in finding.message
    assert ask(application) == [finding]


def test_check_constraint_error_names_the_refused_stages(application: Application) -> None:
    application.sql(
        """ALTER TABLE portfoliocompanies ADD CONSTRAINT "known % stages"
           CHECK (stage IN ('Seed', 'seed', 'series-a', 'series-b', 'series-c') AND stage NOT LIKE '%+')"""
    )

    finding = ask_for_one(application, PreflightCheck.CHECK_CONSTRAINTS)

    assert finding.level is PreflightLevel.ERROR
    assert "known % stages" in finding.message
    assert "pre-seed, series-c+" in finding.message
    follow(application, finding)
    assert ask(application) == []


def test_check_constraints_that_allow_every_stage_are_fine(application: Application) -> None:
    for constraint in (f"stage IN ('Seed', {_ALL_STAGES})", "stage <> ''", "fund_id > 0", "stage = lower(stage)"):
        application.sql(f"ALTER TABLE portfoliocompanies ADD CHECK ({constraint})")

    assert ask(application) == []


def test_check_constraint_over_several_columns_points_to_rehearsal(application: Application) -> None:
    application.sql("ALTER TABLE portfoliocompanies ADD CHECK (fund_id IS NULL OR stage <> 'seed')")

    finding = ask_for_one(application, PreflightCheck.CHECK_CONSTRAINTS)

    assert finding.level is PreflightLevel.INFO
    assert "--rehearse" in finding.remedy


def test_constraint_never_validated_is_a_warning(
    application: Application,
) -> None:
    application.sql("ALTER TABLE portfoliocompanies ADD CONSTRAINT has_name CHECK (name IS NOT NULL) NOT VALID")

    finding = ask_for_one(application, PreflightCheck.CHECK_CONSTRAINTS)

    assert finding.level is PreflightLevel.WARNING
    follow(application, finding)
    assert ask(application) == []


def test_incomplete_stage_list_is_an_error_and_the_remedy_adds_stages(application: Application) -> None:
    application.sql('CREATE TABLE "Stage List" (code varchar(20) PRIMARY KEY)')
    application.sql("""INSERT INTO "Stage List" VALUES ('seed'), ('Seed'), ('series-a')""")
    application.sql("""ALTER TABLE portfoliocompanies ADD FOREIGN KEY (stage) REFERENCES "Stage List" """)

    finding = ask_for_one(application, PreflightCheck.FOREIGN_KEYS)

    assert finding.level is PreflightLevel.ERROR
    assert "pre-seed, series-b, series-c, series-c+" in finding.message
    follow(application, finding)
    assert ask(application) == []


def test_foreign_key_over_several_columns_points_to_rehearsal(application: Application) -> None:
    application.sql("CREATE TABLE allowed (fund_id integer, stage text, PRIMARY KEY (fund_id, stage))")
    application.sql("ALTER TABLE portfoliocompanies ADD FOREIGN KEY (fund_id, stage) REFERENCES allowed")

    finding = ask_for_one(application, PreflightCheck.FOREIGN_KEYS)

    assert finding.level is PreflightLevel.INFO


def test_unique_indexes_on_the_stage_are_reported(application: Application) -> None:
    for statement in (
        "CREATE UNIQUE INDEX a_column ON portfoliocompanies (fund_id, stage)",
        "CREATE UNIQUE INDEX a_predicate ON portfoliocompanies (fund_id) WHERE stage = 'seed'",
        "CREATE UNIQUE INDEX an_expression ON portfoliocompanies (fund_id, lower(stage))",
        "ALTER TABLE portfoliocompanies ADD CONSTRAINT constrained UNIQUE (name, stage)",
        "ALTER TABLE portfoliocompanies ADD CONSTRAINT excluded EXCLUDE (stage WITH =)",
    ):
        application.sql(statement)

    findings = ask(application)

    assert {(finding.check, finding.level) for finding in findings} == {
        (PreflightCheck.UNIQUE_INDEXES, PreflightLevel.INFO)
    }
    for name, finding in zip(
        ("a_column", "a_predicate", "an_expression", "constrained", "excluded"), findings, strict=True
    ):
        assert f"part of what {name} keeps unique" in finding.message


def test_indexes_without_stage_collisions_are_fine(application: Application) -> None:
    application.sql("CREATE INDEX ON portfoliocompanies (stage)")
    application.sql("CREATE UNIQUE INDEX ON portfoliocompanies (name) WHERE fund_id IS NULL")

    assert ask(application) == []


def test_deferrable_constraints_on_the_stage_are_reported(application: Application) -> None:
    application.sql(f"CREATE TABLE stages AS SELECT unnest(ARRAY[{_ALL_STAGES}]) AS code")
    application.sql("ALTER TABLE stages ADD PRIMARY KEY (code)")
    application.sql(
        "ALTER TABLE portfoliocompanies ADD CONSTRAINT late FOREIGN KEY (stage) REFERENCES stages DEFERRABLE"
    )
    application.sql("ALTER TABLE portfoliocompanies ADD CONSTRAINT other UNIQUE (name) DEFERRABLE")

    finding = ask_for_one(application, PreflightCheck.DEFERRABLE_CONSTRAINTS)

    assert finding.level is PreflightLevel.INFO
    assert "foreign key late" in finding.message
    assert ask(application) == [finding]
