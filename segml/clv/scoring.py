"""Forecasts of customers who stay where they are: the models visit their RFM table in batches."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from segml._core.check import nearest
from segml._core.errors import MissingTableError, ParameterError
from segml.engine import Table
from segml.engine.sql import Fragment, quote

from ._purchases import PurchaseModel
from ._rfm import CUSTOMER, VALUE
from .churn import churn_table
from .delta import predict_with_interval
from .gamma_gamma import GammaGammaModel
from .lifetime_value import customer_lifetime_value

_ESTIMATE = ("std_error", "low", "high")
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
        it is computed now, 100,000 customers at a time in memory; on Spark by the workers
        when it is fetched or written, where segml has to be installed.

    Raises
    ------
    DataError
        The table breaks a rule of the models; on Spark when it is fetched. Rows are
        counted within a batch.
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
    >>> scores.to_pandas().loc[3, ["customer_id", "churn_band"]].tolist()
    ['d', 'likely lost']
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
    score = _Score(model, horizon, spend, discount_rate, margin, bands, churn_t)
    # A wrong argument is found here, and not by a worker.
    score.forecast(pd.DataFrame({name: [0.0] for name in columns[1:]}, index=[0]))
    kind = rfm.engine.sql("SELECT customer_id FROM {rfm} WHERE FALSE", rfm=rfm).to_arrow()
    numbers = ", ".join(f"CAST({quote(name)} AS DOUBLE) AS {quote(name)}" for name in columns[1:])
    read = rfm.engine.sql(
        "SELECT customer_id, {numbers} FROM {rfm}", numbers=Fragment(numbers), rfm=rfm
    )
    return rfm.engine.map_batches(read, score, score.schema(kind.schema.field(CUSTOMER).type))


@dataclass(frozen=True)
class _Score:
    """What is done to each batch; it travels to the workers, and holds no rows."""

    model: PurchaseModel
    horizon: float
    spend: GammaGammaModel | None
    discount_rate: float
    margin: float
    bands: tuple[float, float]
    churn_t: float

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        schema = self.schema(batch.schema.field(CUSTOMER).type)
        if not batch.num_rows:
            return pa.RecordBatch.from_pylist([], schema)
        scores = self.forecast(batch.drop_columns([CUSTOMER]).to_pandas())
        forecasts = pa.RecordBatch.from_pandas(scores, schema.remove(0), preserve_index=False)
        return forecasts.add_column(0, schema.field(0), batch[CUSTOMER])

    def forecast(self, rfm: pd.DataFrame) -> pd.DataFrame:
        if self.spend is None:
            found = predict_with_interval(
                self.model, "expected_purchases", rfm, future_t=self.horizon
            )
        else:
            found = customer_lifetime_value(
                self.model, self.spend, rfm, self.horizon, self.discount_rate, self.margin
            )
        churn = churn_table(self.model, rfm, self.churn_t, self.bands)
        return found.to_frame().join(churn.astype({"churn_band": object}))

    def schema(self, customer_id: pa.DataType) -> pa.Schema:
        value = "expected_purchases" if self.spend is None else "clv"
        numbers = dict.fromkeys((value, *_ESTIMATE), pa.float64())
        return pa.schema({CUSTOMER: customer_id} | numbers | _CHURN)
