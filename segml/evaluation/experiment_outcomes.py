"""What customers of a test did: orders and revenue in a window, and before it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from segml._core.check import number
from segml._core.errors import DataError, NotEnoughDataError, ParameterError
from segml.clustering._labels import labels_of
from segml.data import CustomerData
from segml.engine import Table
from segml.engine.sql import Fragment
from segml.features.dates import as_day, last_day

from .assignment import Assignment

_ORDERS = """
SELECT customer_id,
    count(DISTINCT CASE WHEN {during} THEN order_id END) AS orders,
    CAST(sum(CASE WHEN {during} THEN fixed(revenue) END) AS DOUBLE) AS revenue,
    CAST(sum(CASE WHEN {before} THEN fixed(revenue) END) AS DOUBLE) AS revenue_before
FROM {orders}
WHERE {during} OR {before}
GROUP BY customer_id
"""
_MESSAGES = """
SELECT customer_id, count(*) AS messages, min(variant) AS first_variant,
    max(variant) AS last_variant, count(variant) AS known_variants,
    max(CASE WHEN converted THEN 1 ELSE 0 END) AS converted,
    CAST(sum(fixed(revenue)) AS DOUBLE) AS campaign_revenue
FROM {messages}
WHERE campaign_id = {campaign_id} AND customer_id IS NOT NULL
GROUP BY customer_id
"""


def campaign_outcomes(
    data: CustomerData,
    assignment: Assignment | None = None,
    *,
    campaign_id: str | None = None,
    segments: Any = None,
    start: Any = None,
    days: int = 28,
    days_before: int | None = None,
) -> pd.DataFrame:
    """Return what each customer of a test did, whatever was sent to whom.

    Parameters
    ----------
    data : CustomerData
        Orders, and with `campaign_id` messages.
    assignment : Assignment, optional
        From `assign`. Without it the groups are the variants of the messages of the campaign,
        which are then taken to have been drawn at random.
    campaign_id : str, optional
        Adds what the messages of a campaign tell.
    segments : Series or segmenter, optional
        Segment ids by customer_id, for groups from messages; those without one do not count.
    start : date or str, optional
        First day of the window; the day of the campaign's first message when not given.
    days : int, default 28
        Length of the window.
    days_before : int, optional
        Length of the time before it whose revenue goes into ``revenue_before``; as long as
        the window when not given.

    Returns
    -------
    DataFrame
        By customer_id: ``segment``, ``group``; ``orders``, ``ordered`` (1 or 0) and
        ``revenue`` in the window; ``revenue_before``. With `campaign_id` as well
        ``messages`` received, ``converted`` (1 or 0) and ``campaign_revenue`` by the messages.
        Who did nothing has 0: every customer counts in the group that was drawn
        (intention to treat), whether the message arrived or not.

    Raises
    ------
    MissingTableError
        There are no messages, or they have no column that this needs.
    DataError
        A customer got messages of two variants, and there is no assignment.
    NotEnoughDataError
        The window is not over by the last order, or nobody got a message of the campaign.
    ParameterError
        There is neither assignment nor campaign, or no first day; a number is out of range.

    Notes
    -----
    Conversions and revenue by the messages count what was attributed to them, and so nothing
    for a control that got none: compare ``ordered`` and ``revenue`` then.

    Examples
    --------
    >>> from segml.data import simulate_store
    >>> data, truth = simulate_store(5000, seed=1)
    >>> segments = truth.customers["segment"].cat.codes
    >>> outcomes = campaign_outcomes(data, campaign_id="campaign-1", segments=segments, days=7)
    >>> outcomes.groupby("group")["ordered"].mean().round(2).to_dict()
    {'A': 0.1, 'B': 0.13}
    """
    window = int(number(days, "days", low=1, whole=True))
    earlier = window if days_before is None else days_before
    earlier = int(number(earlier, "days_before", low=1, whole=True))
    if assignment is None and campaign_id is None:
        raise ParameterError(
            "nothing tells who was in which group",
            where="assignment",
            got=None,
            expected="an assignment, or the campaign_id of messages with variants",
        )
    sent = None if campaign_id is None else _messages(data, campaign_id)
    first = _first_day(data, start, campaign_id)
    _check_over(data, first, window)
    if assignment is not None:
        customers = assignment.table[["segment", "group"]].astype({"group": "str"})
    else:
        customers = _groups(sent, segments)
    done = _orders(data, customers.index, first, window, earlier)
    found = customers.join(done)
    found["orders"] = found["orders"].fillna(0).astype("int64")
    found[["revenue", "revenue_before"]] = found[["revenue", "revenue_before"]].fillna(0.0)
    found.insert(3, "ordered", (found["orders"] > 0).astype("int64"))
    if sent is not None:
        told = sent[["messages", "converted", "campaign_revenue"]].reindex(found.index).fillna(0)
        whole = {"messages": "int64", "converted": "int64", "campaign_revenue": "float64"}
        found = found.join(told.astype(whole))
    return found.sort_index()


def _orders(
    data: CustomerData, customers: pd.Index, first: dt.date, days: int, before: int
) -> pd.DataFrame:
    engine = data.orders.table.engine
    wanted = engine.register(pa.table({"customer_id": pa.array(customers, pa.string())}))
    day, start = "day_index(ordered_at)", f"day_index(DATE '{first.isoformat()}')"
    done = engine.sql(
        _ORDERS,
        orders=data.orders.table,
        during=Fragment(f"({day} >= {start} AND {day} < {start} + {days})"),
        before=Fragment(f"({day} >= {start} - {before} AND {day} < {start})"),
    )
    return (
        engine.sql(
            "SELECT d.* FROM {done} d JOIN {wanted} w ON d.customer_id = w.customer_id",
            done=done,
            wanted=wanted,
        )
        .to_pandas()
        .set_index("customer_id")
    )


def _sent(data: CustomerData, *columns: str) -> Table:
    return data.require("messages", "campaign_id", "sent_at", *columns).table


def _messages(data: CustomerData, campaign_id: str) -> pd.DataFrame:
    table = _sent(data, "variant", "converted", "revenue")
    found = table.engine.sql(_MESSAGES, messages=table, campaign_id=str(campaign_id)).to_pandas()
    if found.empty:
        known = table.engine.sql(
            "SELECT DISTINCT campaign_id FROM {table} ORDER BY campaign_id", table=table
        ).to_pandas()["campaign_id"]
        raise NotEnoughDataError(
            "nobody got a message of this campaign",
            where="campaign_id",
            got=campaign_id,
            expected="one of " + ", ".join(str(one) for one in known[:20]),
        )
    return found.set_index("customer_id")


def _first_day(data: CustomerData, start: Any, campaign_id: str | None) -> dt.date:
    if start is not None:
        return as_day(start, "start")
    if campaign_id is None:
        raise ParameterError(
            "the first day of the test is not known", where="start", got=None, expected="a date"
        )
    first = _sent(data).scalar(
        "SELECT min(sent_at) FROM {self} WHERE campaign_id = {campaign_id}",
        campaign_id=str(campaign_id),
    )
    return as_day(first, "start")


def _check_over(data: CustomerData, first: dt.date, days: int) -> None:
    last, end = last_day(data.orders.table), first + dt.timedelta(days - 1)
    if last < end:
        raise NotEnoughDataError(
            "the window is not over by the last order that is known",
            where="days",
            got=f"{first.isoformat()} to {end.isoformat()}, orders up to {last.isoformat()}",
            hint=f"days={(last - first).days + 1}" if last >= first else "an earlier start",
        )


def _groups(sent: pd.DataFrame | None, segments: Any) -> pd.DataFrame:
    """Return segment and group of those who got messages, by the variant of these."""
    if sent is None:
        raise ParameterError("the groups are not known", where="assignment", got=None)
    if mixed := int(
        (sent["first_variant"] != sent["last_variant"])[sent["known_variants"] > 0].sum()
    ):
        raise DataError(
            "a customer is in two groups",
            where="messages.variant",
            got=f"{mixed:,} of {len(sent):,} customers got messages of two variants",
            hint="give the assignment, which tells who was to get which",
        )
    if unknown := int((sent["known_variants"] < sent["messages"]).sum()):
        raise DataError(
            "the variant of some messages is not known",
            where="messages.variant",
            got=f"{unknown:,} of {len(sent):,} customers",
            hint="give the assignment, which tells who was to get which",
        )
    found = pd.DataFrame({"group": sent["first_variant"].astype("str")})
    if segments is None:
        found.insert(0, "segment", np.zeros(len(found), dtype="int64"))
        return found
    labels, _ = labels_of(segments)
    if labels.index.has_duplicates:
        raise DataError("a customer is there twice", where="segments")
    labels = labels.set_axis(labels.index.astype(str)).dropna()
    found.insert(0, "segment", labels.reindex(found.index))
    found = found[found["segment"].notna()]
    return found.astype({"segment": labels.dtype}).rename_axis("customer_id")
