"""What to do with rows that can be read but are doubtful: each choice explicit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from segml._core.check import number, one_of
from segml._core.errors import ParameterError


@dataclass(frozen=True, kw_only=True)
class CleaningPolicy:
    """What to do with rows that can be read but are doubtful.

    Parameters
    ----------
    consent : {"apply", "ignore"}
        Leave out, in every table, customers without consent to analysis, where the table
        customers has the column ``consent_analytics``.
    exact_duplicates : {"drop", "keep"}
        In every table, rows that repeat another in every column, generated order ids
        aside: the first is kept. Keep them where a source has no order ids and a customer
        may well buy the same twice a day.
    repeated_order_ids : {"merge", "keep"}
        Several rows of one customer under one order id become one order: amounts are
        summed, the earliest time stands, and other columns come from the first row that
        has a value.
    negative_revenue : {"reject", "keep", "net"}
        Returns and cancellations booked as orders. "net" adds a row of an order to that
        order, and any other return to the customer's latest earlier order whose revenue
        covers it; an order with nothing left, and a return without such an order, are
        rejected.
    zero_revenue : {"keep", "reject"}
        A purchase for nothing is still a purchase (free samples, vouchers).
    test_customers : tuple of str
        Customer ids that are tests: their rows are rejected in every table.
    currency : str
        The store's currency. With it, orders in another currency (column ``currency``)
        are converted by `rates`; without it, several currencies are refused.
    rates : mapping of str to float
        Price of one unit of a currency in the store's currency. Orders in a currency
        without a rate are rejected.
    outliers : {"keep", "flag", "winsorise"}
        Orders with a revenue above its `outlier_quantile`: "flag" adds a column
        ``outlier``, "winsorise" sets their revenue to the quantile as well.
    outlier_quantile : float
        Between 0 and 1.
    partial_periods : {"keep", "week", "month"}
        Reject the orders of a first and last week or month that the data cover only in
        part.
    latest : date or datetime, optional
        Rows of any table after this day are in the future and rejected; today when not
        given.
    similar_ids : {"note", "fold"}
        Customer ids that differ only by letter case or white space. "fold" gives them one
        form in all tables: that of the table customers, else the most common one, else
        the first in the alphabet.
    unknown_customers : {"keep", "reject"}
        Orders, sessions, messages and answers of customers that the table customers does
        not have, where there is such a table.
    negative_lines : {"reject", "keep"}
        Order lines with a negative quantity or unit price: items given back, or discounts
        booked as lines.
    negative_costs : {"reject", "keep"}
        Costs below zero, such as credits.

    Raises
    ------
    ParameterError
        A choice that there is not, with the nearest spelling; a number out of range.

    Notes
    -----
    What follows is no choice:

    - Of the rows of a session, a message, or an answer of one customer to one question at
      one time, the first is kept and the others rejected. Rows of one customer in the table
      customers become one: each column has the value of the last row that has one; the
      earliest ``signed_up_at`` stands, and one refusal of consent is a refusal.
    - Order lines whose order is left out, or not in the table orders, are rejected.
    - A value that cannot be true becomes missing, and is noted, in an optional column: an
      age not from 0 to 120; a birth date before 1900; a birth or sign-up in the future; a
      negative income, acquisition cost, duration, number of page views or of new
      customers, or revenue of a message; and a negative quantity, discount or refund of an
      order where negative revenue is rejected. In a required column its row is rejected:
      an answer to the question ``nps`` that is not a whole number from 0 to 10.
    - Customer ids that differ only in how they are written, and customers that the table
      customers does not have, are noted; so are days without orders among busy ones: see
      :func:`segml.data.quality_report`.

    Examples
    --------
    >>> CleaningPolicy(zero_revenue="reject").zero_revenue
    'reject'
    """

    consent: Literal["apply", "ignore"] = "apply"
    exact_duplicates: Literal["drop", "keep"] = "drop"
    repeated_order_ids: Literal["merge", "keep"] = "merge"
    negative_revenue: Literal["reject", "keep", "net"] = "reject"
    zero_revenue: Literal["keep", "reject"] = "keep"
    test_customers: tuple[str, ...] = ()
    currency: str = ""
    rates: Mapping[str, float] = field(default_factory=dict)
    outliers: Literal["keep", "flag", "winsorise"] = "keep"
    outlier_quantile: float = 0.999
    partial_periods: Literal["keep", "week", "month"] = "keep"
    latest: dt.date | None = None
    similar_ids: Literal["note", "fold"] = "note"
    unknown_customers: Literal["keep", "reject"] = "keep"
    negative_lines: Literal["reject", "keep"] = "reject"
    negative_costs: Literal["reject", "keep"] = "reject"

    def __post_init__(self) -> None:
        one_of(self.consent, ("apply", "ignore"), "consent")
        one_of(self.exact_duplicates, ("drop", "keep"), "exact_duplicates")
        one_of(self.repeated_order_ids, ("merge", "keep"), "repeated_order_ids")
        one_of(self.negative_revenue, ("reject", "keep", "net"), "negative_revenue")
        one_of(self.zero_revenue, ("keep", "reject"), "zero_revenue")
        one_of(self.outliers, ("keep", "flag", "winsorise"), "outliers")
        one_of(self.partial_periods, ("keep", "week", "month"), "partial_periods")
        one_of(self.similar_ids, ("note", "fold"), "similar_ids")
        one_of(self.unknown_customers, ("keep", "reject"), "unknown_customers")
        one_of(self.negative_lines, ("reject", "keep"), "negative_lines")
        one_of(self.negative_costs, ("reject", "keep"), "negative_costs")
        number(self.outlier_quantile, "outlier_quantile", low=0, high=1, open_low=True)
        for currency, rate in self.rates.items():
            number(rate, f"rates[{currency!r}]", low=0, open_low=True)
        if self.rates and not self.currency:
            raise ParameterError(
                "rates need the store's currency", where="currency", got="", expected="such as EUR"
            )
        if isinstance(self.test_customers, str):
            raise ParameterError(
                "test_customers is not a list of ids",
                where="test_customers",
                got=self.test_customers,
                expected="such as ('4711',)",
            )
        if self.latest is not None and not isinstance(self.latest, dt.date):
            raise ParameterError("latest is not a date", where="latest", got=self.latest)

    @property
    def last_day(self) -> dt.date:
        """The last day that is not in the future."""
        latest = self.latest or dt.datetime.now(dt.UTC).date()
        return latest.date() if isinstance(latest, dt.datetime) else latest
