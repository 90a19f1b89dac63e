"""The BG/BB model of purchases at discrete opportunities (Fader, Hardie & Shang 2010)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd

from ._beta_geo_beta_binom_likelihood import BetaGeoBetaBinomLikelihood, silence
from ._beta_geometric import discounted_survival, log_survival
from ._fit import LogLikelihood
from ._opportunities import MOST, future_opportunities, read_opportunities
from ._purchases import Columns, PurchaseModel
from ._rfm import AGE, FREQUENCY, Customers
from ._unique import Floats, unique_rows


class BetaGeoBetaBinomModel(PurchaseModel):
    r"""BG/BB: a purchase or none at each opportunity, until the customer leaves, unseen.

    At each opportunity, such as a year, an event or a sailing, a living customer buys
    with probability :math:`p \sim \mathrm{Beta}(\alpha, \beta)`, and leaves before it
    with probability :math:`\theta \sim \mathrm{Beta}(\gamma, \delta)`, the two
    independent of each other.

    Attributes
    ----------
    params_ : pandas.Series
        alpha, beta, gamma, delta.
    covariance_ : pandas.DataFrame
        Their covariance.
    log_likelihood_ : float
        At the estimates.
    n_customers_ : int or float
        Customers used, or the sum of their weights.

    Notes
    -----
    In the table ``T`` is the number n of opportunities since the first purchase,
    ``frequency`` the number x of those with a purchase and ``recency`` the number t_x
    of the last of them; `future_t` is a number of opportunities.  All are whole numbers,
    at most 10,000, and frequency is at most recency.  A customer of T = 0 is new.

    The likelihood is equation 5 of [1]_, maximised with exact first and second
    derivatives over the distinct (frequency, recency, T).  With R(t_x, n) the chance
    that a customer who was alive at t_x is not seen to buy up to n, given x purchases,

    .. math::

        P(\text{no purchase in } n + 1, \ldots, n + m) &= R(t_x, n + m) / R(t_x, n) \\
        P(\text{alive at } n) &= \frac{1}{R(t_x, n)} \prod_{k=t_x}^{n-1}
            \frac{\delta+k}{\gamma+\delta+k}\, \frac{\beta+k-x}{\alpha+\beta+k}

    The purchases expected in the next m opportunities (equation 13) are

    .. math:: P(\text{alive at } n)\, \frac{\alpha+x}{\alpha+\beta+n}
        \sum_{j=1}^{m} \prod_{k=0}^{j-1} \frac{\delta+n+k}{\gamma+\delta+n+k}

    summed as it stands, which has no pole at gamma = 1; x = n = 0 gives equation 7, for
    a new customer.  Discounted, the term of opportunity n + j has the factor
    :math:`e^{-\Delta j}`; without an end that is DERT.

    References
    ----------
    .. [1] Fader, P. S., Hardie, B. G. S. and Shang, J. (2010). Customer-base analysis
       in a discrete-time noncontractual setting. Marketing Science 29(6), 1086-1108.

    Examples
    --------
    Supporters who first gave in 1995, and six further years in which they could give:

    >>> from segml.data import load_donations
    >>> rfm = load_donations().rename(columns={"periods": "T"})
    >>> model = BetaGeoBetaBinomModel().fit(rfm, weights=rfm["weights"])
    >>> model.summary().round(2)
               estimate  std_error   low  high
    parameter
    alpha          1.20       0.07  1.07  1.35
    beta           0.75       0.03  0.69  0.81
    gamma          0.66       0.05  0.56  0.76
    delta          2.78       0.32  2.22  3.49
    >>> one = pd.DataFrame({"frequency": [4], "recency": [5], "T": [6]})
    >>> model.expected_purchases(one, future_t=10).round(3).tolist()
    [3.628]
    >>> model.expected_probability_alive(one, future_t=1).round(3).tolist()
    [0.697]
    """

    _meanings: ClassVar[dict[str, str]] = {
        "alpha": "first shape of the chance to buy at an opportunity",
        "beta": "second shape of it",
        "gamma": "first shape of the chance to leave before an opportunity",
        "delta": "second shape of it",
    }

    def expected_probability_alive(self, rfm: object, future_t: float = 0) -> pd.Series:
        """Probability that each customer is alive at an opportunity, by default the T-th.

        Parameters
        ----------
        rfm : DataFrame
            As for :meth:`fit`.
        future_t : int
            Opportunities after T.  1 asks for the next one, as the paper does for its
            P(alive): who is alive at T may leave before it.

        Returns
        -------
        Series
            By customer, named ``probability_alive``.

        Raises
        ------
        NotFittedError, DataError, MissingTableError, ParameterError
        """
        t = future_opportunities(future_t, "future_t")
        return self._predict(rfm, "probability_alive", self._alive, t=t)

    def _read(self, rfm: object) -> Customers:
        return read_opportunities(rfm)

    def _likelihood(self, columns: dict[str, Floats], weights: Floats) -> LogLikelihood:
        x, t_x, n = columns.values()
        return BetaGeoBetaBinomLikelihood(x, t_x, n, weights)

    def _starts(self, columns: dict[str, Floats], weights: Floats) -> list[list[float]]:
        n, x = weights @ columns[AGE], weights @ columns[FREQUENCY]
        length = float(n / weights.sum())
        odds = float((n - x + 1) / x)  # of no purchase
        return [[1.0, odds, 0.5, 0.5 * length], [1.0, 0.5 * odds, 1.0, 0.3 * length]]

    def _alive(self, columns: Columns, t: float = 0.0) -> Floats:
        silent, alive = silence(np.array(self._parameters()), *columns)
        _, _, gamma, delta = self._parameters()
        _, _, n = columns
        ages = unique_rows([n])
        stay = np.exp(log_survival(gamma, delta + n[ages.first], t))
        return alive / silent * stay[ages.inverse]

    def _no_purchase(self, columns: Columns, t: float | Floats) -> Floats:
        x, t_x, n = columns
        if np.ndim(t) == 0:
            t = future_opportunities(t, "future_t")
        later = n + np.minimum(np.floor(t), MOST)  # one t a row is a time on the way to a root
        parameters = np.array(self._parameters())
        return silence(parameters, x, t_x, later)[0] / silence(parameters, x, t_x, n)[0]

    def _purchases(self, columns: Columns, t: float, delta: float) -> Floats:
        alpha, beta, gamma, stay = self._parameters()
        x, _, n = columns
        ages = unique_rows([n])
        t = future_opportunities(t, "future_t", endless=True)
        living = discounted_survival(gamma, stay + n[ages.first], t, delta)[ages.inverse]
        return self._alive(columns) * ((alpha + x) / (alpha + beta + n)) * living

    def _new_purchases(self, t: Floats) -> Floats:
        alpha, beta, gamma, delta = self._parameters()
        times = [future_opportunities(one, "t") for one in t]
        one = np.array([delta])
        living = {m: discounted_survival(gamma, one, m)[0] for m in set(times)}
        return alpha / (alpha + beta) * np.array([living[m] for m in times])
