"""The reason for which a row of the orders does not count, as SQL."""

from __future__ import annotations

import datetime as dt

from segml._core.errors import DataError
from segml.engine import Table
from segml.engine.sql import Fragment, literal, quote

from .bundle import DataTable
from .policy import CleaningPolicy

AMOUNTS = ("revenue", "discount", "refund", "margin")
_PERIODS = {"week": "week_index", "month": "month_index"}


def judge(orders: DataTable, policy: CleaningPolicy) -> Table:
    """Add to each row the reason to reject it, or NULL, and whether it repeats another.

    Raises
    ------
    DataError
        Several currencies and no policy for them.
    """
    same = [quote(column) for column in orders.columns if column not in orders.generated]
    rules = []
    if policy.exact_duplicates == "drop":
        rules.append("WHEN _copy > 1 THEN 'exact duplicate'")
    if policy.test_customers:
        ids = literal(tuple(str(customer) for customer in policy.test_customers))
        rules.append(f"WHEN customer_id IN {ids} THEN 'test order'")
    rules.append(
        f"WHEN ordered_at >= CAST({literal(_latest(policy))} AS DATE) + INTERVAL 1 DAY"
        " THEN 'future date'"
    )
    if policy.partial_periods != "keep":
        rules.append(_partial(orders.table, policy))
    if (rate := _rate(orders, policy)) is not None:
        rules.append(f"WHEN {rate} IS NULL THEN 'no exchange rate for its currency'")
    if policy.negative_revenue == "reject":
        rules.append("WHEN revenue < 0 THEN 'negative revenue'")
    if policy.zero_revenue == "reject":
        rules.append("WHEN revenue = 0 THEN 'zero revenue'")
    return orders.table.engine.sql(
        "WITH numbered AS (SELECT *, row_number() OVER (PARTITION BY {same} ORDER BY _source_row)"
        " AS _copy FROM {orders})"
        " SELECT * EXCLUDE (_copy) {converted}, CASE {rules} END AS _reason, _copy > 1 AS _note"
        " FROM numbered ORDER BY _source_row",
        same=Fragment(", ".join(same)),
        orders=orders.table,
        converted=Fragment(_converted(orders, policy, rate)),
        rules=Fragment(" ".join(rules)),
    )


def _latest(policy: CleaningPolicy) -> dt.date:
    return policy.latest or dt.datetime.now(dt.UTC).date()


def _partial(orders: Table, policy: CleaningPolicy) -> str:
    """Compare with the first and last day before the future: those periods may be cut off."""
    index = _PERIODS[policy.partial_periods]
    first, last = orders.row(
        "SELECT min(CAST(ordered_at AS DATE)), max(CAST(ordered_at AS DATE)) FROM {self}"
        " WHERE ordered_at < CAST({latest} AS DATE) + INTERVAL 1 DAY",
        latest=_latest(policy),
    )
    if first is None:
        return "WHEN FALSE THEN ''"
    period = f"{index}(ordered_at)"
    before = f"{index}(DATE {literal(str(first - dt.timedelta(days=1)))})"
    after = f"{index}(DATE {literal(str(last + dt.timedelta(days=1)))})"
    return f"WHEN {period} = {before} OR {period} = {after} THEN 'partial {policy.partial_periods}'"


def _rate(orders: DataTable, policy: CleaningPolicy) -> str | None:
    """Return the SQL of each row's exchange rate; None where there is nothing to convert."""
    if "currency" not in orders.columns:
        return None
    if not policy.currency:
        found = orders.table.engine.sql(
            "SELECT DISTINCT upper(trim(currency)) AS currency FROM {orders}"
            " WHERE currency IS NOT NULL ORDER BY 1",
            orders=orders.table,
        ).to_arrow()["currency"]
        if len(found) > 1:
            raise DataError(
                "the orders are in several currencies",
                where="orders, column currency",
                got=", ".join(found.to_pylist()),
                hint="CleaningPolicy(currency='EUR', rates={'USD': 0.92})",
            )
        return None
    rates = {name.strip().upper(): rate for name, rate in policy.rates.items()}
    rates[policy.currency.strip().upper()] = 1.0
    cases = " ".join(f"WHEN {literal(name)} THEN {literal(float(r))}" for name, r in rates.items())
    # A row that names no currency is in the store's.
    return f"CASE coalesce(upper(trim(currency)), {literal(policy.currency.upper())}) {cases} END"


def _converted(orders: DataTable, policy: CleaningPolicy, rate: str | None) -> str:
    if rate is None:
        return ""
    amounts = [name for name in AMOUNTS if name in orders.columns]
    parts = [f"{quote(name)} * coalesce({rate}, 1) AS {quote(name)}" for name in amounts]
    return f"REPLACE ({', '.join(parts)})"
