"""What segments buy beyond their share, and what they do not buy yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from segml._core import html, text
from segml._core.check import one_of
from segml._core.errors import DataError, NotEnoughDataError
from segml.data import CustomerData

from ._affinity_tables import design_effects, lift_table, not_yet_table
from ._empty import empty_segments, say_empty
from ._labels import NOISE, coverage, labels_of, named_segments
from .affinity_sql import (
    bought_lines,
    expected_buyers,
    item_counts,
    purchases,
    segment_counts,
)

_SHOWN = 3


@dataclass(frozen=True)
class SegmentAffinity:
    """What segments buy, by item.

    Parameters
    ----------
    segments : DataFrame
        By segment id: ``name``, ``size``, ``share``; ``buyers``, its customers with an order
        line that counts, and ``orders``, how often an order of theirs holds an item, over
        all items; ``design_effect``, by how much fewer independent purchases these are
        worth, as customers buy the same again.
    table : DataFrame
        One row per segment and item: ``segment``, ``item``; the ``customers`` and ``orders``
        behind it; ``share`` of the segment's orders by item, ``share_all`` of everyone's;
        ``lift``, the one over the other, drawn towards 1 the less is known, with its interval
        ``low`` to ``high``.
    not_yet : DataFrame
        What a segment buys less than customers elsewhere who buy the same other things:
        ``segment``, ``item``; ``reach``, the share of its buyers who have it;
        ``lacking``, how many do not; ``similar``, the share that would if they did as
        customers elsewhere with the same items; ``expected``, how many that is; the most first.
    account : Series
        Order lines by what became of them: used, or why not.
    item : {"category", "product"}
        What an item is.
    level : float
        Coverage of the intervals.
    empty : tuple of str
        Names of segments without a customer, of which there is nothing to tell.
    """

    segments: pd.DataFrame
    table: pd.DataFrame
    not_yet: pd.DataFrame
    account: pd.Series
    item: str = "category"
    level: float = 0.95
    empty: tuple[str, ...] = ()

    def favourites(self, segment: int) -> pd.DataFrame:
        """Return what a segment clearly buys beyond its share, the highest lift first."""
        own = self.table[(self.table["segment"] == segment) & (self.table["low"] > 1)]
        return own.sort_values(["lift", "item"], ascending=[False, True], ignore_index=True)

    def avoided(self, segment: int) -> pd.DataFrame:
        """Return what a segment clearly buys below its share, the lowest lift first."""
        own = self.table[(self.table["segment"] == segment) & (self.table["high"] < 1)]
        return own.sort_values(["lift", "item"], ignore_index=True)

    def _repr_html_(self) -> str:
        rows: list[list[str | html.Cell]] = []
        for segment, own in self.segments.iterrows():
            lacking = self.not_yet[self.not_yet["segment"] == segment].head(_SHOWN)
            rows.append(
                [
                    html.Cell(str(own["name"]), f"{text.count(own['buyers'])} buyers"),
                    _listed(self.favourites(int(str(segment)))),
                    _listed(self.avoided(int(str(segment)))),
                    _cell(
                        f"{row['item']} {text.share(row['similar'])} (has it: "
                        f"{text.share(row['reach'])})"
                        for _, row in lacking.iterrows()
                    ),
                ]
            )
        head = ["segment", "beyond its share", "below its share", "not yet, but similar customers"]
        what = {"category": "Categories", "product": "Products"}[self.item]
        caption = f"{what} by lift, the segment's share of purchases over everyone's, with "
        caption += f"{text.share(self.level)} intervals; only what is clearly above or below 1"
        left_out = self.account.drop("used")
        notes = [
            html.note(f"{text.count(n)} order lines are left out: {why}")
            for why, n in left_out[left_out > 0].items()
        ]
        notes += [html.note(say_empty(self.empty))] if self.empty else []
        return html.block(html.table(head, rows, caption=caption), *notes)


def _listed(found: pd.DataFrame) -> html.Cell:
    return _cell(
        f"{row['item']} ×{row['lift']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
        for _, row in found.head(_SHOWN).iterrows()
    )


def _cell(parts: Any) -> html.Cell:
    return html.Cell("; ".join(parts) or "–")


def segment_affinity(
    data: CustomerData,
    labels: Any,
    level: Literal["category", "product"] = "category",
    names: Mapping[int, str] | pd.Series | None = None,
    confidence: float = 0.95,
) -> SegmentAffinity:
    """Find what segments buy beyond their share, and what they could be recommended.

    Parameters
    ----------
    data : CustomerData
        With ``order_lines``; on any engine, where the lines stay and are counted.
    labels : Series or segmenter
        Segment id, indexed by customer; or a fitted segmenter. Noise (-1) is left out.
    level : {"category", "product"}, default "category"
        Whether items are categories or products.
    names : mapping or Series of int to str, optional
        Segment names.
    confidence : float, default 0.95
        Coverage of the intervals.

    Returns
    -------
    SegmentAffinity
        Lifts, what is not bought yet, and what became of each order line.

    Raises
    ------
    DataError
        A customer has no segment or is there twice.
    MissingTableError
        There are no order lines, or they have no category.
    NotEnoughDataError
        No order line is of a customer in a segment.
    ParameterError
        A parameter is out of range.

    Notes
    -----
    An order with an item is a purchase of it, however many are in it. With O the purchases
    of an item by a segment, and E those expected had the segment bought it in
    proportion to its purchases of all items, the raw lift is O / E. A customer who
    buys the same again is not new evidence: O and E are divided by the design effect of
    the segment, the variance of its shares between customers over that of independent
    purchases, pooled over the items and at least 1 (Rao and Scott 1992). Then, with
    O | λ ~ Poisson(λ E) and λ ~ Gamma(a, a) over all segments and items, a by maximum
    likelihood, the lift is the mean (a + O) / (a + E) of λ, and its interval that of
    Gamma(a + O, a + E) (Clayton and Kaldor 1987). E is taken as known.

    What a segment does not buy yet is judged item by item (Deshpande and Karypis 2004): the
    chance that a customer without an item would have it is the mean, over the items j
    that the customer has, of the share of buyers of j in the other segments who have it.
    Buyers of many items count for less, each as one over their number. Items of fewer than
    ten customers tell nothing of others and are left out there.

    References
    ----------
    Clayton, D. and Kaldor, J. (1987). Empirical Bayes estimates of age-standardized relative
    risks for use in disease mapping. Biometrics 43, 671-681.

    Deshpande, M. and Karypis, G. (2004). Item-based top-N recommendation algorithms. ACM
    Transactions on Information Systems 22(1), 143-177.

    Rao, J. N. K. and Scott, A. J. (1992). A simple method for the analysis of clustered
    binary data. Biometrics 48, 577-585.

    Examples
    --------
    >>> from segml.data import simulate_store
    >>> data, truth = simulate_store(300, seed=1)
    >>> labels = pd.Series(0, index=data.customers.to_pandas()["customer_id"]).mask(
    ...     lambda one: np.arange(len(one)) < 100, 1)
    >>> segment_affinity(data, labels).table.columns.tolist()
    ['segment', 'item', 'customers', 'orders', 'share', 'share_all', 'lift', 'low', 'high']
    """
    one_of(level, ["category", "product"], "level")
    confidence = coverage(confidence)
    given, named = labels_of(labels, names)
    kept = _checked(given)
    ids, sizes = np.unique(kept.to_numpy(), return_counts=True)
    engine = data.orders.table.engine
    registered = engine.register(
        pa.table(
            {
                "customer_id": pa.array([str(one) for one in kept.index], pa.string()),
                "segment": pa.array(kept.to_numpy(dtype=np.int64)),
            }
        )
    )
    column = "category" if level == "category" else "product_id"
    lines = bought_lines(data, registered, column).materialise()
    account = _account(lines)
    bought = purchases(lines).materialise()
    totals = segment_counts(bought).to_pandas().set_index("segment")
    if totals.empty:
        raise NotEnoughDataError(
            "no order line is of a customer in a segment",
            where="order_lines",
            got=", ".join(f"{why}: {n:,}" for why, n in account.items()),
        )
    segments = named_segments(ids, sizes, named)
    counts = item_counts(bought).to_pandas()
    segments[["buyers", "orders"]] = totals[["buyers", "m"]].reindex(ids).fillna(0).astype(int)
    segments["design_effect"] = design_effects(counts, totals).reindex(ids)
    table = lift_table(counts, totals, segments["design_effect"], confidence)
    not_yet = not_yet_table(expected_buyers(bought).to_pandas(), counts, totals)
    empty = empty_segments(named, ids)
    return SegmentAffinity(segments, table, not_yet, account, level, confidence, empty)


def _checked(labels: pd.Series) -> pd.Series:
    if labels.isna().any() or labels.index.has_duplicates:
        raise DataError(
            "a customer has no segment, or is there twice",
            where="labels",
            got=f"{int(labels.isna().sum()):,} without a segment, "
            f"{int(labels.index.duplicated().sum()):,} there twice",
        )
    return labels[labels != NOISE]


def _account(lines: Any) -> pd.Series:
    found = lines.engine.sql(
        "SELECT coalesce(reason, 'used') AS outcome, count(*) AS n FROM {lines}"
        " GROUP BY coalesce(reason, 'used') ORDER BY 1",
        lines=lines,
    ).to_pandas()
    counts = found.set_index("outcome")["n"].astype(int)
    return counts.reindex(["used", *counts.index.drop("used", errors="ignore")], fill_value=0)
