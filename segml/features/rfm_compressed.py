"""The compressed RFM table: how many customers have each frequency, recency and T."""

from __future__ import annotations

from typing import Any

import pandas as pd

from segml.engine import Table

from .dates import as_day, as_orders, last_day
from .rfm_query import Query, check_known


def rfm_counts(
    orders: Any, as_of: Any = None, period: str = "D", *, time_unit: str | None = None
) -> pd.DataFrame:
    """Count the customers of each frequency, recency and T.

    Models of purchase counts depend on customers only through these three, so a fit to
    the unique rows with their counts as weights is the fit to all customers, from a table
    that stays small: its rows are bounded by the periods observed, not by the customers.

    Parameters
    ----------
    orders : CustomerData, DataTable, or anything that `segml.data.read_orders` takes
        The orders.
    as_of, period, time_unit
        As for :func:`rfm_summary`.

    Returns
    -------
    DataFrame
        ``frequency``, ``recency`` and ``T`` as of :func:`rfm_summary`, and ``n``, the
        number of customers who have them; in the order of the three.

    Raises
    ------
    NotEnoughDataError, ParameterError
        As for :func:`rfm_summary`.

    Examples
    --------
    >>> from segml.clv import BetaGeoModel
    >>> from segml.data import load_cdnow_sample
    >>> counts = rfm_counts(load_cdnow_sample(), "1997-09-30", time_unit="W")
    >>> len(counts), int(counts["n"].sum())
    (1016, 2357)
    >>> model = BetaGeoModel().fit(counts, weights=counts["n"])
    >>> model.summary()["estimate"].round(3).to_dict()
    {'r': 0.243, 'alpha': 4.414, 'a': 0.793, 'b': 2.426}
    """
    return rfm_counts_table(as_orders(orders), as_of, period, time_unit=time_unit).to_pandas()


def rfm_counts_table(
    orders: Table, as_of: Any = None, period: str = "D", *, time_unit: str | None = None
) -> Table:
    """Define the table of :func:`rfm_counts` in the engine; see there.

    Parameters
    ----------
    orders : Table
        Canonical orders.
    as_of, period, time_unit
        As for :func:`rfm_counts`.

    Returns
    -------
    Table
        Lazy.

    Raises
    ------
    NotEnoughDataError, ParameterError
        As for :func:`rfm_counts`.
    """
    query = Query(period, time_unit or period)
    day = last_day(orders) if as_of is None else as_day(as_of, "as_of")
    if as_of is not None:
        check_known(orders, day)
    return query.counts(orders, query.cut(day))
