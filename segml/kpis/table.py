"""The table of KPIs by segment, with intervals and reasons."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from segml._core import html, text
from segml._core.check import number, one_of
from segml._core.errors import DataError, ParameterError
from segml.clv import Prediction
from segml.data import CustomerData, DataTable, read_orders
from segml.features.dates import as_day, last_day

from .intervals import delta_ratio, wilson
from .measure import missing_reason, per_customer
from .registry import KPI, KPIS

ALL = "all customers"


@dataclass(frozen=True)
class KpiTable:
    """KPIs by segment.

    Parameters
    ----------
    table : DataFrame
        One row per KPI and segment: ``kpi``, ``segment`` (id, or "all customers"),
        ``name``, ``value``, ``low``, ``high``, ``n`` (customers), ``difference`` to all
        customers, and ``reason`` where the value or its interval is missing.
    as_of : date
        Last day that counts.
    period_days : int
        Length of each of the two periods that retention and churn compare.
    currency : str
        ISO code for display.
    notes : tuple of str
        What the reader should know.
    """

    table: pd.DataFrame
    as_of: dt.date
    period_days: int
    currency: str = ""
    notes: tuple[str, ...] = ()

    def values(self) -> pd.DataFrame:
        """Return the values, KPIs by segment names; all customers last."""
        return self._wide("value")

    def rows(self, kpi: str) -> pd.DataFrame:
        """Return the rows of one KPI, by segment name."""
        one_of(kpi, self.table["kpi"].unique(), "kpi")
        return self.table[self.table["kpi"] == kpi].set_index("name")

    def format(self, kpi: str, value: float) -> str:
        """Format a value of a KPI with its unit."""
        unit = KPIS[kpi].unit
        if unit == "money":
            return text.money(value, self.currency)
        if unit == "share":
            return text.share(value)
        return text.plain(value)

    def _wide(self, column: str) -> pd.DataFrame:
        names = list(dict.fromkeys(self.table["name"]))
        kpis = list(dict.fromkeys(self.table["kpi"]))
        return self.table.pivot(index="kpi", columns="name", values=column).loc[kpis, names]

    def _repr_html_(self) -> str:
        names = list(dict.fromkeys(self.table["name"]))
        rows, absent = [], []
        for kpi, group in self.table.groupby("kpi", sort=False):
            spec = KPIS[str(kpi)]
            reasons = set(group["reason"])
            if group["value"].isna().all() and len(reasons) == 1:
                absent.append(f"{spec.label}: {reasons.pop()}.")
                continue
            cells = [self._cell(spec, row) for row in group.to_dict("records")]
            rows.append([html.Cell(spec.label, spec.formula), *cells])
        caption = (
            f"KPIs by segment as of {self.as_of.isoformat()}, 95% intervals; retention and churn "
            f"compare the last {self.period_days} days with the {self.period_days} before"
        )
        parts = [
            html.table(["KPI", *names], rows, caption=caption, numeric=range(1, 1 + len(names)))
        ]
        parts += [html.note(note) for note in self.notes]
        if absent:
            parts.append(html.note("Not computed: " + " ".join(absent)))
        return html.block(*parts)

    def _cell(self, spec: KPI, row: Mapping[Any, Any]) -> html.Cell:
        if pd.isna(row["value"]):
            return html.Cell(text.MISSING, row["reason"])
        value = self.format(spec.name, row["value"])
        if pd.isna(row["low"]):
            return html.Cell(value, row["reason"])
        low, high = self.format(spec.name, row["low"]), self.format(spec.name, row["high"])
        return html.Cell(value, f"{low} to {high}")


def kpi_table(
    data: CustomerData | DataTable | Any,
    segments: pd.Series,
    names: Mapping[int, str] | pd.Series | None = None,
    *,
    as_of: Any = None,
    period_days: int = 90,
    kpis: Sequence[str] | None = None,
    predictions: Mapping[str, Prediction] | None = None,
    currency: str = "",
    level: float = 0.95,
) -> KpiTable:
    """Compute KPIs for each segment and for all customers.

    Parameters
    ----------
    data : CustomerData, DataTable of orders, or anything that `read_orders` takes
        What is known of the customers.
    segments : Series
        Segment id, indexed by customer_id, one row per customer.
    names : mapping or Series of int to str, optional
        Segment names.
    as_of : date or str, optional
        Last day that counts; the day of the last order when not given.
    period_days : int, default 90
        Retention and churn compare the last `period_days` days with those before.
    kpis : sequence of str, optional
        Which KPIs; all of `KPIS` when not given.
    predictions : mapping of str to Prediction, optional
        "clv" and "p_alive", from segml.clv.
    currency : str, optional
        ISO code, for display.
    level : float, default 0.95
        Coverage of the intervals.

    Returns
    -------
    KpiTable
        A KPI that cannot be computed has a missing value and the reason.

    Raises
    ------
    ParameterError
        An unknown KPI, with the nearest spelling; a number out of range; a name given twice.
    DataError
        A customer stands in `segments` twice, without a segment, or has no order.

    Notes
    -----
    Intervals take the customers for a sample of those that the shop could have: Wilson's
    for shares of customers, the delta method for ratios of sums. Those of predictions
    hold the uncertainty of the model's parameters.

    Examples
    --------
    >>> import pandas as pd
    >>> orders = pd.DataFrame({
    ...     "customer_id": ["a", "a", "b"], "order_id": [1, 2, 3],
    ...     "ordered_at": pd.to_datetime(["2026-01-01", "2026-03-01", "2026-03-02"]),
    ...     "revenue": [10.0, 20.0, 15.0]})
    >>> table = kpi_table(orders, pd.Series({"a": 0, "b": 1}), kpis=["aov", "repeat_rate"])
    >>> table.values()["segment 0"].to_dict()
    {'aov': 15.0, 'repeat_rate': 1.0}
    """
    if not isinstance(data, CustomerData):
        data = CustomerData(data if isinstance(data, DataTable) else read_orders(data))
    days = int(number(period_days, "period_days", low=1, whole=True))
    number(level, "level", low=0, high=1, open_low=True)
    _check_segments(segments)
    wanted = [KPIS[one_of(name, KPIS, "kpis")] for name in (kpis or KPIS)]
    day = last_day(data.orders.table) if as_of is None else as_day(as_of, "as_of")
    predictions = dict(predictions or {})
    reasons = {kpi.name: _reason(data, kpi, predictions) for kpi in wanted}
    computable = [kpi for kpi in wanted if not kpi.prediction and reasons[kpi.name] is None]
    frame, unassigned = per_customer(data, segments, computable, day, days)
    ids = sorted(frame["segment"].unique())
    named = {i: f"segment {i}" for i in ids} | dict(names if names is not None else {}) | {ALL: ALL}
    _check_names([named[i] for i in ids])
    sizes = frame["segment"].value_counts()
    rows = []
    for kpi in wanted:
        of = _computer(kpi, reasons[kpi.name], frame, segments, predictions, level)
        whole = of(ALL)
        for i in [*ids, ALL]:
            value, low, high, reason = whole if i == ALL else of(i)
            rows.append(
                {
                    "kpi": kpi.name,
                    "segment": str(i),
                    "name": named[i],
                    "value": value,
                    "low": low,
                    "high": high,
                    "n": int(sizes[i]) if i != ALL else len(frame),
                    "difference": value - whole[0],
                    "reason": reason,
                }
            )
    notes = (
        (f"{unassigned:,} customers with orders are in no segment and not counted.",)
        if unassigned
        else ()
    )
    return KpiTable(pd.DataFrame(rows), day, days, currency, notes)


def _check_segments(segments: pd.Series) -> None:
    if segments.index.has_duplicates:
        raise DataError(
            "a customer stands in the segments more than once",
            where="segments",
            got=f"{int(segments.index.duplicated().sum()):,} repeated rows",
        )
    if segments.isna().any():
        raise DataError(
            "a customer has no segment",
            where="segments",
            got=f"{int(segments.isna().sum()):,} rows",
        )


def _check_names(names: Sequence[str]) -> None:
    for name in names:
        if name == ALL or names.count(name) > 1:
            raise ParameterError(
                "two columns of the table would have the same name",
                where="names",
                got=name,
                expected=f"a name of its own for each segment, and none called {ALL!r}",
            )


def _reason(data: CustomerData, kpi: KPI, predictions: Mapping[str, Prediction]) -> str | None:
    if kpi.prediction:
        known = kpi.prediction in predictions
        return None if known else f"this needs the prediction {kpi.prediction}"
    return missing_reason(data, kpi)


_Result = tuple[float, float, float, str]


def _computer(
    kpi: KPI,
    reason: str | None,
    frame: pd.DataFrame,
    segments: pd.Series,
    predictions: Mapping[str, Prediction],
    level: float,
) -> Callable[[Any], _Result]:
    """Return the function that computes one KPI of one segment."""
    if reason is not None:
        return lambda i: (np.nan, np.nan, np.nan, reason)
    if kpi.prediction:
        prediction = predictions[kpi.prediction]
        by_segment = prediction.mean_by(segments, level)
        whole = prediction.mean_by(pd.Series(ALL, index=segments.index), level)
        means = pd.concat([by_segment, whole])
        return lambda i: (
            float(means.loc[i, "value"]),
            float(means.loc[i, "low"]),
            float(means.loc[i, "high"]),
            "",
        )
    y, x = frame[f"{kpi.name}_y"].to_numpy(), frame[f"{kpi.name}_x"].to_numpy()
    codes = frame["segment"].to_numpy()
    return lambda i: _ratio(kpi, y, x, np.ones(len(y), bool) if i == ALL else codes == i, level)


def _ratio(kpi: KPI, y: np.ndarray, x: np.ndarray, inside: np.ndarray, level: float) -> _Result:
    if kpi.interval == "none":
        return float(y[inside].sum()), np.nan, np.nan, ""
    y, x = (np.where(inside, y, 0.0), x) if kpi.of_all else (y[inside], x[inside])
    if x.sum() == 0:
        return np.nan, np.nan, np.nan, "nobody to divide by"
    value = float(y.sum() / x.sum())
    if kpi.of_all and inside.all():
        return value, np.nan, np.nan, ""  # the whole of the whole, not an estimate
    if kpi.interval == "wilson":
        return value, *wilson(y.sum(), x.sum(), level), ""
    if len(y) < 2:
        return value, np.nan, np.nan, "one customer gives no interval"
    return value, *delta_ratio(y, x, level), ""
