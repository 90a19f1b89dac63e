"""How lifetime value is spread over the customers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segml._core import html, text
from segml._core.errors import NotEnoughDataError

from ._interval import interval
from .prediction import Prediction

_BINS = 36
_LEAST = 0.01  # of money; less is worth nothing
_TENTH = "tenth"


@dataclass(frozen=True)
class ValueDistribution:
    """Customers by value, and value by tenth of customers.

    Parameters
    ----------
    bins : DataFrame
        ``low`` and ``high`` ends in money, equally far apart in their logarithms,
        and ``customers`` with at least `low` and less than `high`.
    tenths : DataFrame
        By ``tenth`` of the customers, 1 those of the highest value: ``customers``, their
        ``mean`` with its 95% interval ``low`` to ``high``, and ``share`` of the total.
    total, mean, top_share : Series
        ``value``, ``low`` and ``high`` of the total, of the mean per customer, and of the
        share of the total that the first tenth holds.
    n_customers, n_least : int
        All customers, and those worth less than 0.01, who are in no bin.
    """

    bins: pd.DataFrame
    tenths: pd.DataFrame
    total: pd.Series
    mean: pd.Series
    top_share: pd.Series
    n_customers: int
    n_least: int

    def _repr_html_(self) -> str:
        items = [("customers", text.count(self.n_customers), "")]
        for what, row, said in (
            ("total value", self.total, text.money),
            ("mean", self.mean, text.money),
            ("share of the top tenth", self.top_share, text.share),
        ):
            ends = f"95% interval {said(row['low'])} to {said(row['high'])}"
            items.append((what, said(row["value"]), ends))
        return html.block(html.facts(items))


def value_distribution(prediction: Prediction) -> ValueDistribution:
    r"""Spread customers over their values, with the uncertainty of the estimated parameters.

    Parameters
    ----------
    prediction : Prediction
        From `customer_lifetime_value`.

    Returns
    -------
    ValueDistribution

    Raises
    ------
    NotEnoughDataError
        Nobody is worth anything.

    Notes
    -----
    The share s of the first tenth has the gradient
    :math:`(\nabla S_1 - s \nabla S) / S`, where S are the sums of all and of the tenth;
    who belongs to the tenth is taken as known.

    Examples
    --------
    >>> values = pd.Series(2.0 ** np.arange(20))
    >>> clv = Prediction(values, values.to_numpy()[:, None], np.array([[0.01]]), "clv", "positive")
    >>> found = value_distribution(clv)
    >>> found.top_share.round(3).tolist(), int(found.bins["customers"].sum())
    ([0.75, 0.75, 0.75], 20)
    """
    values = prediction.values.to_numpy(dtype=float)
    if not (values >= _LEAST).any():
        raise NotEnoughDataError(
            "nobody is worth anything",
            where=prediction.name,
            got=f"values below {_LEAST} for all of {text.count(len(values))} customers",
        )
    n = len(values)
    rank = np.empty(n, dtype=int)
    rank[np.argsort(-values, kind="stable")] = np.arange(n)
    here = Prediction(
        pd.Series(values), prediction.jacobian, prediction.covariance, "value", prediction.scale
    )
    tenth = pd.Series(rank * 10 // n + 1, name=_TENTH)
    everyone = pd.Series(1, index=tenth.index)
    total, mean = here.sum_by(everyone).iloc[0], here.mean_by(everyone).iloc[0]
    means = here.mean_by(tenth)
    sums = means["value"] * means["n"]
    ends = ["value", "low", "high"]
    return ValueDistribution(
        _bins(values),
        pd.DataFrame(
            {
                "customers": means["n"],
                "mean": means["value"],
                "low": means["low"],
                "high": means["high"],
                "share": sums / sums.sum(),
            }
        ),
        total[ends],
        mean[ends],
        _share(here, tenth.to_numpy() == 1),
        n,
        int((values < _LEAST).sum()),
    )


def _bins(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> pd.DataFrame:
    inside = values[values >= _LEAST]
    low, high = inside.min(), inside.max()
    if low == high:
        low, high = low / 1.1, high * 1.1
    edges = np.geomspace(low, high, _BINS + 1)
    edges[0], edges[-1] = low, high
    customers, _ = np.histogram(inside, edges)
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], "customers": customers})


def _share(prediction: Prediction, top: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> pd.Series:
    values, jacobian = prediction.values.to_numpy(), prediction.jacobian
    whole = values.sum()
    share = values[top].sum() / whole
    slope = (jacobian[top].sum(axis=0) - share * jacobian.sum(axis=0)) / whole
    error = np.sqrt(max(0.0, slope @ prediction.covariance @ slope))
    low, high = interval(np.array([share]), np.array([error]), "probability", 0.95)
    return pd.Series({"value": share, "low": low[0], "high": high[0]})
