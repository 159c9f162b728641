"""stagenorm: normalizes investment stages in a production PostgreSQL, and proves that nothing was lost.

The Python API is the class `Stagenorm`; docs/python-api.md shows how to use it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stagenorm_pipeline.service.stagenorm import Stagenorm

__version__ = "0.2.0"
__all__ = ["Stagenorm", "__version__"]


def __getattr__(name: str) -> Any:
    # Imported at the first use: `stagenorm --help` needs only the version, and must not wait for SQLAlchemy.
    if name == "Stagenorm":
        from stagenorm_pipeline.service.stagenorm import Stagenorm

        return Stagenorm
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
