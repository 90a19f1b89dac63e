"""Every error segml raises, one class per stage of the work, one shape of message.

A message says what is wrong, where, what was got, what was expected, and the
nearest valid choice where there is one.  Errors that Python users catch by a
built-in type (a wrong value, a missing key) are of that type as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_UNSET: Any = object()


@dataclass(frozen=True)
class Problem:
    """The parts of one message.

    Parameters
    ----------
    what : str
        What is wrong, in one sentence without a full stop.
    where : str, optional
        File, table, column, key or row.
    got : object, optional
        The offending value.
    expected : str, optional
        What would have been right.
    nearest : str, optional
        The valid choice that is spelt most like what was got.
    hint : str, optional
        What to try.
    """

    what: str
    where: str | None = None
    got: Any = field(default=_UNSET)
    expected: str | None = None
    nearest: str | None = None
    hint: str | None = None

    def __str__(self) -> str:
        lines = [self.what]
        if self.where is not None:
            lines.append(f"  where: {self.where}")
        if self.got is not _UNSET:
            lines.append(f"  got: {_short(self.got)}")
        if self.expected is not None:
            lines.append(f"  expected: {self.expected}")
        if self.nearest is not None:
            lines.append(f"  did you mean: {self.nearest!r}?")
        if self.hint is not None:
            lines.append(f"  try: {self.hint}")
        return "\n".join(lines)


def _short(value: Any, limit: int = 200) -> str:
    text = value if isinstance(value, str) and " " in value else repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


class SegmlError(Exception):
    """Base of all errors that segml raises on purpose.

    Parameters
    ----------
    what : str
        What is wrong.
    **parts
        The other parts of a :class:`Problem`: where, got, expected, nearest, hint.

    Examples
    --------
    >>> print(ParameterError("unknown period", where="period", got="X", expected="one of D, W"))
    unknown period
      where: period
      got: 'X'
      expected: one of D, W
    """

    def __init__(self, what: str, **parts: Any) -> None:
        self.problem = Problem(what, **parts)
        super().__init__(str(self.problem))


class DataError(SegmlError, ValueError):
    """The data cannot be read or break a rule that what follows relies on."""


class MissingTableError(DataError, LookupError):
    """A table or a column that this needs is not in the data."""


class NotEnoughDataError(DataError):
    """The data are sound but too few for what is asked."""


class ParameterError(SegmlError, ValueError):
    """An argument or a key in a parameter file is wrong."""


class MissingDependencyError(SegmlError, ImportError):
    """An optional package is not installed."""


class ConvergenceError(SegmlError, ArithmeticError):
    """A numerical fit ended without reaching an optimum."""


class RunError(SegmlError, RuntimeError):
    """A report run failed; the run folder says where."""


class SegmlWarning(UserWarning):
    """Something the user should know that does not stop the work."""

    def __init__(self, what: str, **parts: Any) -> None:
        self.problem = Problem(what, **parts)
        super().__init__(str(self.problem))
