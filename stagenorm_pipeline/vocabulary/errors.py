"""What the vocabulary raises at a person's mistake; each message says where it is and what to do."""


class VocabularyError(Exception):
    """Base of everything that this package raises on purpose."""


class DecisionsError(VocabularyError):
    """A decision, or the file of decisions, cannot be used.

    `where` is `file:line` (or the file alone, or empty for a decision made in a program); `problem` says what is
    wrong and what to do. The text is `where: problem` and holds no raw control character from the data.
    """

    def __init__(self, problem: str, where: str = "") -> None:
        super().__init__(f"{where}: {problem}" if where else problem)
        self.problem = problem
        self.where = where
