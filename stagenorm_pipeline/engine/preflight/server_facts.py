"""Read the facts about the server that several checks use."""

from dataclasses import dataclass

import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.sql_files import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Facts about the server. `version_number` is server_version_num; names are quoted for SQL."""

    version_number: int
    version: str
    encoding: str
    is_standby: bool
    default_read_only: bool
    database_name: str
    role_name: str


def read_server(connection: sa.Connection) -> Server:
    return Server(**connection.exec_driver_sql(statement("preflight/server")).one()._mapping)
