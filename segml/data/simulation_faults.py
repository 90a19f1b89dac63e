"""The kinds of faults that real data have, and how each is written into a column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from .cleaning import HOLES
from .judging import NO_ORDER
from .merging import JOINED, SHARED
from .similar_ids import CASE, SPACES, UNKNOWN

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


def _spaced(values: pd.Series) -> pd.Series:
    """Put white space around and into an id: reading takes off only the outer."""
    texts = values.astype(str)
    return " " + texts.str[:1] + " " + texts.str[1:] + "\t"


def _other_case(values: pd.Series) -> pd.Series:
    return values.astype(str).str.swapcase()


def _minus(values: pd.Series) -> pd.Series:
    return "-" + values.abs().astype(str)


def _with_sign(values: pd.Series) -> pd.Series:
    return "$" + values.astype(str)


def _pieces(values: pd.Series) -> pd.Series:
    return values.astype(str) + " pcs"


def _later(values: pd.Series) -> pd.Series:
    return (pd.to_datetime(values) + pd.Timedelta(1, "min")).astype(str)


def _far_off(values: pd.Series) -> pd.Series:
    # Each on a day of its own, lest broken rows be copies of one another.
    return (pd.to_datetime(values) + pd.Timedelta(100_000, "D")).astype(str)


def _another_answer(values: pd.Series) -> pd.Series:
    return values.astype(str).map(lambda answer: "4" if answer == "5" else "5")


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
        each such row.
    action : {"change", "append", "remove", "share"}
        "change" breaks a row, "append" adds a broken copy of one, "share" a copy that
        belongs to another customer, "remove" takes all rows of a day away.
    among : {"all", "nps", "known"}
        Which rows can have it: "nps" those with an answer to the question ``nps``,
        "known" those whose customer other rows tell how to write.
    """

    name: str
    table: str
    column: str
    change: Change | None = None
    found_as: str = ""
    action: Literal["change", "append", "remove", "share"] = "change"
    among: Literal["all", "nps", "known"] = "all"


def _unread(column: str) -> str:
    return _missing(f"{column} cannot be read")


def _missing(what: str) -> str:
    return f"{what}, taken as missing"


FAULTS: tuple[Fault, ...] = (
    Fault("hole in days", "orders", "ordered_at", None, HOLES, "remove"),
    Fault("exact duplicate", "orders", "order_id", None, "exact duplicate", "append"),
    Fault("repeated order id", "orders", "revenue", _more, JOINED["orders"], "append"),
    Fault("order id of another customer", "orders", "customer_id", None, SHARED, "share"),
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
    Fault("future date", "orders", "ordered_at", _far_off, "future date"),
    Fault("missing revenue", "orders", "revenue", _gone, "no revenue"),
    Fault("revenue with a sign", "orders", "revenue", _with_sign, "revenue cannot be read"),
    Fault("zero revenue", "orders", "revenue", _say("0"), "revenue is zero"),
    Fault("negative revenue", "orders", "revenue", _minus, "negative revenue"),
    Fault("negative quantity", "orders", "quantity", _say("-1"), _missing("negative quantity")),
    Fault("white space in an id", "orders", "customer_id", _spaced, SPACES, among="known"),
    Fault("other case of an id", "orders", "customer_id", _other_case, CASE, among="known"),
    Fault("unknown customer", "orders", "customer_id", _say("nobody-1", "nobody-2"), UNKNOWN),
    Fault("unknown order", "order_lines", "order_id", _say("no-such-order"), NO_ORDER),
    Fault("missing product", "order_lines", "product_id", _gone, "no product_id"),
    Fault("quantity with a unit", "order_lines", "quantity", _pieces, "quantity cannot be read"),
    Fault("negative price", "order_lines", "unit_price", _say("-1"), "negative unit_price"),
    Fault("repeated line", "order_lines", "product_id", None, "exact duplicate", "append"),
    Fault("repeated customer", "customers", "customer_id", None, "exact duplicate", "append"),
    Fault("customer who moved", "customers", "city", _say("Ys"), JOINED["customers"], "append"),
    Fault(
        "unreadable birth date",
        "customers",
        "birth_date",
        _say("n/a", "31.02.1980"),
        _unread("birth_date"),
    ),
    Fault(
        "impossible birth date",
        "customers",
        "birth_date",
        _say("1800-01-01", "2299-01-01"),
        _missing("birth_date before 1900 or in the future"),
    ),
    Fault(
        "impossible age", "customers", "age", _say("-1", "999"), _missing("age not from 0 to 120")
    ),
    Fault("negative income", "customers", "income", _say("-1"), _missing("negative income")),
    Fault(
        "unreadable consent",
        "customers",
        "consent_marketing",
        _say("maybe"),
        _unread("consent_marketing"),
    ),
    Fault("missing start", "sessions", "started_at", _gone, "no started_at"),
    Fault("future visit", "sessions", "started_at", _far_off, "future date"),
    Fault("repeated session", "sessions", "started_at", _later, "repeated session_id", "append"),
    Fault("duration with a unit", "sessions", "duration_s", _say("3 min"), _unread("duration_s")),
    Fault(
        "negative duration", "sessions", "duration_s", _say("-5"), _missing("negative duration_s")
    ),
    Fault("unknown visitor", "sessions", "customer_id", _say("nobody-3"), UNKNOWN),
    Fault("missing campaign", "messages", "campaign_id", _gone, "no campaign_id"),
    Fault("future message", "messages", "sent_at", _far_off, "future date"),
    Fault("repeated message", "messages", "sent_at", _later, "repeated message_id", "append"),
    Fault("unreadable flag", "messages", "opened", _say("perhaps"), _unread("opened")),
    Fault("unknown recipient", "messages", "customer_id", _say("nobody-4"), UNKNOWN),
    Fault("cost with a sign", "costs", "cost", _with_sign, "cost cannot be read"),
    Fault("negative cost", "costs", "cost", _say("-1"), "negative cost"),
    Fault("repeated cost", "costs", "cost", None, "exact duplicate", "append"),
    Fault("missing day", "costs", "date", _gone, "no date"),
    Fault("future cost", "costs", "date", _far_off, "future date"),
    Fault("missing answer", "surveys", "answer", _gone, "no answer"),
    Fault("future answer", "surveys", "answered_at", _far_off, "future date"),
    Fault("repeated answer", "surveys", "answer", _another_answer, "repeated answer", "append"),
    Fault("unknown respondent", "surveys", "customer_id", _say("nobody-5"), UNKNOWN),
    Fault(
        "answer off the scale",
        "surveys",
        "answer",
        _say("11", "-3", "7.5"),
        "nps answer not a whole number from 0 to 10",
        among="nps",
    ),
)
"""All kinds of faults that :func:`segml.data.inject_faults` plants."""
