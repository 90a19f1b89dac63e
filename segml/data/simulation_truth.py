"""What is true of a simulated store, to compare estimates with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from segml._core import html, text

from .simulation_campaigns import Campaigns
from .simulation_purchases import Clock, Population
from .simulation_segments import TrueSegment, column, segment_table


@dataclass(frozen=True)
class StoreTruth:
    """The truth behind the tables of :func:`segml.data.simulate_store`.

    Parameters
    ----------
    customers : DataFrame
        Indexed by ``customer_id``: ``segment``, ``purchase_rate`` (lambda, a day),
        ``dropout_probability`` (p), ``mean_spend`` (mean value of the customer's orders,
        p / nu), ``first_order_at``, ``left_at`` (time of the last order of a customer who
        has left, missing for the others) and ``alive`` (at the end).
    segments : DataFrame
        Indexed by ``segment``: the fields of :class:`TrueSegment`, shares summing to 1,
        ``customers``, and ``alive``, the share of them that is active at the end.
    campaigns : DataFrame
        By ``campaign_id`` and ``segment``: ``recipients``, how many of them were ``active``
        when it was sent, the expected conversions per recipient ``conversion_a`` and
        ``conversion_b``, and ``effect``, their difference; missing without recipients.
    seasonality : Series
        By day: the pace of purchases, 1 on average.
    """

    customers: pd.DataFrame
    segments: pd.DataFrame
    campaigns: pd.DataFrame
    seasonality: pd.Series

    def _repr_html_(self) -> str:
        rows = [
            [
                str(name),
                text.count(row["customers"]),
                text.share(row["alive"]),
                text.decimal(row["alpha"] / row["r"]),
                text.share(row["a"] / (row["a"] + row["b"])),
            ]
            for name, row in self.segments.iterrows()
        ]
        return html.block(
            html.table(
                ["segment", "customers", "active", "days between orders", "leave after an order"],
                rows,
                caption="True segments of the simulated store",
                numeric=[1, 2, 3, 4],
            ),
            html.note(
                "Days between orders: 1 / the mean purchase rate, while a customer is active."
            ),
        )


def store_truth(
    population: Population,
    campaigns: Campaigns,
    segments: Sequence[TrueSegment],
    clock: Clock,
    ids: pa.Array,
) -> StoreTruth:
    """Put the truth together."""
    index = pd.Index(ids.to_pandas(), name="customer_id")
    names = [segment.name for segment in segments]
    alive = np.isinf(population.left)

    def when(days: np.ndarray) -> pd.Series:
        seconds = np.floor(np.where(np.isinf(days), 0, days) * 86_400)
        at = pd.Series(clock.start + pd.to_timedelta(seconds, unit="s"), index=index)
        return at.astype("datetime64[us]").mask(np.isinf(days))

    customers = pd.DataFrame(
        {
            "segment": pd.Categorical.from_codes(population.segment.tolist(), pd.Index(names)),
            "purchase_rate": population.rate,
            "dropout_probability": population.leave,
            "mean_spend": column(segments, "p")[population.segment] / population.spend_rate,
            "first_order_at": when(population.first),
            "left_at": when(population.left),
            "alive": alive,
        },
        index=index,
    )
    table = segment_table(segments)
    table["customers"] = np.bincount(population.segment, minlength=len(names))
    active = np.bincount(population.segment[alive], minlength=len(names))
    table["alive"] = (active / table["customers"]).where(table["customers"] > 0)
    days = pd.date_range(clock.start, periods=clock.days, name="date")
    pace = np.diff(clock.to_store(np.arange(clock.days + 1.0)))
    return StoreTruth(customers, table, campaigns.effects, pd.Series(pace, days, name="pace"))
