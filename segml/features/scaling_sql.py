"""The fitted preprocessing of features as SQL, so that customers are scaled where they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.validation import check_is_fitted

from segml._core.check import nearest
from segml._core.errors import DataError, MissingTableError, ParameterError
from segml.engine import Table
from segml.engine.sql import Fragment, literal, quote

from .encoders import OTHER, LevelEncoder, as_numbers, as_ranks, on_circle
from .preprocess import FeaturePreprocessor, signed_log
from .scaling import FeatureScaler

_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")


def scaled_table(preprocessor: Any, table: Table, names: Sequence[str]) -> Table:
    """Define the columns that a fitted preprocessor makes of features.

    Parameters
    ----------
    preprocessor : FeaturePreprocessor or StandardScaler
        Fitted; what `make_preprocessor` builds, or scikit-learn's own scaler.
    table : Table
        ``customer_id`` and the features.
    names : sequence of str
        The features that a scaler was fitted to, in that order; a FeaturePreprocessor
        knows its own.

    Returns
    -------
    Table
        Lazy: ``customer_id`` and ``scaled_0``, ``scaled_1``, ... in the order of the
        preprocessor's columns. NaN counts as missing; a value that is missing and has
        nothing to stand for it stays missing.

    Raises
    ------
    DataError
        A level is neither text, a whole number nor a truth value.
    MissingTableError
        A feature has no column.
    NotFittedError
        Before ``fit``.
    ParameterError
        A part of the preprocessor has no SQL; names it.

    Notes
    -----
    Operations come in the order in which scikit-learn and NumPy do them, so that results
    are the same to the last bit, but for logarithms, sines and cosines, whose last digit
    libraries differ in.

    Examples
    --------
    >>> import pandas as pd
    >>> from segml.engine import connect
    >>> from segml.features import make_preprocessor
    >>> frame = pd.DataFrame({"customer_id": ["a", "b"], "orders": [1, 3]})
    >>> preprocessor = make_preprocessor(["tenure_days"]).fit(frame.assign(tenure_days=[1, 3]))
    >>> table = connect().sql("SELECT 'c' AS customer_id, 5 AS tenure_days")
    >>> scaled_table(preprocessor, table, []).to_arrow().to_pylist()
    [{'customer_id': 'c', 'scaled_0': 3.0}]
    """
    check_is_fitted(preprocessor)
    encoded: list[str] = []
    scaled: list[str] = []
    for column, parts, scaler in _features(preprocessor, names):
        _require(column, table)
        own = [quote(column)]
        for part in parts:
            own = _encode(part, own, table.types[column], column)
        places = [f"encoded_{len(encoded) + i}" for i in range(len(own))]
        encoded += own
        scaled += scaler(places)
    return table.engine.sql(
        "WITH encoded AS (SELECT customer_id, {encoded} FROM {table})"
        " SELECT customer_id, {scaled} FROM encoded",
        encoded=_named(encoded, "encoded"),
        scaled=_named(scaled, "scaled"),
        table=table,
    )


def _named(expressions: Sequence[str], name: str) -> Fragment:
    return Fragment(", ".join(f"{text} AS {name}_{i}" for i, text in enumerate(expressions)))


def _features(
    preprocessor: Any, names: Sequence[str]
) -> Iterator[tuple[str, list[Any], Callable[[list[str]], list[str]]]]:
    """Yield each feature's column, the steps that make it numbers, and what scales these."""
    if isinstance(preprocessor, StandardScaler):
        for j, name in enumerate(names):
            yield name, [FunctionTransformer(as_numbers)], partial(_standard, preprocessor, j)
        return
    if not isinstance(preprocessor, FeaturePreprocessor):
        raise _no_sql(type(preprocessor).__name__, "preprocessor")
    for name, step, columns in preprocessor.transformers_:
        if name == "remainder":
            continue
        parts = [part for _, part in step.steps] if isinstance(step, Pipeline) else [step]
        if len(columns) != 1 or not isinstance(parts[-1], FeatureScaler):
            raise _no_sql(type(parts[-1]).__name__, f"preprocessor, step {name}")
        yield columns[0], parts[:-1], partial(_scale, parts[-1])


def _encode(part: Any, own: list[str], kind: str, column: str) -> list[str]:
    """Return the SQL of what a step before the scaling makes of a feature."""
    if isinstance(part, LevelEncoder):
        return _levels(part, _text(own[0], kind, column))
    function = getattr(part, "func", None)
    arguments = getattr(part, "kw_args", None) or {}
    if function is signed_log:
        return [f"sign({x}) * ln(1 + abs({x}))" for x in own]
    if function is as_numbers:
        return [_number(own[0], arguments.get("fill"))]
    if function is on_circle:
        angle = f"{_number(own[0])} * {literal(2 * np.pi / arguments['period'])}"
        return [f"sin({angle})", f"cos({angle})"]
    if function is as_ranks:
        levels = arguments["levels"]
        ranks = [
            f" WHEN {literal(level)} THEN {literal(j / max(len(levels) - 1, 1))}"
            for j, level in enumerate(levels)
        ]
        return [f"CASE {_text(own[0], kind, column)}{''.join(ranks)} END"]
    raise _no_sql(getattr(function, "__name__", type(part).__name__), f"feature {column}")


def _number(column: str, fill: float | None = None) -> str:
    """Return a column as a double, missing where it is NaN."""
    number = f"CAST({column} AS DOUBLE)"
    known = f"CASE WHEN NOT isnan({number}) THEN {number} END"
    return known if fill is None or np.isnan(fill) else f"coalesce({known}, {literal(fill)})"


def _text(column: str, kind: str, name: str) -> str:
    if kind == "BOOLEAN":
        return f"CASE WHEN {column} THEN 'yes' WHEN NOT {column} THEN 'no' END"
    if kind in _WHOLE:
        return f"CAST({column} AS VARCHAR)"
    if kind != "VARCHAR":
        raise DataError(
            "the levels of a feature are of a type that is not read in the engine",
            where=f"column {name}",
            got=kind,
            expected="text, whole numbers or truth values",
        )
    return column


def _levels(encoder: LevelEncoder, text: str) -> list[str]:
    level = f"coalesce({text}, {literal(encoder.missing)})"
    (levels,) = encoder.levels_
    named = [one for one in levels if one != OTHER]
    columns = [f"CASE WHEN {level} = {literal(one)} THEN 1.0 ELSE 0.0 END" for one in named]
    if OTHER in levels:
        others = f"{level} IN {literal(named)}" if named else "FALSE"
        columns.append(f"CASE WHEN {others} THEN 0.0 ELSE 1.0 END")
    return [f"CAST({column} AS DOUBLE)" for column in columns]


def _standard(scaler: StandardScaler, j: int, places: list[str]) -> list[str]:
    (value,) = places
    if scaler.with_mean:
        value = f"({value} - {literal(float(scaler.mean_[j]))})"
    return [f"{value} / {literal(float(scaler.scale_[j]))}" if scaler.with_std else value]


def _scale(scaler: FeatureScaler, places: list[str]) -> list[str]:
    missing = " OR ".join(f"{place} IS NULL" for place in places)
    factor = float(scaler.factor_)
    columns = [
        f"CASE WHEN {missing} THEN {literal(float(fill) * factor)} ELSE"
        f" ({place} - {literal(float(center))}) / {literal(float(scaler.scale_))}"
        f" * {literal(factor)} END"
        for place, center, fill in zip(places, scaler.center_, scaler.fill_, strict=True)
    ]
    if scaler.has_indicator_:
        share = float(scaler.missing_share_)
        known, unknown = literal((0 - share) * factor), literal((1 - share) * factor)
        columns.append(f"CASE WHEN {missing} THEN {unknown} ELSE {known} END")
    return columns


def _require(column: str, table: Table) -> None:
    for name in ("customer_id", column):
        if name not in table.types:
            raise MissingTableError(
                "a feature is not in the table" if name == column else "customers have no id",
                where=f"column {name}",
                got=", ".join(table.columns),
                expected=name,
                nearest=nearest(name, table.columns),
            )


def _no_sql(what: str, where: str) -> ParameterError:
    return ParameterError(
        f"{what} has no SQL, so that customers cannot be scaled in the engine",
        where=where,
        got=what,
        expected="what make_preprocessor builds, or StandardScaler",
        hint="score in memory: predict(features.to_pandas())",
    )
