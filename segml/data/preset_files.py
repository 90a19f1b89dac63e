"""Read a preset from YAML, and say what is wrong with it."""

from __future__ import annotations

from typing import Any

import yaml

from segml._core.check import one_of
from segml._core.errors import ParameterError

_TEXTS = ("kind", "description", "source", "note", "date_format", "order_by")
_LISTS = ("group_by", "unpivot")
_MAPPINGS = (
    "columns", "derive", "values", "asks", "types", "units", "reject", "checks", "sessions",
)  # fmt: skip
_KEYS = (*_TEXTS, *_LISTS, *_MAPPINGS)


def parse_preset(text: str, where: str) -> dict[str, Any]:
    r"""Read a preset from YAML: mappings, lists, texts and numbers, no tags.

    Raises
    ------
    ParameterError
        It is no YAML, has unknown keys or values of a wrong type, or names columns that
        its table does not have.

    Examples
    --------
    >>> text = "kind: costs\ncolumns: {date: Day, cost: [Cost, Spend]}"
    >>> parse_preset(text, "ads.yml")["columns"]
    {'date': ('Day',), 'cost': ('Cost', 'Spend')}
    """
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        raise ParameterError(
            "the preset is not plain YAML",
            where=f"{where}, line {mark.line + 1}" if mark else where,
            got=str(getattr(error, "problem", error)),
            expected="mappings, lists, texts and numbers, no tags",
        ) from error
    if not isinstance(found, dict):
        raise ParameterError("the preset is not a mapping", where=where, got=found)
    parts: dict[str, Any] = {}
    for key, value in found.items():
        one_of(key, _KEYS, f"key of {where}")
        parts[key] = _plain(key, value, f"{where}, {key}")
    if "kind" not in parts:
        raise ParameterError("the preset does not say its kind", where=where, expected="kind")
    return parts


def _plain(key: str, value: Any, where: str) -> Any:
    if key in _TEXTS:
        return _checked(value, str, "a text", where)
    if key in _LISTS:
        items = _checked(value, list, "a list of column names", where)
        return tuple(_checked(item, str, "a column name", where) for item in items)
    found = _checked(value, dict, "a mapping", where)
    if key == "columns":
        return {
            name: tuple(
                _checked(item, str, "a column name", f"{where}.{name}")
                for item in (item if isinstance(item, list) else [item])
            )
            for name, item in found.items()
        }
    kinds = (str, int, float) if key in ("values", "sessions") else str
    return {
        name: _checked(item, kinds, "a text", f"{where}.{name}") for name, item in found.items()
    }


def _checked(value: Any, kind: Any, expected: str, where: str) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool) or value == "":
        raise ParameterError(
            "a value of the preset has the wrong type", where=where, got=value, expected=expected
        )
    return value
