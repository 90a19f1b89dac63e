"""Types of parameters: strict, because YAML turns unquoted texts into other things."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from segml._core.check import nearest


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


class Model(BaseModel):
    """A part of the parameters: every key known, nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def unique(values: list[str]) -> list[str]:
    """Refuse values that are given twice."""
    repeated = sorted({value for value in values if values.count(value) > 1})
    if repeated:
        raise ValueError(f"each one once; repeated: {', '.join(repeated)}")
    return values


def known(values: list[str], allowed: Iterable[str]) -> list[str]:
    """Refuse values that are none of the allowed ones, with the nearest spelling."""
    allowed = list(allowed)
    if unknown := [value for value in values if value not in allowed]:
        close = nearest(unknown[0], allowed)
        hint = f"; for {unknown[0]!r} did you mean {close!r}?" if close else ""
        raise ValueError(f"of {', '.join(allowed)}{hint}")
    return values
