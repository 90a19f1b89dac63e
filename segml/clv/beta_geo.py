"""The BG/NBD model of repeat purchases (Fader, Hardie & Lee 2005)."""

from __future__ import annotations

from typing import ClassVar

from ._beta_geo_family import BetaGeoFamily


class BetaGeoModel(BetaGeoFamily):
    r"""BG/NBD: purchases at a constant rate until the customer leaves, unseen, after one of them.

    While alive a customer buys at a Poisson rate :math:`\lambda \sim
    \mathrm{Gamma}(r, \alpha)`, and leaves after any repeat purchase with
    probability :math:`p \sim \mathrm{Beta}(a, b)`, the two independent of each
    other.

    Parameters
    ----------
    k : int or "auto"
        Every k-th event of the Poisson process is a purchase, so that times between
        purchases are Erlang-k: the larger, the more regular [3]_.  "auto" tries 1, 2, ...
        until the likelihood falls.  Any k but 1 needs the column ``litt`` to fit.
    purchase_covariates : sequence of str
        Columns z of the table that move the purchase rate [4]_: alpha is multiplied by
        exp(-purchase[z] z).  Needs k = 1.
    dropout_covariates : sequence of str
        Columns z that move the chance to leave: a is multiplied by exp(dropout_a[z] z)
        and b by exp(dropout_b[z] z).  Needs k = 1.

    Attributes
    ----------
    params_ : pandas.Series
        r, alpha (in the time unit of the table), a, b; then the coefficients of covariates.
    k_ : int
        Events to a purchase.
    covariance_ : pandas.DataFrame
        Their covariance.
    log_likelihood_ : float
        At the estimates.
    n_customers_ : int or float
        Customers used, or the sum of their weights.

    Notes
    -----
    The likelihood is equation 6 of [1]_, maximised with exact first and second
    derivatives over the distinct (frequency, recency, T).  Any time unit does;
    alpha and all times that are passed in are in that unit.

    Customers leave after a repeat purchase only, so that all of frequency 0 are
    alive; the others are [2]_ with

    .. math:: P(\mathrm{alive}) = \left(1 + \frac{a}{b+x-1}
        \left(\frac{\alpha+T}{\alpha+t_x}\right)^{r+x}\right)^{-1}

    The purchases expected in (T, T + t] are those of

    .. math:: E[X(t)] = P(\mathrm{alive})\, \frac{r+x}{\alpha+T}
        \int_0^t {}_2F_1\left(r+x+1, a; a+b+x; -\frac{s}{\alpha+T}\right) ds

    which is equation 10 of [1]_ in a form without its poles and cancellation, and
    equation 9 for a new customer (x = T = 0).  The chance of no purchase is

    .. math:: 1 - P(\mathrm{alive}) + P(\mathrm{alive})
        \left(\frac{\alpha+T}{\alpha+T+t}\right)^{r+x}

    With k > 1 the likelihood is that of [3]_.  Expected purchases and the chance of none are
    exact for every k: they are averaged over the events since the last purchase, which are
    not seen.

    References
    ----------
    .. [1] Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005). "Counting your
       customers" the easy way: an alternative to the Pareto/NBD model.
       Marketing Science 24(2), 275-284.
    .. [2] Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2008). Computing P(alive)
       using the BG/NBD model. brucehardie.com/notes/021
    .. [3] Platzer, M. and Reutterer, T. (2016). Ticking away the moments: timing regularity
       helps to better predict customer activity. Marketing Science 35(5), 779-799; and the
       same (2017), BG/CNBD-k in the R package BTYDplus.
    .. [4] Fader, P. S. and Hardie, B. G. S. (2007). Incorporating time-invariant covariates
       into the Pareto/NBD and BG/NBD models. brucehardie.com/notes/019

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> rng = np.random.default_rng(4)
    >>> rate, leave = rng.gamma(0.5, 1 / 5, 2000), rng.beta(1, 3, 2000)
    >>> rows = []
    >>> for speed, p in zip(rate, leave):
    ...     time, x, t_x, alive = 0.0, 0, 0.0, True
    ...     while alive and (time := time + rng.exponential(1 / speed)) < 39:
    ...         x, t_x, alive = x + 1, time, rng.random() > p
    ...     rows.append((x, t_x, 39.0))
    >>> rfm = pd.DataFrame(rows, columns=["frequency", "recency", "T"])
    >>> model = BetaGeoModel().fit(rfm)
    >>> model.summary().round(2)
               estimate  std_error   low  high
    parameter
    r              0.49       0.02  0.45  0.53
    alpha          4.62       0.31  4.05  5.28
    a              1.05       0.19  0.75  1.49
    b              3.31       0.74  2.13  5.13
    >>> model.expected_probability_alive(rfm).head(2).round(3).tolist()
    [0.029, 0.125]
    """

    _at_once: ClassVar[bool] = False
