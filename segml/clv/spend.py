"""How well the Gamma-Gamma model fits what customers spend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import betainc, betaincc

from segml._core import html, text
from segml._core.errors import NotEnoughDataError

from ._slopes import estimated
from ._unique import Floats, unique_rows
from .gamma_gamma import GammaGammaModel

_BINS = 40


@dataclass(frozen=True)
class SpendFit:
    """Repeat buyers by mean spend, observed and expected.

    Parameters
    ----------
    bins : DataFrame
        ``from`` and ``to`` in money, equally far apart in their logarithms; repeat buyers
        ``observed`` and ``expected``, the latter with its 95% interval ``low`` to ``high``.
    median : Series
        Of the mean spend: ``observed``; ``expected``, with ``low`` and ``high``.
    n_customers : int
        Repeat buyers, whom the model was fitted to.
    n_outside : float
        How many of them the model expects outside of all bins.
    """

    bins: pd.DataFrame
    median: pd.Series
    n_customers: int
    n_outside: float

    def _repr_html_(self) -> str:
        median = self.median
        ends = f"95% interval {text.money(median['low'])} to {text.money(median['high'])}"
        return html.block(
            html.facts(
                [
                    ("repeat buyers", text.count(self.n_customers), ""),
                    ("median of their mean spend", text.money(median["observed"]), ""),
                    ("expected", text.money(median["expected"]), ends),
                ]
            )
        )


def spend_fit(model: GammaGammaModel, rfm: object) -> SpendFit:
    r"""Compare the mean spend of repeat buyers with what the model expects of them.

    The mean spend m of x purchases has :math:`\frac{mx}{v + mx} \sim \mathrm{Beta}(px, q)`,
    so that

    .. math:: P(\bar z \le m \mid x) = I_{mx / (v + mx)}(px, q)

    which is the integral of equation 1a of [1]_; expected are its differences between the
    ends of a bin, summed over the customers with their numbers of purchases x.

    Parameters
    ----------
    model : GammaGammaModel
        Fitted.
    rfm : DataFrame
        Table with ``frequency`` and ``monetary_value``.

    Returns
    -------
    SpendFit

    Raises
    ------
    NotEnoughDataError
        Nobody bought again.
    NotFittedError, DataError, MissingTableError
        As for the model's ``fit``.

    References
    ----------
    .. [1] Fader, P. S. and Hardie, B. G. S. (2013). The Gamma-Gamma model of
       monetary value. brucehardie.com/notes/025

    Examples
    --------
    >>> rng = np.random.default_rng(2)
    >>> means = 1 / rng.gamma(4, 1 / 100, 500)
    >>> buyers = pd.DataFrame({"frequency": 3, "monetary_value": means * rng.gamma(9, 1, 500) / 9})
    >>> fit = spend_fit(GammaGammaModel().fit(buyers), buyers)
    >>> int(fit.bins["observed"].sum()), fit.median.round(1).to_dict()
    (500, {'observed': 25.1, 'expected': 25.1, 'low': 23.6, 'high': 26.6})
    """
    columns = list(model._read(rfm).columns.values())
    repeat = columns[0] > 0
    x, m = (column[repeat] for column in columns)
    if len(x) == 0:
        raise NotEnoughDataError("nobody bought again", where="rfm", expected="repeat buyers")
    edges = _edges(m)
    counts = unique_rows([x])
    kinds, n = x[counts.first], counts.counts

    def numbers(one: GammaGammaModel) -> Floats:
        inside = np.diff(_cumulated(one, kinds, n, edges), axis=0)
        return np.append(inside, _median(one, kinds, n))

    found = estimated(model, numbers)
    low, high = found.ends("positive")
    observed, _ = np.histogram(m, edges)
    expected = found.values[:-1]
    return SpendFit(
        pd.DataFrame(
            {
                "from": edges[:-1],
                "to": edges[1:],
                "observed": observed,
                "expected": expected,
                "low": low[:-1],
                "high": high[:-1],
            }
        ),
        pd.Series(
            {
                "observed": float(np.median(m)),
                "expected": found.values[-1],
                "low": low[-1],
                "high": high[-1],
            }
        ),
        len(x),
        max(0.0, float(n.sum() - expected.sum())),
    )


def _edges(m: Floats) -> Floats:
    low, high = m.min(), m.max()
    if low == high:
        low, high = low / 1.1, high * 1.1
    edges = np.geomspace(low, high, _BINS + 1)
    edges[0], edges[-1] = low, high  # rounding must not put the extremes outside
    return edges


def _cumulated(model: GammaGammaModel, x: Floats, n: Floats, m: Floats) -> Floats:
    """Return how many customers are expected to spend at most each m."""
    p, q, v = model._parameters()
    spent = m[:, None] * x
    share = spent / (v + spent)
    # Where the share is near 1 its complement has the digits.
    below = np.where(share < 0.5, betainc(p * x, q, share), betaincc(q, p * x, v / (v + spent)))
    return below @ n


def _median(model: GammaGammaModel, x: Floats, n: Floats) -> float:
    p, q, v = model._parameters()
    half = n.sum() / 2
    middle = np.log(p * v / q)  # the mode of ratios is near; the bracket widens from there
    width = 1.0
    while not _crosses(model, x, n, half, middle, width):
        width *= 2
    root = brentq(
        lambda u: _cumulated(model, x, n, np.exp([u]))[0] - half,
        middle - width,
        middle + width,
        xtol=1e-13,
    )
    return float(np.exp(root))


def _crosses(
    model: GammaGammaModel, x: Floats, n: Floats, half: float, middle: float, width: float
) -> bool:
    below, above = _cumulated(model, x, n, np.exp([middle - width, middle + width]))
    return bool(below < half < above)
