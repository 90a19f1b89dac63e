"""Segments as SQL that stands alone: a warehouse assigns customers without segml."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pyarrow as pa
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from segml._core.check import one_of
from segml._core.errors import ParameterError
from segml.clustering import KMeansSegmenter, RFMSegmenter, assign_segments
from segml.clustering.rfm_grid import RFM_SEGMENTS
from segml.clustering.rfm_scorer import FEATURES
from segml.clustering.rules import SegmentRules
from segml.clustering.score_rules import rfm_scores
from segml.engine import DuckEngine, Table
from segml.engine.sql import Fragment, literal, quote
from segml.features.encoders import LevelEncoder, as_ranks

from .sql_dialects import DIALECTS, translate

_SOURCE = "segml_source"
_STEP = re.compile(r'"(segml_\d+)"')


class _Recorder(DuckEngine):
    """An engine that remembers how each of its tables is defined."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}

    def _define(self, text: str, parents: tuple[Any, ...] = ()) -> Table:
        table = super()._define(text, parents)
        self.texts[table.name] = text
        return table


def to_sql(
    segmenter: Any,
    table: str = "features",
    dialect: Literal["duckdb", "spark", "postgres", "bigquery", "snowflake"] = "duckdb",
) -> str:
    r"""Write the assignment of customers to segments as one SQL SELECT.

    Parameters
    ----------
    segmenter : KMeansSegmenter, RFMSegmenter or SegmentRules
        Fitted to features that have names. Segments of other kinds have no SQL:
        `segment_rules` says how far rules reproduce them.
    table : str, default "features"
        A table with ``customer_id`` and the features, as columns of their names; dots
        between database, schema and table.
    dialect : {"duckdb", "spark", "postgres", "bigquery", "snowflake"}
        Whose SQL.

    Returns
    -------
    str
        A SELECT, without a semicolon, that gives ``customer_id``, ``segment`` (id) and
        ``name``, one row per row of the table, in no promised order. It needs no functions
        of segml and holds nobody's data.

    Raises
    ------
    NotFittedError
        Before ``fit``.
    ParameterError
        The segmenter has no SQL, or the dialect is not known.

    Notes
    -----
    Labels are those of ``predict``: sums come in NumPy's order, and of equally near centres
    the lowest id wins. Logarithms, sines and cosines may differ in their last digit, which
    moves no customer but one whose two nearest centres are equally near to some 15 digits.
    NaN counts as missing. Where k-means cannot tell a distance (an infinite value, or a
    missing one that the preprocessor has nothing for), segment and name are missing.

    Features that are levels are read as text, truth values as "yes" and "no". Whole numbers
    that are levels have to come without decimals.

    The text is run in the tests, and compared with ``predict``, on DuckDB and Spark; those for
    PostgreSQL, BigQuery and Snowflake are read by sqlglot's parsers of these dialects, and run
    as it translates them. In Snowflake plain names are looked for in capitals, as it keeps those
    that were written without quotes.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"orders": [1, 1, 2, 20, 21]}, index=list("abcde"))
    >>> text = to_sql(KMeansSegmenter(n_segments=2).fit(frame), "shop.customers")
    >>> print(*text.splitlines()[:4], sep="\n")
    WITH segml_source AS (
    SELECT "customer_id", CAST("orders" AS DOUBLE) AS "orders"
    FROM "shop"."customers"
    ),
    >>> import duckdb
    >>> warehouse = duckdb.connect()
    >>> _ = warehouse.sql("CREATE TABLE features AS SELECT 'x' AS customer_id, 18 AS orders")
    >>> warehouse.sql(to_sql(KMeansSegmenter(n_segments=2).fit(frame))).fetchall()
    [('x', 1, 'Frequent')]
    """
    spelled = DIALECTS[one_of(dialect, DIALECTS, "dialect")]
    if isinstance(segmenter, KMeansSegmenter) and segmenter.embedding is None:
        text = _k_means(segmenter, table)
    elif isinstance(segmenter, RFMSegmenter):
        text = _rfm(segmenter, table)
    elif isinstance(segmenter, SegmentRules):
        text = _rules(segmenter, table)
    else:
        raise ParameterError(
            "these segments have no SQL",
            where="segmenter",
            got=type(segmenter).__name__,
            expected="a KMeansSegmenter without an embedding, an RFMSegmenter or SegmentRules",
            hint="segment_rules(features, segmenter) says in rules who is in which segment",
        )
    return translate(text, spelled)


def _k_means(segmenter: KMeansSegmenter, table: str) -> str:
    check_is_fitted(segmenter)
    names = [str(name) for name in getattr(segmenter, "feature_names_in_", [])]
    levels = _level_features(segmenter.preprocessor_)
    columns = {name: _read(name, name in levels) for name in names}
    recorder = _Recorder()
    source = _source(recorder, {name: name in levels for name in names})
    return _composed(recorder, source, assign_segments(segmenter, source), columns, table)


def _rfm(segmenter: RFMSegmenter, table: str) -> str:
    check_is_fitted(segmenter)
    names = [str(name) for name in segmenter.feature_names_in_]
    if set(names) == set(FEATURES):
        days, orders, revenue = (_number(name) for name in FEATURES)
        columns = {
            "frequency": orders,
            "recency": f"-{days}",
            "T": "CAST(0 AS DOUBLE)",
            "monetary_value": revenue,
        }
    else:
        columns = {name: _number(name) for name in names}
    recorder = _Recorder()
    source = _source(recorder, dict.fromkeys(columns, False))
    scores = rfm_scores(source, segmenter.cuts_)
    whens = [
        f"WHEN recency_score BETWEEN {rule.recency[0]} AND {rule.recency[1]}"
        # Their mean, a half rounded up, without fractions.
        f" AND frequency_score + monetary_score BETWEEN {2 * rule.frequency_monetary[0] - 1}"
        f" AND {2 * rule.frequency_monetary[1]} THEN {int(segment)}"
        for rule, segment in zip(RFM_SEGMENTS.values(), segmenter._ids, strict=True)
    ]
    found = recorder.sql(
        "SELECT customer_id, CAST(CASE\n  {whens}\nEND AS BIGINT) AS segment FROM {scores}",
        whens=Fragment("\n  ".join(whens)),
        scores=scores,
    )
    names_of = segmenter.segments_["name"]
    named = " ".join(f"WHEN {i} THEN {literal(str(name))}" for i, name in names_of.items())
    result = recorder.sql(
        "SELECT customer_id, segment, CASE segment {named} END AS name FROM {found}",
        named=Fragment(named),
        found=found,
    )
    return _composed(recorder, source, result, columns, table)


def _rules(rules: SegmentRules, table: str) -> str:
    columns = {name: _read(name, is_level) for name, is_level in rules.levels.items()}
    recorder = _Recorder()
    source = _source(recorder, dict(rules.levels))
    return _composed(recorder, source, rules.assign(source), columns, table)


def _source(recorder: _Recorder, levels: Mapping[str, bool]) -> Table:
    """Return an empty table as the first step of the text will give it."""
    schema = [("customer_id", pa.string())]
    schema += [(name, pa.string() if level else pa.float64()) for name, level in levels.items()]
    return recorder.register(pa.schema(schema).empty_table())


def _composed(
    recorder: _Recorder, source: Table, result: Table, columns: Mapping[str, str], table: str
) -> str:
    """Return one text of the steps from the source to the result."""
    order: list[str] = []

    def visit(name: str) -> None:
        for parent in _STEP.findall(recorder.texts.get(name, "")):
            visit(parent)
        if name in recorder.texts and name not in order:
            order.append(name)

    visit(result.name)
    called = {source.name: _SOURCE} | {name: f"segml_step_{i + 1}" for i, name in enumerate(order)}

    def renamed(text: str) -> str:
        return _STEP.sub(lambda found: called.get(found[1], found[0]), text)

    listed = ", ".join(f"{sql} AS {quote(name)}" for name, sql in columns.items())
    target = ".".join(quote(part) for part in table.split("."))
    steps = [f"{_SOURCE} AS (\nSELECT {quote('customer_id')}, {listed}\nFROM {target}\n)"]
    steps += [f"{called[name]} AS (\n{renamed(recorder.texts[name])}\n)" for name in order[:-1]]
    return "WITH " + ",\n".join(steps) + "\n" + renamed(recorder.texts[order[-1]])


def _read(name: str, is_level: bool) -> str:
    if not is_level:
        return f"CAST({quote(name)} AS DOUBLE)"
    text = f"CAST({quote(name)} AS VARCHAR)"
    return f"CASE lower({text}) WHEN 'true' THEN 'yes' WHEN 'false' THEN 'no' ELSE {text} END"


def _number(name: str) -> str:
    """Return a number, missing where it is NaN: of that, a score is the lowest."""
    number = f"CAST({quote(name)} AS DOUBLE)"
    return f"CASE WHEN NOT isnan({number}) THEN {number} END"


def _level_features(preprocessor: Any) -> set[str]:
    """Return the features that a preprocessor reads as levels, not as numbers."""
    found: set[str] = set()
    for _, step, columns in getattr(preprocessor, "transformers_", []):
        parts: Sequence[Any] = [p for _, p in step.steps] if isinstance(step, Pipeline) else [step]
        if any(isinstance(p, LevelEncoder) or getattr(p, "func", None) is as_ranks for p in parts):
            found.update(map(str, columns))
    return found
