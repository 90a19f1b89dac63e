"""Time that is counted in opportunities: of a purchase, or of a renewal."""

from __future__ import annotations

import math

import numpy as np

from segml._core.check import number

from ._rfm import AGE, FREQUENCY, RECENCY, Customers, read_history, refuse
from ._unique import Floats

#: More than daily opportunities over 25 years: beyond, it is a time and not a count.
MOST = 10_000


def read_opportunities(rfm: object) -> Customers:
    """Read and check a table whose recency and T are numbers of opportunities.

    Beyond the rules of a purchase history: whole recency and T, T of at most 10,000
    and a frequency of at most recency, as there is one purchase an opportunity at most.

    Parameters
    ----------
    rfm : DataFrame
        One row per customer with ``frequency``, ``recency`` and ``T``.

    Returns
    -------
    Customers

    Raises
    ------
    MissingTableError, DataError, NotEnoughDataError
        When a rule is broken; names the rows by position.

    Examples
    --------
    >>> import pandas as pd
    >>> rfm = pd.DataFrame({"frequency": [3], "recency": [2], "T": [6]})
    >>> read_opportunities(rfm)
    Traceback (most recent call last):
      ...
    segml._core.errors.DataError: frequency is greater than recency in 1 row
      where: row 0 (counted from 0)
      got: frequency 3, recency 2
      expected: at most one purchase at each opportunity
    """
    customers = read_history(rfm)
    x, t_x, T = customers.columns.values()
    for name, values in ((RECENCY, t_x), (AGE, T)):
        whole_opportunities(values, name)
    refuse(
        x > t_x,
        f"{FREQUENCY} is greater than {RECENCY}",
        {FREQUENCY: x, RECENCY: t_x},
        "at most one purchase at each opportunity",
    )
    return customers


def whole_opportunities(values: Floats, name: str) -> None:
    """Raise a DataError that names the rows where `values` are not counts of opportunities."""
    refuse(
        values != np.floor(values),
        f"{name} is not a whole number",
        {name: values},
        "a number of opportunities",
        "count the periods in which a customer could buy, such as years or weeks",
    )
    refuse(
        values > MOST,
        f"{name} is greater than {MOST:,}",
        {name: values},
        f"a number of opportunities of at most {MOST:,}",
        "count in longer periods",
    )


def future_opportunities(t: object, name: str, *, endless: bool = False) -> float:
    """Return a number of future opportunities, infinity among them when `endless`.

    Raises
    ------
    ParameterError
        When it is not a whole number from 0 to 10,000.

    Examples
    --------
    >>> future_opportunities(12, "future_t"), future_opportunities(np.inf, "t", endless=True)
    (12.0, inf)
    """
    if endless and isinstance(t, float) and t == math.inf:
        return math.inf
    return float(number(t, name, low=0, high=MOST, whole=True))
