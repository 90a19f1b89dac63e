"""Forecasts of customers who stay where they are: the models visit their RFM table in batches.

Forecasts of purchases depend on the history alone: each distinct one is forecast once, and
joined to the customers who have it; then spend is, which each customer has of their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from segml._core.check import nearest
from segml._core.errors import MissingTableError, ParameterError
from segml.engine import Table
from segml.engine.sql import Fragment, quote

from ._interval import interval
from ._purchases import PurchaseModel
from ._rfm import AGE, CUSTOMER, FREQUENCY, VALUE
from .churn import churn_table
from .delta import predict_by_delta, predict_with_interval
from .gamma_gamma import GammaGammaModel
from .lifetime_value import customer_lifetime_value

_VALUE = ("expected_purchases", "std_error", "low", "high")
_PURCHASES = ("purchases", "purchases_error")
_CHURN = {
    "p_alive": pa.float64(),
    "p_no_purchase": pa.float64(),
    "next_purchase": pa.float64(),
    "churn_band": pa.string(),
}


def score_customers(
    model: PurchaseModel,
    rfm: Table,
    horizon: float,
    spend: GammaGammaModel | None = None,
    *,
    discount_rate: float = 0.0,
    margin: float = 1.0,
    bands: tuple[float, float] = (0.25, 0.75),
    churn_t: float | None = None,
) -> Table:
    """Forecast customers in the engine, without fetching them all.

    Parameters
    ----------
    model : PurchaseModel
        Fitted model of purchases.
    rfm : Table
        ``customer_id``, ``frequency``, ``recency``, ``T``, what else the model reads (its
        covariates, or ``litt``) and, with `spend`, ``monetary_value``, such as
        `segml.features.rfm.rfm_table` defines; on any engine.
    horizon : float
        Length of the period to forecast, in the time unit of the table; with `spend` and
        a discount rate it may be infinite, as for `customer_lifetime_value`.
    spend : GammaGammaModel, optional
        Fitted model of spend per purchase.
    discount_rate, margin : float
        As for `customer_lifetime_value`; they count with `spend` only.
    bands : tuple of two floats
        As for `churn_table`.
    churn_t : float, optional
        Length of the period of ``p_no_purchase``; the horizon when not given, and needed
        where that is infinite.

    Returns
    -------
    Table
        ``customer_id``; with `spend` the columns of `customer_lifetime_value`
        (``clv``, ``std_error``, ``low``, ``high``), without it ``expected_purchases``
        with the same three; then those of `churn_table`. In no promised order. On DuckDB
        the forecasts are computed now, 100,000 at a time in memory; on Spark by the
        workers when they are fetched or written, where segml has to be installed.

    Raises
    ------
    DataError
        The table breaks a rule of the models; on Spark when it is fetched. Rows are
        counted within a batch of distinct histories.
    MissingTableError
        A column is missing.
    NotFittedError, ParameterError
        As the functions above.

    Examples
    --------
    >>> from segml.clv import BetaGeoModel
    >>> from segml.engine import connect
    >>> rfm = pd.DataFrame({"customer_id": list("abcdef"), "frequency": [0, 1, 1, 2, 3, 6],
    ...                     "recency": [0, 9, 2, 4, 21, 30], "T": [39, 36, 35, 38, 37, 39]})
    >>> model = BetaGeoModel().fit(rfm, weights=[900, 90, 150, 60, 40, 20])
    >>> scores = score_customers(model, connect().register(rfm), horizon=52)
    >>> scores.columns[:5]
    ['customer_id', 'expected_purchases', 'std_error', 'low', 'high']
    >>> scores.to_pandas().set_index("customer_id").loc["d", "churn_band"]
    'likely lost'
    """
    if not isinstance(model, PurchaseModel):
        raise ParameterError(
            "model is of another kind",
            where="model",
            got=type(model).__name__,
            expected="a model of purchases, such as BetaGeoModel",
        )
    if churn_t is None and horizon == math.inf:
        raise ParameterError(
            "an infinite horizon leaves open the period of p_no_purchase",
            where="churn_t",
            expected="the length of a period, in the time unit of the table",
        )
    columns = [CUSTOMER, *model._columns(), *[VALUE] * (spend is not None)]
    for name in columns:
        if name not in rfm.types:
            raise MissingTableError(
                "the RFM table lacks a column",
                where=f"column {name}",
                got=", ".join(rfm.columns),
                expected=", ".join(columns),
                nearest=nearest(name, rfm.columns),
            )
    churn_t = horizon if churn_t is None else churn_t
    _check_arguments(model, columns[1:], horizon, spend, discount_rate, margin)
    delta = None if spend is None else math.log1p(discount_rate)
    forecast = _Forecast(model, horizon, delta, bands, churn_t)
    forecast(pa.RecordBatch.from_pydict({name: [0.0] for name in model._columns()}))
    engine = rfm.engine
    read = engine.sql(
        "SELECT customer_id, {numbers} FROM {rfm}",
        numbers=_listed(columns[1:], "CAST({} AS DOUBLE) AS {}"),
        rfm=rfm,
    )
    # Histories of one age and frequency stand together: they share most of the work.
    histories = engine.sql(
        "SELECT DISTINCT {columns} FROM {read} ORDER BY frequency, {age}",
        columns=_listed(model._columns(), "{}"),
        age=Fragment(quote(AGE)),
        read=read,
    )
    forecasts = engine.map_batches(histories, forecast, forecast.schema)
    named = [*(_VALUE if spend is None else _PURCHASES), *_CHURN]
    scored = engine.sql(
        "SELECT r.customer_id, {own}{forecasts} FROM {read} AS r JOIN {scores} AS s ON {same}",
        own=_listed([FREQUENCY, VALUE] if spend else [], "r.{}, "),
        forecasts=_listed(named, "s.{}"),
        read=read,
        scores=forecasts,
        same=_listed(model._columns(), "r.{} = s.{}", " AND "),
    )
    if spend is None:
        return scored
    worth = _Worth(spend, margin)
    kind = engine.sql("SELECT customer_id FROM {rfm} WHERE FALSE", rfm=rfm).to_arrow()
    return engine.map_batches(scored, worth, worth.schema(kind.schema.field(CUSTOMER).type))


def _listed(names: Sequence[str], form: str, between: str = ", ") -> Fragment:
    """Return a form filled in with each name, such as ``r."T" = s."T" AND ...``."""
    between = "" if form.endswith(between) else between
    return Fragment(between.join(form.replace("{}", quote(name)) for name in names))


def _check_arguments(
    model: PurchaseModel,
    columns: Sequence[str],
    horizon: float,
    spend: GammaGammaModel | None,
    discount_rate: float,
    margin: float,
) -> None:
    """Find a wrong argument here, and not by a worker."""
    nobody = pd.DataFrame({name: [0.0] for name in columns}, index=[0])
    if spend is None:
        predict_with_interval(model, "expected_purchases", nobody, future_t=horizon)
    else:
        customer_lifetime_value(model, spend, nobody, horizon, discount_rate, margin)


@dataclass(frozen=True)
class _Forecast:
    """What is forecast of each distinct history; it travels to the workers, and holds no rows."""

    model: PurchaseModel
    horizon: float
    delta: float | None
    bands: tuple[float, float]
    churn_t: float

    @property
    def schema(self) -> pa.Schema:
        found = _VALUE if self.delta is None else _PURCHASES
        numbers = dict.fromkeys((*self.model._columns(), *found), pa.float64())
        return pa.schema(numbers | _CHURN)

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if not batch.num_rows:
            return pa.RecordBatch.from_pylist([], self.schema)
        rfm = batch.to_pandas()
        if self.delta is None:
            found = predict_with_interval(
                self.model, "expected_purchases", rfm, future_t=self.horizon
            ).to_frame()
        else:
            found = predict_by_delta(
                self.model, "_discounted_purchases", rfm, future_t=self.horizon, delta=self.delta
            ).to_frame()[["discounted_purchases", "std_error"]]
            found.columns = list(_PURCHASES)
        churn = churn_table(self.model, rfm, self.churn_t, self.bands)
        scores = rfm.join(found).join(churn.astype({"churn_band": object}))
        return pa.RecordBatch.from_pandas(scores, self.schema, preserve_index=False)


@dataclass(frozen=True)
class _Worth:
    """What the purchases of each customer are worth."""

    spend: GammaGammaModel
    margin: float

    def schema(self, customer_id: pa.DataType) -> pa.Schema:
        numbers = dict.fromkeys(("clv", *_VALUE[1:]), pa.float64())
        return pa.schema({CUSTOMER: customer_id} | numbers | _CHURN)

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        schema = self.schema(batch.schema.field(CUSTOMER).type)
        if not batch.num_rows:
            return pa.RecordBatch.from_pylist([], schema)
        rfm = batch.select([FREQUENCY, VALUE]).to_pandas()
        value = predict_by_delta(self.spend, "expected_customer_spend", rfm).to_frame()
        m, m_error = (value[name].to_numpy() for name in ("expected_spend", "std_error"))
        n, n_error = (batch[name].to_numpy() for name in _PURCHASES)
        clv = self.margin * n * m
        error = self.margin * np.hypot(m * n_error, n * m_error)  # the models were fitted apart
        low, high = interval(clv, error, "positive", 0.95)
        columns = {"clv": clv, "std_error": error, "low": low, "high": high}
        churn = {name: batch[name] for name in _CHURN}
        return pa.RecordBatch.from_pydict({CUSTOMER: batch[CUSTOMER]} | columns | churn, schema)
