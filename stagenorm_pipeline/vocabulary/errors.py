"""Errors in decisions. Each message says where the mistake is and what to do."""


class VocabularyError(Exception):
    """Base class of this package's errors."""


class DecisionsError(VocabularyError):
    """A decision, or the file of decisions, cannot be used.

    `where` is `file:line`, or only the file, or empty for a decision that code made. `problem` says what is wrong and
    what to do. The message is `where: problem`. Control characters from the data are escaped in it.
    """

    def __init__(self, problem: str, where: str = "") -> None:
        super().__init__(f"{where}: {problem}" if where else problem)
        self.problem = problem
        self.where = where
