"""The MBG/NBD model of repeat purchases (Batislam et al. 2007; Hoppe & Wagner 2007)."""

from __future__ import annotations

from typing import ClassVar

from ._beta_geo_family import BetaGeoFamily


class ModifiedBetaGeoModel(BetaGeoFamily):
    r"""MBG/NBD: as BG/NBD, but a customer may leave right after the first purchase too.

    While alive a customer buys at a Poisson rate :math:`\lambda \sim
    \mathrm{Gamma}(r, \alpha)`, and leaves after any purchase, the first one
    included, with probability :math:`p \sim \mathrm{Beta}(a, b)`, the two independent of
    each other.  Those who never came back are then no longer alive for certain, as they
    are in the BG/NBD model.

    Parameters
    ----------
    k : int or "auto"
        Every k-th event of the Poisson process is a purchase, so that times between
        purchases are Erlang-k: the larger, the more regular [3]_.  "auto" tries 1, 2, ...
        until the likelihood falls.  Any k but 1 needs the column ``litt`` to fit.
    purchase_covariates : sequence of str
        Columns z of the table that move the purchase rate: alpha is multiplied by
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
        Covariance of the estimates.
    log_likelihood_ : float
        At the estimates.
    n_customers_ : int or float
        Customers used, or the sum of their weights.

    Notes
    -----
    The likelihood of one customer is [1]_ [2]_

    .. math:: L = \frac{\Gamma(r+x)\,\alpha^r}{\Gamma(r)} \left[
        \frac{B(a, b+x+1)}{B(a, b)} (\alpha+T)^{-(r+x)}
        + \frac{B(a+1, b+x)}{B(a, b)} (\alpha+t_x)^{-(r+x)} \right]

    maximised with exact first and second derivatives over the distinct (frequency,
    recency, T), and

    .. math:: P(\mathrm{alive}) = \left(1 + \frac{a}{b+x}
        \left(\frac{\alpha+T}{\alpha+t_x}\right)^{r+x}\right)^{-1}

    A living customer's purchases are those of the BG/NBD model with b + x + 1 in the place
    of b + x.  A new customer is taken right after the first purchase, and is alive then with
    probability b / (a + b).

    References
    ----------
    .. [1] Batislam, E. P., Denizel, M. and Filiztekin, A. (2007). Empirical validation and
       comparison of models for customer base analysis. International Journal of Research in
       Marketing 24(3), 201-209.
    .. [2] Hoppe, D. and Wagner, U. (2007). Customer base analysis: the case for a central
       variant of the betageometric/NBD model. Marketing: Journal of Research and
       Management 3(2), 75-90.
    .. [3] Platzer, M. and Reutterer, T. (2016). Ticking away the moments: timing regularity
       helps to better predict customer activity. Marketing Science 35(5), 779-799; and the
       same (2017), MBG/CNBD-k in the R package BTYDplus.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> rng = np.random.default_rng(4)
    >>> rate, leave = rng.gamma(0.5, 1 / 5, 2000), rng.beta(1, 3, 2000)
    >>> rows = []
    >>> for speed, p in zip(rate, leave):
    ...     time, x, t_x, alive = 0.0, 0, 0.0, rng.random() > p
    ...     while alive and (time := time + rng.exponential(1 / speed)) < 39:
    ...         x, t_x, alive = x + 1, time, rng.random() > p
    ...     rows.append((x, t_x, 39.0))
    >>> rfm = pd.DataFrame(rows, columns=["frequency", "recency", "T"])
    >>> model = ModifiedBetaGeoModel().fit(rfm)
    >>> model.params_.round(2).to_dict()
    {'r': 0.41, 'alpha': 4.19, 'a': 2.03, 'b': 9.29}
    >>> once = pd.DataFrame({"frequency": [0], "recency": [0.0], "T": [39.0]})
    >>> model.expected_probability_alive(once).round(3).tolist()
    [0.64]
    """

    _at_once: ClassVar[bool] = True
