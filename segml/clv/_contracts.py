"""The table of contracts as the models of subscriptions read it."""

from __future__ import annotations

import pandas as pd

from ._opportunities import whole_opportunities
from ._rfm import AGE, Customers, as_frame, finite_numbers, refuse, require_columns

CHURNED = "churned"


def read_contracts(contracts: object) -> Customers:
    """Read and check T and churned.

    The rules: no missing, infinite or negative value; a whole T of at most 10,000;
    churned true or false, or 1 or 0; T of at least 1 for who churned.

    Parameters
    ----------
    contracts : DataFrame
        One row per customer with ``T`` and ``churned``.

    Returns
    -------
    Customers

    Raises
    ------
    MissingTableError, DataError, NotEnoughDataError
        When a rule is broken; names the rows by position.

    Examples
    --------
    >>> read_contracts(pd.DataFrame({"T": [0], "churned": [True]}))
    Traceback (most recent call last):
      ...
    segml._core.errors.DataError: T is 0 for a customer who churned in 1 row
      where: row 0 (counted from 0)
      got: T 0, churned 1
      expected: T of at least 1: the opportunity at which the customer left counts
    """
    frame = as_frame(contracts)
    require_columns(frame, (AGE, CHURNED))
    if pd.api.types.is_bool_dtype(frame[CHURNED]):
        frame = frame.assign(**{CHURNED: frame[CHURNED].astype("Float64")})
    T, churned = (finite_numbers(frame, name) for name in (AGE, CHURNED))
    refuse(T < 0, f"{AGE} is negative", {AGE: T}, "a number of at least 0")
    whole_opportunities(T, AGE)
    shown = {AGE: T, CHURNED: churned}
    refuse(
        (churned != 0) & (churned != 1),
        f"{CHURNED} is not a yes or no",
        {CHURNED: churned},
        "true or false, or 1 or 0",
    )
    refuse(
        (churned == 1) & (T == 0),
        f"{AGE} is 0 for a customer who churned",
        shown,
        f"{AGE} of at least 1: the opportunity at which the customer left counts",
    )
    return Customers(frame.index, shown)
