"""All features and the rows they are aggregates of, by name; and how to add to them.

The definitions are in :mod:`segml.features.definitions`.
"""

from __future__ import annotations

import re

from segml._core.check import one_of
from segml._core.errors import ParameterError
from segml.data.tables import TABLES

from . import definitions
from .feature import Feature, Kind, Source

DEFAULT_WINDOWS = (30, 90, 180, 365)

FEATURES: dict[str, Feature] = {}
"""Features by name. Those of windows stand here for the default windows; those that are
repeated for the values of a column stand under their name with ``{level}``."""

WINDOWED: dict[str, Feature] = {}
"""Features that are repeated for each window, by their name with ``{window}``."""

SOURCES: dict[str, Source] = {}
"""Sources by name."""

SURVEY_SCALES = "survey_scales"
"""What sources call the table of constructs with the bounds of their scale."""


def register_feature(feature: Feature, *, replace: bool = False) -> Feature:
    """Add a feature to those that `build_features` computes.

    Parameters
    ----------
    feature : Feature
        Its table is a canonical table or a registered source.
    replace : bool, default False
        Whether it may take the place of a feature of the same name.

    Returns
    -------
    Feature
        The feature.

    Raises
    ------
    ParameterError
        It is no feature, its name is taken, or its table is not known, with the nearest
        spelling. Whether its SQL runs is seen, and said, when it is first computed.

    Examples
    --------
    >>> big = Feature(
    ...     "big_orders", "Big orders", "value", "Orders above 100.", "count",
    ...     "count(*) FILTER (WHERE revenue > 100)", "log", columns=("revenue",),
    ... )
    >>> register_feature(big).name
    'big_orders'
    >>> del FEATURES["big_orders"]
    """
    if not isinstance(feature, Feature):
        raise ParameterError("this is no feature", got=feature, expected="a Feature")
    one_of(feature.table, [*TABLES, *SOURCES], f"table of {feature.name}")
    for column in feature.columns:
        _check_column(feature.table, column, feature.name)
    made = {feature.name: feature}
    if "{window}" in feature.name:
        made = {part.name: part for part in map(feature.at_window, DEFAULT_WINDOWS)}
    taken = {name.casefold(): name for name in FEATURES}  # Spark knows no case in names
    for name in made:
        if name.casefold() in taken and not (replace and name in FEATURES):
            raise ParameterError(
                "there is a feature of this name",
                where="name",
                got=name,
                expected=f"another name than {taken[name.casefold()]}, or replace=True",
            )
    if "{window}" in feature.name:
        WINDOWED[feature.name] = feature
    FEATURES.update(made)
    return feature


def register_source(source: Source, *, replace: bool = False) -> Source:
    """Add rows that features can be aggregates of.

    Parameters
    ----------
    source : Source
        Reads canonical tables and sources that are registered.
    replace : bool, default False
        Whether it may take the place of a source of the same name.

    Returns
    -------
    Source
        The same.

    Raises
    ------
    ParameterError
        Its name is taken, or it reads what is not known, with the nearest spelling.
    """
    if source.name in TABLES or (source.name in SOURCES and not replace):
        raise ParameterError(
            "there are rows of this name", where="name", got=source.name, expected="another name"
        )
    for name in source.parents:
        one_of(name, [*TABLES, *SOURCES, SURVEY_SCALES], f"sql of {source.name}")
    for column in source.columns:
        _check_column("", column, source.name)
    SOURCES[source.name] = source
    return source


def _check_column(table: str, column: str, where: str) -> None:
    named = column.split("|")[0].rpartition(".")[0] or table
    if named not in TABLES:
        raise ParameterError(
            f"a column that {where} needs has no table",
            where=where,
            got=column,
            expected="a canonical table and its column, such as orders.coupon",
        )


def find_feature(name: str) -> Feature | None:
    """Return the feature of a name, also for a window or a value that is not listed.

    Parameters
    ----------
    name : str
        As in `FEATURES`, or what a name with ``{window}`` or ``{level}`` becomes.

    Returns
    -------
    Feature or None
        None where there is none. Whether the data have the value is not known here.

    Examples
    --------
    >>> find_feature("revenue_60d").label, find_feature("survey_trust").label
    ('Revenue of 60 days', 'trust (survey)')
    """
    if name in FEATURES:
        return FEATURES[name]
    for pattern, feature in WINDOWED.items():
        if (days := _filled(pattern, "{window}", r"[1-9]\d{0,4}", name)) and int(days) <= 36_500:
            return feature.at_window(int(days))
    for pattern, feature in FEATURES.items():
        if feature.each and (word := _filled(pattern, "{level}", r"\w+", name)):
            return feature.at_level(word, word.replace("_", " "))
    return None


def _filled(pattern: str, mark: str, form: str, name: str) -> str | None:
    """Return what stands in a name where a pattern has its mark."""
    start, _, end = pattern.partition(mark)
    found = re.fullmatch(f"{re.escape(start)}({form}){re.escape(end)}", name)
    return found[1] if found else None


def kinds() -> list[Kind]:
    """Return the kinds of features that there are, in the registry's order."""
    return list(dict.fromkeys(feature.kind for feature in FEATURES.values()))


for _source in definitions.SOURCES:
    register_source(_source)
for _feature in definitions.FEATURES:
    register_feature(_feature)
