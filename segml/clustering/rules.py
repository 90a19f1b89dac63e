"""Rules that say who is in which segment, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from segml._core import html, text
from segml._core.check import nearest, number
from segml._core.errors import MissingTableError, NotEnoughDataError
from segml.engine import Table
from segml.engine.sql import Fragment, quote
from segml.features import FeatureTable
from segml.features.preprocess import row_order

from ._conditions import Column
from ._empty import empty_segments, say_empty
from ._input import as_frame, features_of
from ._labels import NOISE, aligned, coverage, labels_of, named_segments
from ._rule_codes import as_level, read_values
from ._rule_fit import assign, held_out_codes, rules_by_code
from ._rule_table import RuleCell, interval_words, rule_table, share_within
from ._rule_tree import Box
from .rules_sql import check_columns, rules_query


@dataclass(frozen=True)
class SegmentRules:
    """Rules by segment: every customer meets exactly one.

    Parameters
    ----------
    table : DataFrame
        By segment id: ``name``, ``rule``, ``size``; ``precision``, the share of those who
        meet the rule that are of the segment, and ``coverage``, the share of the segment
        that meets it, both for customers who had no part in making the rule, each with an
        interval ``_low`` to ``_high``; missing where there is no one to tell by.
    fidelity, low, high : float
        Share of customers, of those who had no part in making the rules, whom the rules
        put into their segment; its interval.
    boxes : mapping of int to tuple of mappings of str to condition
        By segment id the alternatives, each of conditions that all hold, by feature.
    columns : mapping of str to Column
        The features that rules use.
    levels : mapping of str to bool
        Whether these are levels rather than numbers.
    truths : tuple of str
        Which of them are truth values.
    n_noise : int
        Customers of no segment, left out.
    level : float
        Coverage of the intervals.
    empty : tuple of str
        Names of segments without a customer, which have no rule.
    """

    table: pd.DataFrame
    fidelity: float
    low: float
    high: float
    boxes: Mapping[int, tuple[Box, ...]]
    columns: Mapping[str, Column] = field(repr=False)
    levels: Mapping[str, bool] = field(repr=False)
    truths: tuple[str, ...] = ()
    n_noise: int = 0
    level: float = 0.95
    empty: tuple[str, ...] = ()

    def predict(self, X: Any) -> pd.Series:
        """Assign customers by the rules.

        Parameters
        ----------
        X : DataFrame, FeatureTable, Polars or Arrow table
            One row per customer, with the features that the rules use.

        Returns
        -------
        Series of int
            Segment ids, indexed by customer.

        Raises
        ------
        MissingTableError
            A feature has no column.
        DataError
            Text where numbers belong, or infinite values.
        """
        frame = as_frame(X)
        for name in self.columns:
            if name not in frame.columns:
                raise MissingTableError(
                    "a feature of the rules is not in the table",
                    where=f"column {name}",
                    got=", ".join(map(str, frame.columns)),
                    expected=", ".join(self.columns),
                    nearest=nearest(name, [str(one) for one in frame.columns]),
                )
        # As they were read for the rules, whatever type they come in.
        values = {
            name: read_values(as_level(frame[name], self.levels[name]), column.feature).values
            for name, column in self.columns.items()
        }
        return pd.Series(assign(self.boxes, values, len(frame)), frame.index, name="segment")

    def to_sql(self, table: str) -> str:
        """Return the rules as a SELECT in standard SQL.

        Parameters
        ----------
        table : str
            Name of a table with ``customer_id`` and the features, dots between its parts.

        Returns
        -------
        str
            Gives ``customer_id``, ``segment`` and ``name``; NaN counts as missing.
        """
        before, after = self._query(self.truths)
        return before + ".".join(quote(part) for part in table.split(".")) + after

    def _query(self, truths: Sequence[str]) -> tuple[str, str]:
        names = {i: str(self.table.loc[i, "name"]) for i in self.boxes}
        return rules_query(self.boxes, names, self.levels, truths)

    def assign(self, features: FeatureTable | Table) -> Table:
        """Assign customers by the rules in the engine, without fetching them.

        Parameters
        ----------
        features : FeatureTable or Table
            ``customer_id`` and the features, on any engine.

        Returns
        -------
        Table
            Lazy: ``customer_id``, ``segment`` and ``name``, in no promised order.

        Raises
        ------
        DataError
            A level is neither text, a whole number nor a truth value.
        MissingTableError
            A feature has no column.
        """
        table = features.table if isinstance(features, FeatureTable) else features
        before, after = self._query(check_columns(table, self.levels))
        return table.engine.sql(
            "{before} {table} {after}",
            before=Fragment(before),
            table=table,
            after=Fragment(after),
        )

    def __str__(self) -> str:
        return "\n".join(f"{row['name']}: {row['rule']}" for _, row in self.table.iterrows())

    def _repr_html_(self) -> str:
        rows: list[list[str | html.Cell]] = [
            [
                RuleCell(
                    str(row["name"]), f"{text.count(row['size'])} customers", rule=row["rule"]
                ),
                html.Cell(text.share(row["precision"]), interval_words(row, "precision")),
                html.Cell(text.share(row["coverage"]), interval_words(row, "coverage")),
            ]
            for _, row in self.table.iterrows()
        ]
        said = f"{text.share(self.low)} to {text.share(self.high)}, of customers not used"
        head = ["segment and rule", "precision", "coverage"]
        caption = "Precision: of those who meet the rule, how many are of the segment. "
        caption += "Coverage: of the segment, how many meet it"
        notes = []
        if self.n_noise:
            notes.append(html.note(f"{text.count(self.n_noise)} customers of noise are left out"))
        if self.empty:
            notes.append(html.note(f"{say_empty(self.empty)}, and so no rule"))
        return html.block(
            html.facts([("customers whom the rules put right", text.share(self.fidelity), said)]),
            html.table(head, rows, caption=caption, numeric=(1, 2)),
            *notes,
            html.fold("The rules as SQL", f"<pre>{escape(self.to_sql('features'))}</pre>"),
        )


def segment_rules(
    features: Any,
    labels: Any,
    max_depth: int | None = None,
    names: Mapping[int, str] | pd.Series | None = None,
    level: float = 0.95,
) -> SegmentRules:
    """Say in simple rules who is in which segment, and how well the rules do.

    Parameters
    ----------
    features : DataFrame, FeatureTable, Polars or Arrow table
        One row per customer; numbers, texts and truth values, some of which may be missing.
    labels : Series or segmenter
        Segment id, indexed by customer; or a segmenter fitted to these customers. Noise
        (-1) is left out.
    max_depth : int, optional
        Most conditions of a rule before those on one feature are joined. When not given, 3
        for up to four segments, and one more whenever their number doubles.
    names : mapping or Series of int to str, optional
        Segment names.
    level : float, default 0.95
        Coverage of the intervals.

    Returns
    -------
    SegmentRules
        The rules, their words, their SQL, and how far they reproduce the segments.

    Raises
    ------
    DataError
        The customers of `features` and `labels` are not the same, a customer has no
        segment or is there twice, or values are infinite.
    NotEnoughDataError
        All customers are noise, or there are none.
    ParameterError
        A parameter is out of range.

    Notes
    -----
    The rules are the leaves of one classification tree (Breiman et al. 1984,
    Classification and Regression Trees) by Gini's impurity. One tree for all segments, not one
    for each, since its rules neither overlap nor leave a gap: of rules that are found
    segment by segment, a tenth to a third of customers meet none or several. If a
    segment gets no rule, splits are by entropy, and at last by entropy with segments that
    count alike, whatever their size.

    A threshold is the number of the fewest digits between the customers that it parts, so
    that none of them changes sides. Levels of a category are ordered by the segments of
    their customers and split as numbers are (Coppersmith, Hong and Hosking 1999). Missing
    values go to the side that fits better; those of features that had none go with the
    larger side. Hours, weekdays and months, and other features that come round again, are
    ranges on a circle, which may go over its end ("after 22:00 until 04:00"); it is opened
    where the one range begins that tells segments apart best.

    Fidelity, precision and coverage are by five-fold cross-validation: rules are made of
    four fifths of customers and judged by the others, in turn. Their intervals are Wilson's
    (1927), which take the customers as independent.

    Examples
    --------
    >>> days, orders = [*range(1, 41)] * 2, [1] * 40 + [9] * 40
    >>> frame = pd.DataFrame({"recency_days": days, "orders": orders})
    >>> rules = segment_rules(frame, pd.Series(np.where(frame["orders"] == 1, 0, 1)))
    >>> print(rules)
    segment 0: orders <= 5
    segment 1: orders >= 6
    """
    frame = as_frame(features)
    level = coverage(level)
    given, named = labels_of(labels, names)
    given = aligned(given, frame.index)
    kept = (given != NOISE).to_numpy()
    if not kept.any():
        raise NotEnoughDataError(
            "there are no customers in segments", where="labels", got=f"{len(given):,} of noise"
        )
    n_noise = int((~kept).sum())
    known = features_of(features, frame.columns)
    order = np.lexsort((row_order(frame[kept]).argsort(), given[kept].to_numpy()))
    frame, ids_of = frame[kept].iloc[order], given[kept].to_numpy()[order]
    ids, codes = np.unique(ids_of, return_inverse=True)
    depth = max(3, int(np.ceil(np.log2(len(ids)))) + 1) if max_depth is None else max_depth
    depth = int(number(depth, "max_depth", low=1, whole=True))
    values = [read_values(column, known.get(str(name))) for name, column in frame.items()]
    boxes = rules_by_code(values, codes, depth)
    held_out = held_out_codes(values, codes, depth)
    segments = named_segments(ids, np.bincount(codes), named)
    used = [one for one in values if any(one.column.name in box for own in boxes for box in own)]
    columns = {one.column.name: one.column for one in used}
    table = rule_table(segments, boxes, columns, codes, held_out, level)
    told, hits = held_out >= 0, held_out == codes
    fidelity, low, high = share_within(int(hits[told].sum()), int(told.sum()), level)
    truths = tuple(name for name in columns if getattr(frame[name].dtype, "kind", "") == "b")
    return SegmentRules(
        table,
        fidelity,
        low,
        high,
        {int(i): tuple(own) for i, own in zip(ids, boxes, strict=True)},
        columns,
        {one.column.name: one.is_level for one in used},
        truths,
        n_noise,
        level,
        empty_segments(named, ids),
    )
