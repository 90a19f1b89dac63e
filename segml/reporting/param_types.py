"""Types of parameters: strict, because YAML turns unquoted texts into other things."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field


def _calendar_day(value: Any) -> Any:
    """Let only whole days through, so that 19980630 is not read as seconds since 1970."""
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError as error:
            raise ValueError("a day that exists in the calendar") from error
    raise ValueError("a day written like 2026-11-30, without a time")


Day = Annotated[date, BeforeValidator(_calendar_day)]
Whole = Annotated[int, Field(strict=True)]
Real = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1)]
