"""The rows that features are aggregates of: tables and sources up to a date, made once."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from segml._core.errors import MissingTableError, ParameterError
from segml.data import CustomerData
from segml.data.tables import TABLES
from segml.engine import Table
from segml.engine.sql import Fragment, literal, quote

from .feature import Feature
from .known import known_table, wrong_type
from .registry import SOURCES, SURVEY_SCALES


class Rows:
    """Tables and sources of one set of data as of one date; each is defined when first asked for.

    Parameters
    ----------
    data : CustomerData
        The canonical tables.
    as_of : date
        Last day that is known.
    features : iterable of Feature
        What they are for. Tables that are read more than once for them are computed once
        and kept in the engine, on disk when memory is short.
    scales : mapping of str to (low, high)
        Bounds of the scales of survey constructs; the smallest and largest answer where
        none are given.
    """

    def __init__(
        self,
        data: CustomerData,
        as_of: dt.date,
        features: Iterable[Feature],
        scales: Mapping[str, tuple[float, float]],
    ) -> None:
        self.data = data
        self.as_of = as_of
        self.engine = data.orders.table.engine
        self._scales = scales
        self._features = list(features)
        readers = {name for f in self._features for name in [f.table, *_ancestors(f.table)]}
        texts = [SOURCES[name].sql for name in readers if name in SOURCES]
        texts += [f"{f.sql} {f.each} {' '.join(f.columns)}" for f in self._features]
        self._used = set(re.findall(r"\w+", " ".join(texts)))
        self._reads = self._count_reads(readers)
        self._made: dict[str, Table] = {}
        self._empty: dict[str, bool] = {}

    def table(self, name: str) -> Table:
        """Return a canonical table, a source or the survey's scales."""
        if name not in self._made:
            if name == SURVEY_SCALES:
                self._made[name] = self._bounds()
            elif name in TABLES:
                orders = self.table("orders") if name == "order_lines" else None
                self._made[name] = known_table(self.data, name, self.as_of, self._used, orders)
            else:
                source = SOURCES[name]
                values: dict[str, Any] = {part: self.table(part) for part in source.parents}
                if "{as_of}" in source.sql:
                    values["as_of"] = self.as_of
                self._made[name] = self.engine.sql(source.sql, **values)
            if self._reads[name] > 1:
                self._made[name] = self._made[name].materialise()
        return self._made[name]

    def _count_reads(self, readers: Collection[str]) -> Counter[str]:
        """Return how often each table and source is read, a look for its values included."""
        reads = Counter({feature.table: 1 for feature in self._features})
        reads.update({feature.table: 1 for feature in self._features if feature.each})
        for name in readers:
            if name in SOURCES:
                text = SOURCES[name].sql
                reads.update({part: text.count(f"{{{part}}}") for part in SOURCES[name].parents})
        reads["orders"] += reads["order_lines"] > 0
        reads["answers"] += reads[SURVEY_SCALES] > 0
        return reads

    def left_out(self) -> dict[str, str]:
        """Return why features cannot be computed, by name; each table is counted once."""
        wanted: dict[str, dict[str, None]] = {}
        for feature in self._features:
            for table, columns in _needs(feature):
                if table in self.data.tables:
                    known = self.data.tables[table].table.columns
                    wanted.setdefault(table, {}).update(
                        dict.fromkeys(column for column in columns if column in known)
                    )
        counts = {table: self._counts(table, list(columns)) for table, columns in wanted.items()}
        reasons = {feature.name: self._why_not(feature, counts) for feature in self._features}
        return {name: reason for name, reason in reasons.items() if reason}

    def _why_not(self, feature: Feature, counts: Mapping[str, Mapping[str, int]]) -> str:
        by = self.as_of.isoformat()
        for table, columns in _needs(feature):
            try:
                self.data.require(table)
                known = self.data.tables[table].table
                if not any(column in known.columns for column in columns):
                    self.data.require(table, columns[0])
            except MissingTableError as error:
                return error.problem.what
            if not counts[table][""]:
                return f"the table {table} has no row by {by}"
            if not any(counts[table].get(column) for column in columns):
                wrong = [wrong_type(known, table, column) for column in columns]
                return next(filter(None, wrong), f"no {table}.{columns[0]} is known by {by}")
        for name in _ancestors(feature.table):
            if SOURCES[name].empty and self._is_empty(name):
                return SOURCES[name].empty
        return ""

    def _counts(self, table: str, columns: list[str]) -> dict[str, int]:
        """Return how many rows a table has, under "", and how many values its columns have."""
        counts = "".join(f", count({quote(column)})" for column in columns)
        row = self.table(table).row("SELECT count(*){counts} FROM {self}", counts=Fragment(counts))
        return dict(zip(["", *columns], row, strict=True))

    def _is_empty(self, name: str) -> bool:
        if name not in self._empty:
            count = self.table(name).scalar("SELECT count(*) FROM (SELECT 1 FROM {self} LIMIT 1)")
            self._empty[name] = not count
        return self._empty[name]

    def _bounds(self) -> Table:
        """Return construct, low and high: as given, else as found in the answers."""
        given = self._scales
        found = self.engine.sql(
            "SELECT construct, min(value) AS low, max(value) AS high FROM {answers}"
            " WHERE construct <> 'nps' GROUP BY construct",
            answers=self.table("answers"),
        )
        if not given:
            return found
        for name, bounds in given.items():
            if len(bounds) != 2 or not bounds[0] < bounds[1]:
                raise ParameterError(
                    "the bounds of a scale are its lowest and its highest answer",
                    where=f"scales[{name!r}]",
                    got=bounds,
                    expected="such as (1, 5)",
                )
        case = {
            end: "CASE construct "
            + " ".join(
                f"WHEN {literal(name)} THEN {literal(float(bounds[place]))}"
                for name, bounds in given.items()
            )
            + f" ELSE {end} END"
            for place, end in enumerate(("low", "high"))
        }
        return self.engine.sql(
            "SELECT construct, {low} AS low, {high} AS high FROM {found}",
            low=Fragment(case["low"]),
            high=Fragment(case["high"]),
            found=found,
        )


def _needs(feature: Feature) -> list[tuple[str, list[str]]]:
    """Return the tables, each with columns of which one is needed."""
    needed = [
        column if "." in column else f"{feature.table}.{column}" for column in feature.columns
    ]
    for name in _ancestors(feature.table):
        needed += SOURCES[name].columns
        needed += [f"{table}." for table in SOURCES[name].parents if table in TABLES]
    if feature.table in TABLES:
        needed.append(f"{feature.table}.")
    if any(table.startswith("order_lines.") for table in needed):
        needed += ["order_lines.order_id", "orders.order_id", "orders.ordered_at"]
    out = []
    for column in dict.fromkeys(needed):
        table, _, names = column.partition(".")
        out.append((table, names.split("|") if names else list(TABLES[table].required[:1])))
    return out


def _ancestors(table: str) -> list[str]:
    """Return the sources that one reads, itself included."""
    if table not in SOURCES:
        return []
    return [table, *(name for part in SOURCES[table].parents for name in _ancestors(part))]
