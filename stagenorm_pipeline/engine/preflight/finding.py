"""The result of a pre-flight check: a finding with a level, a message and a remedy."""

from dataclasses import dataclass
from enum import StrEnum


class PreflightLevel(StrEnum):
    """How serious a finding is."""

    # The run would fail, would certainly fail for some rows, or would leave out rows without an error.
    ERROR = "error"
    # You can run, but you should know this first.
    WARNING = "warning"
    # It helps to know this when you read the result.
    INFO = "info"


class PreflightCheck(StrEnum):
    """The checks, in the order in which they run. Each has a file of this name in `checks/`."""

    SERVER_VERSION = "server_version"
    SERVER_ENCODING = "server_encoding"
    READ_ONLY_SERVER = "read_only_server"
    DAGSTER_STORAGE = "dagster_storage"
    REPLICA_LAG = "replica_lag"
    REPLICATION_SLOTS = "replication_slots"
    WAL_ARCHIVER = "wal_archiver"
    PREPARED_TRANSACTIONS = "prepared_transactions"
    OPEN_TRANSACTIONS = "open_transactions"
    XMIN_HORIZON = "xmin_horizon"
    TRACKING_TABLES = "tracking_tables"
    TRACKING_PRIVILEGES = "tracking_privileges"
    TARGET_FOUND = "target_found"
    TARGET_PRIVILEGES = "target_privileges"
    ROW_SECURITY = "row_security"
    STAGE_COLUMN = "stage_column"
    COLLATION = "collation"
    CHECK_CONSTRAINTS = "check_constraints"
    FOREIGN_KEYS = "foreign_keys"
    UNIQUE_INDEXES = "unique_indexes"
    DEFERRABLE_CONSTRAINTS = "deferrable_constraints"
    TRIGGERS = "triggers"
    INHERITANCE = "inheritance"
    MATERIALIZED_VIEWS = "materialized_views"
    UPDATE_ACCEPTED = "update_accepted"
    GUARDS = "guards"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreflightFinding:
    """One finding of a check. `target` None: it is about the server or the whole database.

    `message` says what is wrong and what follows from it. `remedy` says what to do; if SQL fixes it, the SQL is on the
    lines after the first. Both may contain names and error texts from the database: escape them where you show them.
    """

    check: PreflightCheck
    level: PreflightLevel
    target: str | None
    message: str
    remedy: str
