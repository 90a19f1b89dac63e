"""Which features are asked for: by kind, by name, for windows and for the values of a column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from segml._core.check import nearest, number, one_of
from segml._core.errors import ParameterError
from segml.engine.sql import identifier

from .feature import Feature
from .registry import FEATURES, WINDOWED, find_feature, kinds
from .rows import Rows

MAX_LEVELS = 12
"""How many values of a column a feature is repeated for: those of most customers."""


def catalogue(windows: Sequence[int]) -> dict[str, Feature]:
    """Return all features by name, those of the windows as well."""
    made = (feature.at_window(days) for feature in WINDOWED.values() for days in windows)
    return {**FEATURES, **{f.name: f for f in made if f.name not in FEATURES}}


def choose(
    kinds_asked: Any, include: Any, exclude: Any, windows: Any
) -> tuple[dict[str, Feature], set[str]]:
    """Return what is asked for, by name, and the names that are not.

    The name of a value's feature (``survey_trust``) stands for the feature that is
    repeated (``survey_{level}``); whether there is such a value is seen in the data.

    Raises
    ------
    ParameterError
        A kind or a feature is not known, with the nearest spelling, or a window is not
        a positive whole number.
    """
    days = [
        int(number(days, "windows", low=1, high=36_500, whole=True))
        for days in _list(windows, "windows")
    ]
    known = catalogue(days)
    asked: dict[str, Feature] = {}
    if kinds_asked is not None:
        wanted = [one_of(kind, kinds(), "kinds") for kind in _list(kinds_asked, "kinds")]
    if kinds_asked is not None or include is None:
        for name, feature in known.items():
            in_kind = kinds_asked is None or feature.kind in wanted
            if in_kind and (not feature.window or feature.window in days):
                asked[name] = feature
    for name in _list(include, "include") if include is not None else ():
        asked.update(_found(name, known, days, "include"))
    excluded: dict[str, Feature] = {}
    for name in _list(exclude, "exclude") if exclude is not None else ():
        excluded.update(_found(name, known, days, "exclude"))
    left = {name: feature for name, feature in asked.items() if name not in excluded}
    if not left:
        raise ParameterError("no feature is left", where="exclude", got=", ".join(excluded))
    return left, set(excluded)


def repeated(name: str, feature: Feature, rows: Rows) -> list[Feature]:
    """Return the features for the most frequent values of a column, or the one asked for.

    Raises
    ------
    ParameterError
        The one asked for is none of them, with the nearest spelling.
    """
    found = rows.engine.sql(
        "SELECT level, customers FROM (SELECT {column} AS level, count(DISTINCT customer_id)"
        " AS customers FROM {rows} WHERE {column} IS NOT NULL GROUP BY {column}) AS levels"
        " ORDER BY customers DESC, level LIMIT {limit}",
        column=identifier(feature.each),
        rows=rows.table(feature.table),
        limit=MAX_LEVELS,
    )
    made: dict[str, Feature] = {}
    for level in found.to_arrow()["level"].to_pylist():
        word = re.sub(r"\W+", "_", level.lower()).strip("_") or "other"
        names = (word, *(f"{word}_{i}" for i in range(2, MAX_LEVELS + 1)))
        word = next(w for w in names if feature.name.replace("{level}", w) not in made)
        one = feature.at_level(word, level)
        made[one.name] = one
    if name == feature.name:
        return list(made.values())
    return [made[one_of(name, made, "include")]]


def _found(
    name: Any, known: dict[str, Feature], days: Sequence[int], where: str
) -> dict[str, Feature]:
    """Return the features that a name stands for."""
    if name in WINDOWED:
        made = [WINDOWED[name].at_window(window) for window in days]
        return {feature.name: known[feature.name] for feature in made}
    if name in known:
        return {name: known[name]}
    if isinstance(name, str) and (one := find_feature(name)) and one.window:
        return {name: one}
    for feature in known.values():
        if feature.each and isinstance(name, str):
            start, end = map(re.escape, feature.name.split("{level}"))
            if re.fullmatch(rf"{start}\w+{end}", name):
                return {name: feature}
    raise ParameterError(
        f"unknown value for {where}",
        where=where,
        got=name,
        expected="a name in FEATURES",
        nearest=nearest(name, [*known, *WINDOWED]),
    )


def _list(value: Any, name: str) -> list[Any]:
    """Return a list of names, or of windows; only `include` and `kinds` must hold any."""
    listed = not isinstance(value, (str, bytes)) and hasattr(value, "__iter__")
    found = list(value) if listed else []
    if not listed or (name in ("include", "kinds") and not found):
        what = "features" if name in ("include", "exclude") else name
        raise ParameterError(
            f"{name} is not a list of {what}", where=name, got=value, expected=_EXAMPLES[name]
        )
    return found


_EXAMPLES = {
    "include": "a list such as ['orders', 'aov'], or None for all",
    "exclude": "a list such as ['cohort']",
    "kinds": "a list such as ['value', 'engagement'], or None for all",
    "windows": "a list of days such as [30, 90]",
}
