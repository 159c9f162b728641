"""stagenorm: normalizes investment stages in a production PostgreSQL, and proves that nothing was lost."""

__version__ = "0.1.0"
