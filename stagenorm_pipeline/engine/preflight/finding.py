"""What a pre-flight check says. Facts only: no check and no SQL belongs here."""

from dataclasses import dataclass
from enum import StrEnum


class PreflightLevel(StrEnum):
    """How much a finding matters."""

    # The run would fail, would fail for some rows for certain, or would leave rows out without a word.
    ERROR = "error"
    # The run can go ahead; somebody should know this first.
    WARNING = "warning"
    # Worth knowing when reading the result.
    INFO = "info"


class PreflightCheck(StrEnum):
    """The checks, in the order in which they run. Each has a file of this name in `checks/`."""

    SERVER_VERSION = "server_version"
    SERVER_ENCODING = "server_encoding"
    READ_ONLY_SERVER = "read_only_server"
    DAGSTER_STORAGE = "dagster_storage"
    REPLICA_LAG = "replica_lag"
    PREPARED_TRANSACTIONS = "prepared_transactions"
    OPEN_TRANSACTIONS = "open_transactions"
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
    UPDATE_ACCEPTED = "update_accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreflightFinding:
    """One thing that a check found. `target` None: it is about the server or the database as a whole.

    `message` says what is so and what follows from it; `remedy` what to do, with the SQL on lines of its own where SQL
    mends it. Both may hold names and error texts from the database: escape them where they are shown.
    """

    check: PreflightCheck
    level: PreflightLevel
    target: str | None
    message: str
    remedy: str
