"""The splits of a backtest: what was known at each cut-off, and what then happened."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from segml._core.check import number, one_of
from segml._core.errors import NotEnoughDataError, ParameterError
from segml.data import CustomerData, DataTable, read_orders
from segml.engine import Table
from segml.features import build_features, rfm_summaries
from segml.features.dates import as_day, last_day, unit_ratio
from segml.features.rfm import rfm_table

from .forecasters import Earlier, Known

_HISTORY = ("frequency", "recency", "T", "monetary_value", "litt")


@dataclass(frozen=True, eq=False)
class Split:
    """One cut-off and horizon.

    Parameters
    ----------
    known : Known
        What forecasters are told.
    actual : DataFrame
        By customer, what happened in the horizon: ``purchases``, ``revenue`` and ``churn``
        (1 for no purchase).
    """

    known: Known
    actual: pd.DataFrame

    @functools.cached_property
    def fingerprint(self) -> str:
        """Return a hash of all numbers and ids; they cannot be had back from it."""
        known = self.known
        found = hashlib.sha256()
        tables = [known.rfm, known.last, self.actual]
        if known.earlier is not None:
            tables += [known.earlier.rfm, known.earlier.actual]
        for table in tables:
            found.update(pd.util.hash_pandas_object(table).to_numpy().tobytes())
        return found.hexdigest()


def as_customer_data(data: Any) -> CustomerData:
    """Return a bundle of what `read_orders` takes."""
    if isinstance(data, CustomerData):
        return data
    return CustomerData(data if isinstance(data, DataTable) else read_orders(data))


def make_splits(
    data: CustomerData, cutoffs: Iterable[Any] | None, horizons: Sequence[int], unit: str, seed: int
) -> list[Split]:
    """Return a split per cut-off and horizon, in their order.

    For each horizon the orders are summed up once, for all cut-offs and the days one horizon
    before them.

    Raises
    ------
    NotEnoughDataError
        A horizon ends after the last order, or nobody had bought by a cut-off.
    ParameterError
        A cut-off or horizon is wrong or there twice.
    """
    one_of(unit, ["D", "W"], "time_unit")
    orders = data.orders.table
    per_unit = int(unit_ratio(unit, "D")[0])
    lengths = _lengths(horizons)
    last = last_day(orders)
    days = _cutoffs(orders, cutoffs, max(lengths) * per_unit, last)
    for day in days:
        for length in lengths:
            if day + dt.timedelta(days=length * per_unit) > last:
                raise NotEnoughDataError(
                    "the horizon ends after the last order",
                    where="cutoffs",
                    got=f"{day.isoformat()}, horizon {length} {unit}",
                    expected=f"a cut-off by {last - dt.timedelta(days=length * per_unit)}",
                )
    features = functools.cache(lambda day: _numbers(data, day))
    found = [
        split
        for length in lengths
        for split in _of_horizon(data, days, length, per_unit, unit, features, seed)
    ]
    return sorted(found, key=lambda split: (split.known.cutoff, split.known.horizon))


def _lengths(horizons: Sequence[int]) -> list[int]:
    given = [horizons] if isinstance(horizons, (int, np.integer)) else list(horizons)
    found = sorted(int(number(value, "horizons", low=1, whole=True)) for value in given)
    if not found or len(set(found)) < len(found):
        raise ParameterError(
            "a horizon is there twice" if found else "there are no horizons",
            where="horizons",
            got=given,
            expected="different lengths, such as [13, 26]",
        )
    return found


def _cutoffs(orders: Table, cutoffs: Any, longest: int, last: dt.date) -> list[dt.date]:
    """Return the cut-offs in order; without any, three that end with the data."""
    if cutoffs is None:
        first = orders.scalar("SELECT min(ordered_at) FROM {self}").date()
        end = last - dt.timedelta(days=longest)
        room = (end - first).days
        if room < 3:
            raise NotEnoughDataError(
                "the data are shorter than the horizon",
                where="horizons",
                got=f"{longest} days, of {(last - first).days} days with orders",
            )
        # The later half of the time before, so that each has a history to learn from.
        return [end - dt.timedelta(days=room * back // 6) for back in (2, 1, 0)]
    if isinstance(cutoffs, (str, bytes)) or not isinstance(cutoffs, Iterable):
        raise ParameterError(
            "cutoffs is not a list of dates",
            where="cutoffs",
            got=cutoffs,
            expected='such as ["1997-06-30", "1997-09-30"]',
        )
    days = sorted(as_day(value, "cutoffs") for value in cutoffs)
    if not days or len(set(days)) < len(days):
        raise ParameterError(
            "a cut-off is there twice" if days else "cutoffs is empty",
            where="cutoffs",
            got=[day.isoformat() for day in days],
            expected="different dates",
        )
    return days


def _of_horizon(
    data: CustomerData,
    days: list[dt.date],
    length: int,
    per_unit: int,
    unit: str,
    features: Any,
    seed: int,
) -> list[Split]:
    orders, ahead = data.orders.table, dt.timedelta(days=length * per_unit)
    first = orders.scalar("SELECT min(ordered_at) FROM {self}").date()
    wanted = {day for cutoff in days for day in (cutoff, cutoff - ahead)}
    asked = sorted(day for day in wanted if day >= first or day in days)
    every = rfm_summaries(data, asked, "D", ahead.days, time_unit=unit, litt=True)
    tables = {day: every[every["as_of"] == pd.Timestamp(day)] for day in asked}
    splits = []
    for cutoff in days:
        rfm, actual = _parted(tables[cutoff])
        back = cutoff - ahead
        earlier = Earlier(back, *_parted(tables[back])) if back in tables else None
        known = Known(
            cutoff=cutoff,
            horizon=length,
            days=ahead.days,
            time_unit=unit,
            rfm=rfm,
            last=_last(data, cutoff, ahead.days, rfm, earlier),
            earlier=earlier,
            features=functools.partial(_features_by, cutoff, features),
            opportunities=functools.partial(_opportunities, orders, cutoff, unit, rfm),
            seed=seed,
        )
        splits.append(Split(known, actual))
    return splits


def _parted(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what was known, and what happened."""
    purchases = table["frequency_holdout"].astype(float)
    revenue = (purchases * table["monetary_value_holdout"]).fillna(0.0)
    actual = pd.DataFrame(
        {"purchases": purchases, "revenue": revenue, "churn": (purchases == 0).astype(float)}
    )
    return table[list(_HISTORY)].copy(), actual


def _last(
    data: CustomerData, cutoff: dt.date, days: int, rfm: pd.DataFrame, earlier: Earlier | None
) -> pd.DataFrame:
    """Return what customers did in the days up to the cut-off, their first purchase included."""
    purchases = rfm["frequency"] + 1
    if earlier is not None:
        purchases = purchases.sub(earlier.rfm["frequency"] + 1, fill_value=0)
    name = f"revenue_{days}d"
    revenue = build_features(data, cutoff, [name], windows=[days]).to_pandas()[name]
    return pd.DataFrame(
        {"purchases": purchases.astype(float), "revenue": revenue.reindex(rfm.index).astype(float)}
    )


def _numbers(data: CustomerData, day: dt.date) -> pd.DataFrame:
    """Return the features that are numbers, as of a day."""
    table = build_features(data, day)
    names = [feature.name for feature in table.features if not feature.is_category]
    return table.to_pandas()[names]


def _features_by(cutoff: dt.date, features: Any, day: dt.date) -> pd.DataFrame:
    if day > cutoff:
        raise ParameterError(
            "features of a day after the cut-off are not known",
            where="day",
            got=day.isoformat(),
            expected=f"a day up to {cutoff.isoformat()}",
        )
    return features(day)


def _opportunities(orders: Table, cutoff: dt.date, unit: str, rfm: pd.DataFrame) -> pd.DataFrame:
    """Return the table of customers in whole units of time, the last of which ends at the cut-off.

    Calendar weeks would end after a cut-off within one; so the orders are moved, together
    with it, to a Sunday.
    """
    if unit == "D":
        return rfm
    later = 6 - cutoff.weekday()
    moved = orders.engine.sql(
        "SELECT customer_id, ordered_at + INTERVAL {later} DAY AS ordered_at, revenue"
        " FROM {orders}",
        later=later,
        orders=orders,
    )
    by_week = rfm_table(moved, cutoff + dt.timedelta(days=later), unit).to_pandas()
    return by_week.set_index("customer_id").loc[rfm.index]
