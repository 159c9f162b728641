"""The type of a canonical stage."""


class Stage(str):
    """A canonical stage, as text. The `AliasTable` lists the stages in their order.

    A type of its own, so that a type checker tells a stage from a spelling. It compares and hashes like its text.
    """

    __slots__ = ()
