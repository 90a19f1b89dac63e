"""Whether one model is really more likely than another, or by chance in these customers."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from ._purchases import PurchaseModel
from ._regularity import LITT, read_litt, times_between
from ._rfm import FREQUENCY
from ._unique import Floats, unique_rows

_ROWS = 1_000  # on which omega is estimated, to a few percent


def vuong_test(
    one: PurchaseModel, other: PurchaseModel, advantage: float, rfm: object, weights: Floats | None
) -> float:
    r"""Return the p-value of the hypothesis that two models are equally near to the truth.

    .. math:: z = \frac{\ell_1 - \ell_2 - (k_1 - k_2)}{\sqrt{n}\, \omega}, \qquad
        \omega^2 = \mathrm{Var}_i (\ell_{1i} - \ell_{2i})

    for models of which neither contains the other, with Akaike's correction for the
    numbers of parameters k (Vuong, Q. H. (1989). Likelihood ratio tests for model selection
    and non-nested hypotheses. Econometrica 57(2), 307-333, equations 5.6 and 5.9).  The
    variance is that over customers; where they have many distinct histories, it is
    estimated from some of them, weighted by the inverse of their chance to be taken.

    Parameters
    ----------
    one, other : PurchaseModel
        Fitted to the table.
    advantage : float
        The numerator: half the difference of their AIC.
    rfm : DataFrame
    weights : ndarray of shape (n,), optional

    Returns
    -------
    float
        Two-sided; 1 where the models say the same of every customer.
    """
    columns = one._read(rfm).columns | other._read(rfm).columns
    if _events(one) > 1 or _events(other) > 1:
        columns[LITT] = read_litt(rfm)
    kinds = unique_rows(list(columns.values()), weights)
    rows, w = kinds.first, kinds.counts
    n = w.sum()
    if len(rows) > _ROWS:  # more often those of the heavy buyers, on whom models differ most
        chance = w * (1 + columns[FREQUENCY][rows])
        at = (np.arange(_ROWS) + 0.5) * (chance.sum() / _ROWS)
        drawn = np.searchsorted(np.cumsum(chance), at)
        rows, w = rows[drawn], w[drawn] / chance[drawn]
    some = {name: column[rows] for name, column in columns.items()}
    difference = _each(one, some) - _each(other, some)
    mean = np.average(difference, weights=w)
    variance = np.average((difference - mean) ** 2, weights=w)
    if variance <= 1e-18 * (1 + mean**2):
        return 1.0
    return float(2 * ndtr(-abs(advantage) / np.sqrt(n * variance)))


def _each(model: PurchaseModel, columns: dict[str, Floats]) -> Floats:
    """Return the log-likelihood of each row."""
    names, at = model._columns(), np.asarray(model._parameters())
    once, k = np.ones(1), _events(model)
    values = []
    for i in range(len(columns[names[0]])):
        row = {name: columns[name][i : i + 1] for name in names}
        value = model._likelihood(row, once)(at)[0]
        if k > 1:
            value += times_between(row[FREQUENCY], float(columns[LITT][i]), once, k)
        values.append(value)
    return np.array(values)


def _events(model: PurchaseModel) -> int:
    """Return how many events make a purchase: more than 1 in models of regular purchases."""
    return getattr(model, "k_", 1)
