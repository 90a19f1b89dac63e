"""Read a parameter file; say everything that is wrong with it at once, line by line."""

from __future__ import annotations

import os
import reprlib
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from segml._core.check import nearest
from segml._core.errors import ParameterError

from .data_params import BUILT_IN_SOURCES
from .overrides import parse_overrides, with_overrides
from .params import ReportParams, model_at
from .params_yaml import KeyPath, Lines, dotted, parse, read_file

_REPR = reprlib.Repr()  # bounded, whatever aliases make of a small file
_REPR.maxlevel, _REPR.maxstring, _REPR.maxother = 1, 60, 60


def load_params(path: str | os.PathLike[str], overrides: Sequence[str] = ()) -> ReportParams:
    """Read and check a YAML parameter file.

    Parameters
    ----------
    path : path
        The file.  A relative path of data in it starts at its folder.
    overrides : sequence of str, optional
        Parameters that take precedence, such as ``clustering.n_segments=6``.

    Returns
    -------
    ReportParams
        With paths of data absolute.

    Raises
    ------
    ParameterError
        Names the file, and the line, key, value and what is allowed of every problem.
    """
    shown = os.fspath(path)
    text = read_file(Path(path), shown)
    root, values = parse(text, shown, _KEYS)
    lines = Lines(root, shown)
    if lines.repeated:
        raise _combined(lines.repeated, shown)
    if not isinstance(values, dict):
        raise ParameterError(
            "a parameter file holds keys and values",
            where=shown,
            got=_short(values),
            expected=_KEYS,
        )
    changes = parse_overrides(overrides)
    given: dict[KeyPath, str] = {change: f"--set {dotted(change)}" for change in changes}
    params = validate_params(with_overrides(values, changes), shown, _lines=lines, _given=given)
    return with_source_in(params, Path(path).absolute().parent)


def validate_params(
    values: Mapping[str, Any],
    where: str = "parameters",
    *,
    _lines: Lines | None = None,
    _given: Mapping[KeyPath, str] | None = None,
) -> ReportParams:
    """Check parameters given as a mapping.

    Parameters
    ----------
    values : mapping
        The parameters, nested as in a file.
    where : str
        What to call them in a message.

    Raises
    ------
    ParameterError
        Lists every problem.

    Examples
    --------
    >>> validate_params({"report": "a", "title": "A", "data": {"source": "cdnow"}}).seed
    1
    >>> validate_params({"report": "a", "title": "A", "data": {"source": "cdnow"}, "sed": 2})
    Traceback (most recent call last):
    ...
    segml._core.errors.ParameterError: one parameter is wrong
      parameters: sed: unknown key, got 2, expected one of report, title, ...; did you mean 'seed'?
      where: parameters
    """
    try:
        return ReportParams.model_validate(dict(values))
    except ValidationError as error:
        found = [_describe(item) for item in error.errors(include_url=False)]
        if _lines is None:
            raise _combined([f"{where}: {text}" for _, text in found], where) from None
        placed = sorted((*_place(path, _lines, where, _given or {}), text) for path, text in found)
        raise _combined([f"{place}: {text}" for _, place, text in placed], where) from None


def _place(
    path: KeyPath, lines: Lines, where: str, given: Mapping[KeyPath, str]
) -> tuple[int, str]:
    """Return where a parameter stands: after the lines of the file, on the command line."""
    text = tuple(str(part) for part in path)
    for change, option in given.items():
        if change[: len(text)] == text or text[: len(change)] == change:
            return len(lines) + 1, option
    return lines.line(path), f"{where}:{lines.line(path)}"


def with_source_in(params: ReportParams, folder: Path) -> ReportParams:
    """Return `params` with relative paths of data made absolute from `folder`."""
    data = params.data
    if data.source in BUILT_IN_SOURCES:
        return params

    def absolute(source: str) -> str:
        remote = "://" in source
        return source if remote else os.path.normpath(folder / Path(source).expanduser())

    tables = {
        name: table.model_copy(update={"source": absolute(table.source)})
        for name, table in data.tables.items()
    }
    changes = {"source": absolute(data.source), "tables": tables}
    return params.model_copy(update={"data": data.model_copy(update=changes)})


_KEYS = "the keys " + ", ".join(ReportParams.model_fields)


def _describe(item: Any) -> tuple[KeyPath, str]:
    """Return the key path of one pydantic error and what it says."""
    path: KeyPath = tuple(part for part in item["loc"] if part != "[key]")
    kind, got = item["type"], item["input"]
    model = model_at(path[:-1])
    allowed = list(model.model_fields) if model else []
    if kind in ("extra_forbidden", "invalid_key"):
        close = nearest(path[-1], allowed)
        text = f"unknown key, got {_short(got)}, expected one of {', '.join(allowed)}"
        text += f"; did you mean {close!r}?" if close else ""
    elif kind == "missing":
        field = model.model_fields[str(path[-1])] if model else None
        text = f"the key is missing, expected {field.description if field else 'a value'}"
    elif kind == "model_type":
        inner = model_at(path)
        keys = ", ".join(inner.model_fields) if inner else ""
        text = f"got {_short(got)}, expected the keys {keys}"
    else:
        text = f"got {_short(got)}, expected {_expected(item)}"
        choices = item.get("ctx", {}).get("expected", "").replace("'", "").replace(" or ", ", ")
        close = nearest(got, choices.split(", ")) if kind == "literal_error" else None
        text += f"; did you mean {close!r}?" if close else ""
    return path, f"{dotted(path)}: {text}"


def _expected(item: Any) -> str:
    if item["type"] == "literal_error":
        return "one of " + item["ctx"]["expected"].replace(" or ", ", ")
    if item["type"] == "value_error":
        return str(item["ctx"]["error"])
    if item["type"] == "string_pattern_mismatch":
        model = model_at(item["loc"][:-1])
        field = model.model_fields.get(str(item["loc"][-1])) if model else None
        if field is not None and field.description:
            return field.description
        return "letters, digits, _ and - only"
    if item["type"].startswith("int_"):
        return "a whole number"
    message = str(item["msg"]).removeprefix("Input should be ").removeprefix("Input should ")
    if item["type"].startswith(("greater_than", "less_than")):
        return f"a number {message}"
    return message[:1].lower() + message[1:]


def _short(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else _REPR.repr(value)


def _combined(found: list[str], where: str) -> ParameterError:
    head = "one parameter is wrong" if len(found) == 1 else f"{len(found)} parameters are wrong"
    return ParameterError("\n  ".join([head, *found]), where=where)
