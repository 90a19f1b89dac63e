"""The kinds of faults that real data have, and how each is written into a column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

Change = Callable[[pd.Series], pd.Series]
"""Takes sound values and returns the faulty ones, None for missing."""


def _say(*texts: str) -> Change:
    """Write the texts in turn."""
    return lambda values: pd.Series(
        [texts[i % len(texts)] for i in range(len(values))], values.index, dtype=object
    )


def _gone(values: pd.Series) -> pd.Series:
    return pd.Series([None] * len(values), values.index, dtype=object)


def _two_ways(values: pd.Series) -> pd.Series:
    """Write day and month as two numbers up to 12."""
    days = pd.to_datetime(values)
    texts = zip((days.dt.day - 1) % 12 + 1, days.dt.month, days.dt.year, strict=True)
    return pd.Series([f"{d:02d}/{m:02d}/{y:04d}" for d, m, y in texts], values.index, dtype=object)


def _padded(values: pd.Series) -> pd.Series:
    return " " + values.astype(str) + "\t"


def _other_case(values: pd.Series) -> pd.Series:
    return values.astype(str).str.swapcase()


def _minus(values: pd.Series) -> pd.Series:
    return "-" + values.abs().astype(str)


def _with_sign(values: pd.Series) -> pd.Series:
    return "$" + values.astype(str)


def _pieces(values: pd.Series) -> pd.Series:
    return values.astype(str) + " pcs"


def _more(values: pd.Series) -> pd.Series:
    return (values + 1).astype(str)


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Parameters
    ----------
    name : str
        What is wrong.
    table, column : str
        Where.
    change : callable, optional
        How the value is broken; None leaves it as it is.
    found_as : str
        The reason or note under which reading or cleaning by the default policy counts
        each such row; empty where they do not count it.
    action : {"change", "append", "remove", "share"}
        "change" breaks a row, "append" adds a broken copy of one, "share" a copy that
        belongs to another customer, "remove" takes all rows of a day away.
    """

    name: str
    table: str
    column: str
    change: Change | None = None
    found_as: str = ""
    action: str = "change"


def _unread(column: str) -> str:
    return f"{column} cannot be read, taken as missing"


FAULTS: tuple[Fault, ...] = (
    Fault("hole in days", "orders", "ordered_at", action="remove"),
    Fault("exact duplicate", "orders", "order_id", None, "exact duplicate", "append"),
    Fault(
        "repeated order id",
        "orders",
        "revenue",
        _more,
        "joins an earlier row of the same order",
        "append",
    ),
    Fault(
        "order id of another customer",
        "orders",
        "customer_id",
        None,
        "order id that several customers share, kept apart",
        "share",
    ),
    Fault("missing customer id", "orders", "customer_id", _gone, "no customer_id"),
    Fault("missing order id", "orders", "order_id", _gone, "no order_id"),
    Fault("missing date", "orders", "ordered_at", _gone, "no ordered_at"),
    Fault(
        "unreadable date",
        "orders",
        "ordered_at",
        _say("soon", "2025-02-30 10:00:00", "0000-00-00", "45123"),
        "ordered_at cannot be read",
    ),
    Fault("ambiguous date", "orders", "ordered_at", _two_ways, "ordered_at cannot be read"),
    Fault("future date", "orders", "ordered_at", _say("2299-12-31 23:00:00"), "future date"),
    Fault("missing revenue", "orders", "revenue", _gone, "no revenue"),
    Fault("revenue with a sign", "orders", "revenue", _with_sign, "revenue cannot be read"),
    Fault("zero revenue", "orders", "revenue", _say("0"), "revenue is zero"),
    Fault("negative revenue", "orders", "revenue", _minus, "negative revenue"),
    Fault("white space around an id", "orders", "customer_id", _padded),
    Fault("other case of an id", "orders", "customer_id", _other_case),
    Fault("unknown customer", "orders", "customer_id", _say("nobody-1", "nobody-2")),
    Fault("unknown order", "order_lines", "order_id", _say("no-such-order")),
    Fault("missing product", "order_lines", "product_id", _gone, "no product_id"),
    Fault("quantity with a unit", "order_lines", "quantity", _pieces, "quantity cannot be read"),
    Fault("repeated customer", "customers", "customer_id", None, "", "append"),
    Fault(
        "unreadable birth date",
        "customers",
        "birth_date",
        _say("n/a", "31.02.1980"),
        _unread("birth_date"),
    ),
    Fault("impossible age", "customers", "age", _say("-1", "999")),
    Fault(
        "unreadable consent",
        "customers",
        "consent_marketing",
        _say("maybe"),
        _unread("consent_marketing"),
    ),
    Fault("missing start", "sessions", "started_at", _gone, "no started_at"),
    Fault("duration with a unit", "sessions", "duration_s", _say("3 min"), _unread("duration_s")),
    Fault("unknown visitor", "sessions", "customer_id", _say("nobody-3")),
    Fault("missing campaign", "messages", "campaign_id", _gone, "no campaign_id"),
    Fault("unreadable flag", "messages", "opened", _say("perhaps"), _unread("opened")),
    Fault("unknown recipient", "messages", "customer_id", _say("nobody-4")),
    Fault("cost with a sign", "costs", "cost", _with_sign, "cost cannot be read"),
    Fault("missing day", "costs", "date", _gone, "no date"),
    Fault("missing answer", "surveys", "answer", _gone, "no answer"),
    Fault("answer off the scale", "surveys", "answer", _say("11", "-3")),
)
"""All kinds of faults that :func:`segml.data.inject_faults` plants."""
