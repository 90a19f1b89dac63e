"""Parameters given on the command line: ``clustering.n_segments=6`` over those of a file."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from segml._core.errors import ParameterError

from .params_yaml import Loader


def parse_overrides(texts: Sequence[str]) -> dict[tuple[str, ...], Any]:
    """Return values by key path, typed as YAML types them.

    Parameters
    ----------
    texts : sequence of str
        ``key.path=value`` each.

    Raises
    ------
    ParameterError
        A text has no ``=``, its value is not plain YAML, or a key is given twice.

    Examples
    --------
    >>> parse_overrides(["clustering.n_segments=6", "dates.as_of=2026-11-30"])
    {('clustering', 'n_segments'): 6, ('dates', 'as_of'): datetime.date(2026, 11, 30)}
    """
    found: dict[tuple[str, ...], Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        path = tuple(part.strip() for part in key.split("."))
        if not equals or not all(path):
            raise ParameterError(
                "cannot read a parameter of the command line",
                where=f"--set {text}",
                expected="key=value, such as clustering.n_segments=6",
            )
        if path in found:
            raise ParameterError("a parameter is set twice", where=f"--set {text}", got=key)
        try:
            read = yaml.load(value, Loader=Loader)  # a SafeLoader
        except yaml.YAMLError as error:
            raise ParameterError(
                "cannot read the value of a parameter of the command line",
                where=f"--set {text}",
                got=value,
                expected="plain YAML, such as 6, null, text or [a, b]",
            ) from error
        # A text with a colon in it is no mapping unless it is written as one.
        found[path] = value if isinstance(read, dict) and not value.startswith("{") else read
    return found


def with_overrides(
    values: Mapping[str, Any], overrides: Mapping[tuple[str, ...], Any]
) -> dict[str, Any]:
    """Return parameters with some replaced.

    Examples
    --------
    >>> with_overrides({"clv": {"margin": 0.4}}, {("clv", "horizon"): 26.0, ("seed",): 2})
    {'clv': {'margin': 0.4, 'horizon': 26.0}, 'seed': 2}
    """
    changed = copy.deepcopy(dict(values))
    for path, value in overrides.items():
        inside: Any = changed
        for part in path[:-1]:
            if not isinstance(inside.get(part), dict):  # the schema says what is wrong with it
                inside[part] = {}
            inside = inside[part]
        inside[path[-1]] = value
    return changed
