"""The kinds of values that stagenorm.toml holds. An error message says `must be` and the description."""

from typing import Annotated

from pydantic import Field

# Strict: neither `true` nor "5" is a number.
PositiveNumber = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True, description="a number above 0")]
PositiveWholeNumber = Annotated[int, Field(gt=0, strict=True, description="a whole number above 0")]
# PostgreSQL allows no NUL in a name.
Name = Annotated[str, Field(pattern=r"^[^\x00]+$", description="a name in quotes")]
