"""Is the target a table of a kind that can be worked on, and what happens when its rows are updated?"""

import psycopg
import pytest

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.preflight import PreflightCheck, PreflightLevel
from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.preflight_advice import COMPANIES, DEALS, ask, ask_for_one, follow

_TRIGGER_FUNCTION = "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'"


_NO_TARGETS = (
    (TargetSetting(table="nowhere"), "does not exist"),
    (TargetSetting(table="portfoliocompanies", column="phase"), "no column 'phase'"),
    (TargetSetting(table="portfoliocompanies", fund_column="f", fund_column_required=True), "no column 'f'"),
    (TargetSetting(table="a_view"), "is a view"),
    (TargetSetting(table="a_materialized_view"), "is a materialized view"),
    (TargetSetting(table="a_foreign_table"), "is a foreign table"),
    (TargetSetting(table="without_key"), "no primary key"),
    (TargetSetting(table="two_keys"), "of several columns"),
    (TargetSetting(table="timed"), "of type timestamp with time zone"),
)


def test_unsupported_target_is_an_error_with_a_remedy(application: Application, subtests: pytest.Subtests) -> None:
    for statement in (
        "CREATE VIEW a_view AS SELECT * FROM portfoliocompanies",
        "CREATE MATERIALIZED VIEW a_materialized_view AS SELECT * FROM portfoliocompanies",
        "CREATE FOREIGN DATA WRAPPER elsewhere",
        "CREATE SERVER far FOREIGN DATA WRAPPER elsewhere",
        "CREATE FOREIGN TABLE a_foreign_table (id integer, stage text) SERVER far",
        "CREATE TABLE without_key (id integer, stage text)",
        "CREATE TABLE two_keys (a integer, b integer, stage text, PRIMARY KEY (a, b))",
        "CREATE TABLE timed (id timestamptz PRIMARY KEY, stage text)",
    ):
        application.sql(statement)

    for setting, says in _NO_TARGETS:
        with subtests.test(says):
            (finding,) = ask(application, targets=[setting])

            assert finding.check is PreflightCheck.TARGET_FOUND
            assert finding.level is PreflightLevel.ERROR
            assert finding.target == setting.name
            assert says in finding.message
            assert finding.remedy


def test_target_named_twice_is_an_error(application: Application) -> None:
    finding = ask_for_one(
        application,
        PreflightCheck.TARGET_FOUND,
        targets=[COMPANIES, TargetSetting(table="portfoliocompanies", schema="public")],
    )

    assert finding.level is PreflightLevel.ERROR
    assert "Two targets" in finding.message


def test_every_supported_key_is_fine(application: Application) -> None:
    types = ("smallint", "integer", "bigint", "uuid", "text", "varchar(36)")
    for number, key_type in enumerate(types):
        application.sql(f"CREATE TABLE keyed_{number} (id {key_type} PRIMARY KEY, stage text)")

    assert ask(application, targets=[TargetSetting(table=f"keyed_{number}") for number in range(len(types))]) == []


def test_same_table_name_in_another_schema_is_reported(application: Application) -> None:
    application.sql("CREATE SCHEMA app")
    application.sql("CREATE TABLE app.investments (id integer PRIMARY KEY, stage text)")

    finding = ask_for_one(application, PreflightCheck.TARGET_FOUND, targets=[TargetSetting(table="investments")])

    assert "are in: app" in finding.message
    assert ask(application, targets=[TargetSetting(table="investments", schema="app")]) == []


def test_bad_target_does_not_stop_checks_of_others(application: Application) -> None:
    application.sql("ALTER TABLE portfoliocompanies ALTER COLUMN stage TYPE varchar(3)")

    findings = ask(application, targets=[TargetSetting(table="nowhere"), COMPANIES, DEALS])

    assert [finding.check for finding in findings] == [PreflightCheck.TARGET_FOUND, PreflightCheck.STAGE_COLUMN]


def test_unusual_names_work_in_every_check(application: Application) -> None:
    application.sql("""CREATE SCHEMA "My %s Schema" """)
    application.sql(
        """CREATE TABLE "My %s Schema"."Deal's {0} ""Table" (
             "The Key" integer PRIMARY KEY, "The {Stage}" text CHECK ("The {Stage}" <> ''), "Fund Id" uuid)"""
    )
    setting = TargetSetting(
        table="Deal's {0} \"Table", column="The {Stage}", schema="My %s Schema", fund_column="Fund Id"
    )

    assert ask(application, targets=[setting]) == []


def test_before_trigger_warning_says_what_it_may_do(application: Application) -> None:
    application.sql(_TRIGGER_FUNCTION)
    application.sql("CREATE TRIGGER first BEFORE UPDATE ON portfoliocompanies FOR EACH ROW EXECUTE FUNCTION touch()")

    finding = ask_for_one(application, PreflightCheck.TRIGGERS)

    assert finding.level is PreflightLevel.WARNING
    assert "BEFORE UPDATE trigger first" in finding.message
    assert "suppress" in finding.message


def test_after_trigger_is_a_warning(application: Application) -> None:
    application.sql(_TRIGGER_FUNCTION)
    application.sql(
        "CREATE TRIGGER mail AFTER INSERT OR UPDATE OF stage ON portfoliocompanies EXECUTE FUNCTION touch()"
    )

    finding = ask_for_one(application, PreflightCheck.TRIGGERS)

    assert finding.level is PreflightLevel.WARNING
    assert "AFTER UPDATE trigger mail" in finding.message
    assert "every statement" in finding.message
    assert "suppress" not in finding.message


def test_triggers_that_do_not_fire_are_not_reported(application: Application) -> None:
    application.sql(_TRIGGER_FUNCTION)
    for when in ("BEFORE INSERT", "AFTER DELETE", "BEFORE UPDATE OF name", "BEFORE UPDATE"):
        name = when.replace(" ", "_").lower()
        application.sql(f"CREATE TRIGGER {name} {when} ON portfoliocompanies FOR EACH ROW EXECUTE FUNCTION touch()")
    application.sql("ALTER TABLE portfoliocompanies DISABLE TRIGGER before_update")

    assert ask(application) == []


def test_deferrable_constraint_trigger_has_two_findings(application: Application) -> None:
    application.sql(_TRIGGER_FUNCTION)
    application.sql(
        "CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON portfoliocompanies DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION touch()"
    )
    application.sql(
        "CREATE CONSTRAINT TRIGGER unheard AFTER INSERT ON portfoliocompanies DEFERRABLE "
        "FOR EACH ROW EXECUTE FUNCTION touch()"
    )

    deferrable, trigger = ask(application)

    assert deferrable.check is PreflightCheck.DEFERRABLE_CONSTRAINTS
    assert "constraint trigger late" in deferrable.message
    assert trigger.check is PreflightCheck.TRIGGERS


_PARTITIONED = """
CREATE TABLE investments (id bigint, fund_id integer, stage text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE investments_low PARTITION OF investments FOR VALUES FROM (0) TO (1000);
CREATE TABLE investments_high PARTITION OF investments FOR VALUES FROM (1000) TO (2000)
"""
INVESTMENTS = TargetSetting(table="investments")


def test_partitioned_table_is_fine(application: Application) -> None:
    application.sql(_PARTITIONED)

    assert ask(application, targets=[INVESTMENTS]) == []


def test_triggers_of_table_and_partition_are_named_once(application: Application) -> None:
    application.sql(_PARTITIONED)
    application.sql(_TRIGGER_FUNCTION)
    application.sql("CREATE TRIGGER whole AFTER UPDATE ON investments FOR EACH ROW EXECUTE FUNCTION touch()")
    application.sql("CREATE TRIGGER part AFTER UPDATE ON investments_high FOR EACH ROW EXECUTE FUNCTION touch()")

    part, whole = ask(application, PreflightCheck.TRIGGERS, targets=[INVESTMENTS])

    assert "trigger part on investments_high " in part.message
    assert "trigger whole on investments " in whole.message


@pytest.mark.parametrize(
    ("table", "partitions"),
    [
        ("(id bigint, stage text, PRIMARY KEY (id, stage)) PARTITION BY LIST (stage)", "FOR VALUES IN ('seed')"),
        ("(id bigint, stage text) PARTITION BY HASH (lower(stage))", "FOR VALUES WITH (MODULUS 1, REMAINDER 0)"),
    ],
)
def test_partitioning_by_the_stage_is_an_error(application: Application, table: str, partitions: str) -> None:
    """It is an error for the table and for each of its partitions."""
    application.sql(f"CREATE TABLE investments {table}")
    application.sql(f"CREATE TABLE one_stage PARTITION OF investments {partitions} PARTITION BY HASH (id)")
    application.sql("CREATE TABLE leaf PARTITION OF one_stage FOR VALUES WITH (MODULUS 1, REMAINDER 0)")

    for name in ("investments", "one_stage", "leaf"):
        finding = ask_for_one(application, PreflightCheck.TARGET_FOUND, targets=[TargetSetting(table=name)])

        assert finding.level is PreflightLevel.ERROR
        assert "investments is partitioned by the stage" in finding.message


def test_single_partition_can_be_a_target(application: Application) -> None:
    application.sql(_PARTITIONED)

    assert ask(application, targets=[TargetSetting(table="investments_low")]) == []


def test_inheritance_is_a_warning_and_a_repeated_key_an_error(application: Application) -> None:
    application.sql("CREATE TABLE old_companies (closed_at date) INHERITS (portfoliocompanies)")
    application.sql("INSERT INTO portfoliocompanies (id, stage) VALUES (7, 'Seed')")
    application.sql("INSERT INTO old_companies (id, stage) VALUES (8, 'Seed')")

    finding = ask_for_one(application, PreflightCheck.INHERITANCE)
    assert finding.level is PreflightLevel.WARNING
    assert "old_companies" in finding.message

    application.sql("INSERT INTO old_companies (id, stage) VALUES (7, 'Seed')")

    finding = ask_for_one(application, PreflightCheck.INHERITANCE)
    assert finding.level is PreflightLevel.ERROR
    assert "key 7" in finding.message


def test_materialized_views_are_listed_in_the_order_to_refresh_them(application: Application) -> None:
    application.sql("CREATE MATERIALIZED VIEW keys AS SELECT id FROM portfoliocompanies")
    assert ask(application) == []
    application.sql("CREATE VIEW named AS SELECT id, stage AS phase FROM portfoliocompanies")
    application.sql('CREATE MATERIALIZED VIEW "By Phase" AS SELECT phase, count(*) FROM named GROUP BY phase')
    application.sql('CREATE MATERIALIZED VIEW above AS SELECT count(*) FROM "By Phase"')

    finding = ask_for_one(application, PreflightCheck.MATERIALIZED_VIEWS)

    assert finding.level is PreflightLevel.INFO
    assert finding.remedy.splitlines()[1:] == [
        'REFRESH MATERIALIZED VIEW "By Phase";',
        "REFRESH MATERIALIZED VIEW above;",
    ]
    follow(application, finding)


def test_child_on_another_server_is_an_error(application: Application) -> None:
    application.sql("CREATE FOREIGN DATA WRAPPER elsewhere")
    application.sql("CREATE SERVER far FOREIGN DATA WRAPPER elsewhere")
    application.sql("CREATE FOREIGN TABLE far_companies () INHERITS (portfoliocompanies) SERVER far")

    finding = ask_for_one(application, PreflightCheck.INHERITANCE)

    assert finding.level is PreflightLevel.ERROR
    assert "far_companies" in finding.message


def test_published_table_without_replica_identity_is_an_error(
    application: Application,
) -> None:
    application.sql("ALTER TABLE portfoliocompanies REPLICA IDENTITY NOTHING")
    application.sql("CREATE PUBLICATION changes FOR TABLE portfoliocompanies")

    finding = ask_for_one(application, PreflightCheck.UPDATE_ACCEPTED)

    assert finding.level is PreflightLevel.ERROR
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
        application.sql("UPDATE portfoliocompanies SET stage = stage")
    follow(application, finding)
    assert ask(application) == []


def test_replica_identity_unusable_for_the_row_filter_is_an_error(
    application: Application,
) -> None:
    if application.user.info.server_version < 150_000:
        pytest.skip("Publications have row filters from PostgreSQL 15 on.")
    application.sql("ALTER TABLE portfoliocompanies ALTER name SET NOT NULL")
    application.sql("CREATE UNIQUE INDEX by_name ON portfoliocompanies (name)")
    application.sql("ALTER TABLE portfoliocompanies REPLICA IDENTITY USING INDEX by_name")
    application.sql("CREATE PUBLICATION changes FOR TABLE portfoliocompanies WHERE (id > 0)")

    finding = ask_for_one(application, PreflightCheck.UPDATE_ACCEPTED)

    assert finding.level is PreflightLevel.ERROR
    follow(application, finding)
    assert ask(application) == []


def test_published_partition_without_replica_identity_is_an_error(application: Application) -> None:
    application.sql(_PARTITIONED)
    application.sql("ALTER TABLE investments_high REPLICA IDENTITY NOTHING")
    application.sql("CREATE PUBLICATION changes FOR ALL TABLES")

    finding = ask_for_one(application, PreflightCheck.UPDATE_ACCEPTED, targets=[INVESTMENTS])

    assert "investments_high" in finding.message


def test_published_table_with_key_as_identity_is_fine(application: Application) -> None:
    application.sql("CREATE PUBLICATION changes FOR TABLE portfoliocompanies")

    assert ask(application) == []


def test_publication_of_inserts_needs_no_identity(application: Application) -> None:
    application.sql("ALTER TABLE portfoliocompanies REPLICA IDENTITY NOTHING")
    application.sql("CREATE PUBLICATION changes FOR TABLE portfoliocompanies WITH (publish = 'insert')")

    assert ask(application) == []


def test_rewrite_rule_on_update_is_an_error(application: Application, subtests: pytest.Subtests) -> None:
    for rule in ("DO INSTEAD NOTHING", "DO ALSO NOTIFY changed"):
        with subtests.test(rule):
            application.sql(f"CREATE OR REPLACE RULE rewritten AS ON UPDATE TO portfoliocompanies {rule}")

            finding = ask_for_one(application, PreflightCheck.UPDATE_ACCEPTED)

            assert finding.level is PreflightLevel.ERROR
            assert "Remove the rewrite rule" in finding.remedy


def test_locked_table_is_an_error_and_does_not_block_preflight(application: Application) -> None:
    with psycopg.connect(application.url) as other:
        other.execute("LOCK TABLE portfoliocompanies IN ACCESS EXCLUSIVE MODE")

        finding = ask_for_one(application, PreflightCheck.UPDATE_ACCEPTED, targets=[COMPANIES, DEALS])

    assert finding.level is PreflightLevel.ERROR
    assert finding.target == "public.portfoliocompanies.stage"
    assert "locked by another session" in finding.message


def test_preflight_changes_nothing(application: Application) -> None:
    application.add("portfoliocompanies", [(1, "Seed"), (2, "nonsense")])
    application.add("deal_opportunities", [(1, None)])
    before = application.contents()

    ask(application, targets=[COMPANIES, DEALS])

    assert application.contents() == before
