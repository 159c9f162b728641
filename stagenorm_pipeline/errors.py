"""The errors that a user can fix. Each says what is wrong and, in `remedy`, what to do."""


class StagenormError(Exception):
    """An error that a user can fix. Shown without a stack trace.

    `message` says what is wrong; `remedy` says what to do. Neither may hold a secret.
    """

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n{self.remedy}" if self.remedy else self.message


class ConfigurationError(StagenormError):
    """An argument, an environment variable or a configuration file is wrong: exit code 2, before any work."""


class ConnectionFailedError(StagenormError):
    """PostgreSQL could not be reached, or the connection was lost and retries did not help."""


class MissingMigrationError(StagenormError):
    """The tracking tables do not exist, or are older than this program."""


class TargetError(StagenormError):
    """A target table or column is missing, or has a type that stagenorm does not support."""


class PlanError(StagenormError):
    """A plan does not exist, or its state does not allow the operation."""


class ReadOnlyServerError(StagenormError):
    """The server accepts no writes: it is a standby, or its transactions are read-only."""


class RefusedError(StagenormError):
    """The privileges or settings of the database do not allow the operation."""
