"""The errors that a user can do something about. Each says what is wrong and, in `remedy`, what to do next."""


class StagenormError(Exception):
    """Something that stops the work and that a person can mend. Shown without a stack trace.

    `message` names the thing and what is wrong with it; `remedy` says what to do. Neither may hold a secret.
    """

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n{self.remedy}" if self.remedy else self.message


class ConfigurationError(StagenormError):
    """An argument, an environment variable or a configuration file is wrong: exit code 2, nothing was tried."""


class ConnectionFailedError(StagenormError):
    """PostgreSQL could not be reached, or the connection was lost for good."""


class MissingMigrationError(StagenormError):
    """The tracking tables are not there yet, or are older than this program."""


class TargetError(StagenormError):
    """A target table or column is missing, or is of a kind that this tool cannot work on."""


class PlanError(StagenormError):
    """A plan does not exist, or is not in a state in which it can be used as asked."""


class ReadOnlyServerError(StagenormError):
    """The server takes no writes: a standby, or transactions are read-only there."""


class RefusedError(StagenormError):
    """The database's privileges or settings do not allow the work."""
