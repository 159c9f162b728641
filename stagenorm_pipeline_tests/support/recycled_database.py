"""Give each test a database that looks new, without creating one each time.

A database is emptied for the next test, or dropped and created again if the test changed more than rows. Our sessions
and the user's sessions stay open: new ones would have to read the system catalogues again. A run and its verification
take 83 ms of CPU in kept sessions and 127 ms in new ones.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import sql
from psycopg.pq import TransactionStatus

from stagenorm_pipeline.engine.postgres.bounded_connection import BoundedConnection
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline_tests.support.application import TABLES, Application, UserConnection

# Everything that a test can create or alter besides rows: statistics too, by which the next test's queries would be
# planned. A table that has grown counts as altered: its size stays.
_SHAPE = """
SELECT (SELECT array_agg((oid, relname, relkind, relacl, relreplident, relrowsecurity, relforcerowsecurity,
                          reltuples)::text
                         ORDER BY oid) FROM pg_class WHERE oid >= 16384),
       (SELECT array_agg((attrelid, attname, atttypid, atttypmod, attnotnull, atthasdef)::text
                         ORDER BY attrelid, attnum)
        FROM pg_attribute WHERE attrelid >= 16384),
       (SELECT array_agg(oid ORDER BY oid) FROM pg_constraint WHERE oid >= 16384),
       (SELECT array_agg((oid, tgenabled)::text ORDER BY oid) FROM pg_trigger WHERE oid >= 16384),
       (SELECT array_agg((oid, polname)::text ORDER BY oid) FROM pg_policy),
       (SELECT array_agg((oid, prosrc)::text ORDER BY oid) FROM pg_proc WHERE oid >= 16384),
       (SELECT array_agg(oid ORDER BY oid) FROM pg_type WHERE oid >= 16384),
       (SELECT array_agg(oid ORDER BY oid) FROM pg_rewrite WHERE oid >= 16384),
       (SELECT array_agg(oid ORDER BY oid) FROM pg_publication), (SELECT count(*) FROM pg_event_trigger),
       (SELECT array_agg((oid, nspacl)::text ORDER BY oid) FROM pg_namespace),
       (SELECT array_agg(setting::text) FROM pg_db_role_setting AS setting),
       (SELECT count(*) FROM pg_class WHERE oid >= 16384 AND relkind IN ('r', 't') AND pg_relation_size(oid) > 300000)
"""
_END_OTHER_SESSIONS = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND pid <> ALL (%s)
"""
# Everything in a database that outlives its schemas, or that a test can alter in the system's own objects.
_AROUND_SCHEMAS = """
SELECT (SELECT (datdba, datacl, datconnlimit, datallowconn)::text FROM pg_database WHERE datname = current_database()),
       (SELECT array_agg(s::text) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
        WHERE d.datname = current_database()),
       (SELECT array_agg((nspname, nspowner, nspacl)::text ORDER BY nspname) FROM pg_namespace
        WHERE nspname !~ '^pg_(toast_)?temp'),
       (SELECT md5(string_agg(relacl::text, ',' ORDER BY oid)) FROM pg_class WHERE oid < 16384),
       (SELECT md5(string_agg(proacl::text, ',' ORDER BY oid)) FROM pg_proc WHERE oid < 16384),
       (SELECT array_agg(relname::text) FROM pg_class WHERE oid >= 16384 AND relkind <> 't' AND relnamespace <>
        ALL (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_(toast_)?temp')),
       (SELECT count(*) FROM pg_proc WHERE oid >= 16384), (SELECT count(*) FROM pg_cast WHERE oid >= 16384),
       (SELECT count(*) FROM pg_extension WHERE oid >= 16384), (SELECT count(*) FROM pg_event_trigger),
       (SELECT count(*) FROM pg_language WHERE oid >= 16384), (SELECT count(*) FROM pg_publication),
       (SELECT count(*) FROM pg_foreign_data_wrapper), (SELECT count(*) FROM pg_foreign_server),
       (SELECT count(*) FROM pg_default_acl), (SELECT count(*) FROM pg_largeobject_metadata),
       -- What dropped tables leave in the catalogues, which nothing vacuums.
       pg_relation_size('pg_attribute') < 4000000
"""
_DROP_SCHEMAS = """
DO $$
DECLARE one name;
BEGIN
    SET LOCAL client_min_messages = warning;
    FOR one IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', one);
    END LOOP;
    CREATE SCHEMA public;
    IF current_setting('server_version_num')::int >= 150000 THEN
        ALTER SCHEMA public OWNER TO pg_database_owner;
        GRANT USAGE ON SCHEMA public TO PUBLIC;
    ELSE
        GRANT ALL ON SCHEMA public TO PUBLIC;
    END IF;
END $$
"""
# The same order and case rules on every machine; the provider exists from PostgreSQL 17 on.
_BUILTIN_LOCALE = sql.SQL(" ENCODING 'UTF8' LOCALE 'C' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'")
_EMPTY = """
DO $$
DECLARE one regclass;
BEGIN
    -- Plans first: deleting a plan deletes its batches and rows.
    FOR one IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
               AND relname <> 'stage_migration_versions' ORDER BY relname <> 'stage_migration_plans' LOOP
        EXECUTE format('DELETE FROM %s', one);
    END LOOP;
    FOR one IN SELECT oid FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace LOOP
        PERFORM setval(one, 1, false);
    END LOOP;
    INSERT INTO stage_migration_control DEFAULT VALUES;
    UPDATE stage_migration_versions SET last_log_id = NULL WHERE last_log_id IS NOT NULL;
END $$
"""


class RecycledDatabase:
    """Lend one empty database after the other."""

    def __init__(self, server_url: str, name: str) -> None:
        self._server = _Server(server_url)
        self._name = name
        self._around_schemas: tuple[object, ...] | None = None

    @contextmanager
    def one(self) -> Iterator[str]:
        """Lend an empty database for one test. Yields its URL."""
        url = self._server.url_of(self._name)
        if self._around_schemas is None:
            self._server.drop(self._name)
            self._server.create(self._name)
            with psycopg.connect(url) as connection:
                self._around_schemas = connection.execute(_AROUND_SCHEMAS).fetchone()
        try:
            yield url
        finally:
            if not self._is_empty_again(url):
                self.drop()

    def drop(self) -> None:
        self._around_schemas = None
        self._server.drop(self._name)

    def _is_empty_again(self, url: str) -> bool:
        """Drop all schemas. Returns False if that leaves something behind, or does not work."""
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(_END_OTHER_SESSIONS, [[]])
                connection.execute(_DROP_SCHEMAS)
                return connection.execute(_AROUND_SCHEMAS).fetchone() == self._around_schemas
        except psycopg.Error:
            return False


class RecycledApplications:
    """Lend one application after the other, each with empty tables and our migrations.

    `name` and `template` name two databases of the server that belong to this process. `tables` creates the user's
    tables; without it they are those of `Application`.
    """

    def __init__(self, server_url: str, *, name: str, template: str, tables: str = TABLES) -> None:
        self._server = _Server(server_url)
        self._name = name
        self._template = template
        self._tables = tables
        self._has_template = False
        self._shape: tuple[object, ...] | None = None
        self._database = Database.at(self._server.url_of(name))
        self._user: UserConnection | None = None

    @contextmanager
    def one(self) -> Iterator[Application]:
        """Lend an application for one test."""
        if self._shape is None:
            self._create()
        application = Application(self._server.url_of(self._name), database=self._database, user=self._user)
        try:
            yield application
        finally:
            self._keep(application.user)
            if not self._is_empty_again():
                self._forget()

    def drop(self) -> None:
        """Drop both databases."""
        self._forget()
        self._server.drop(self._template)

    def _keep(self, user: UserConnection) -> None:
        """Keep the user's connection for the next test, unless it is closed or in a transaction."""
        is_idle = user.info.transaction_status is TransactionStatus.IDLE
        self._user = user if is_idle else None
        if not is_idle:
            user.close()

    def _forget(self) -> None:
        if self._user is not None:
            self._user.close()
            self._user = None
        self._database.close()
        self._database = Database.at(self._server.url_of(self._name))
        self._server.drop(self._name)
        self._shape = None

    def _create(self) -> None:
        if not self._has_template:
            self._server.create(self._template)
            application = Application(self._server.url_of(self._template))
            application.set_up(self._tables)
            application.close()
            self._has_template = True
        self._server.create(self._name, template=self._template)
        with psycopg.connect(self._server.url_of(self._name)) as connection:
            self._shape = connection.execute(_SHAPE).fetchone()

    def _is_empty_again(self) -> bool:
        """Delete all rows. Returns False, and deletes none, if the test changed more than rows."""
        try:
            with _idle_sessions(self._database) as (session, *others):
                kept = [session, *others] if self._user is None else [session, *others, self._user]
                for one in kept:
                    one.execute("DISCARD ALL")
                session.execute(_END_OTHER_SESSIONS, [[one.info.backend_pid for one in kept]])
                if session.execute(_SHAPE).fetchone() != self._shape:
                    return False
                session.execute(_EMPTY)
                return True
        except psycopg.Error:
            return False


@contextmanager
def _idle_sessions(database: Database) -> Iterator[list[psycopg.Connection[Any]]]:
    """Take the sessions that the engine keeps, at least one, in autocommit."""
    pool = database.engine.pool
    assert isinstance(pool, sa.QueuePool)
    taken = [database.engine.raw_connection() for _ in range(max(1, pool.checkedin()))]
    sessions = [_driver(connection.driver_connection) for connection in taken]
    for session in sessions:
        session.autocommit = True
    yield sessions
    for session, connection in zip(sessions, taken, strict=True):
        session.autocommit = False
        connection.close()


def _driver(session: object) -> psycopg.Connection[Any]:
    assert isinstance(session, BoundedConnection)
    return session


class _Server:
    """Create and drop databases of a server."""

    def __init__(self, url: str) -> None:
        self._url = url

    def url_of(self, name: str) -> str:
        return sa.make_url(self._url).set(database=name).render_as_string(hide_password=False)

    def create(self, name: str, *, template: str = "template0") -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            if template == "template0" and connection.info.server_version >= 170000:
                statement += _BUILTIN_LOCALE
            if connection.info.server_version >= 150000:
                # 21 ms of CPU; with the WAL of every block it was 37 ms.
                statement += sql.SQL(" STRATEGY file_copy")
            connection.execute(statement)

    def drop(self, name: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
