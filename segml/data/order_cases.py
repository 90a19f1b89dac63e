"""Reasons for which only orders are left out: currencies, periods cut off, revenue."""

from __future__ import annotations

import datetime as dt

from segml._core.errors import DataError
from segml.engine import Table
from segml.engine.sql import literal

from .bundle import DataTable
from .merging import AMOUNTS
from .policy import CleaningPolicy

_PERIODS = {"week": "week_index", "month": "month_index"}


def order_cases(orders: DataTable, policy: CleaningPolicy) -> dict[str, str]:
    """Return reason to SQL of the orders that it is true of, in order of precedence.

    Raises
    ------
    DataError
        Several currencies and no policy for them.
    """
    cases = {}
    if policy.partial_periods != "keep":
        cases[f"partial {policy.partial_periods}"] = _partial(orders.table, policy)
    if (rate := exchange_rate(orders, policy)) is not None:
        cases["no exchange rate for its currency"] = f"{rate} IS NULL"
    if policy.negative_revenue == "reject":
        cases["negative revenue"] = "revenue < 0"
    if policy.zero_revenue == "reject":
        cases["zero revenue"] = "revenue = 0"
    return cases


def converted(orders: DataTable, policy: CleaningPolicy) -> dict[str, str]:
    """Return amount to the SQL of its factor to the store's currency."""
    rate = exchange_rate(orders, policy)
    if rate is None:
        return {}
    return {name: f"coalesce({rate}, 1)" for name in AMOUNTS if name in orders.columns}


def _partial(orders: Table, policy: CleaningPolicy) -> str:
    """Compare with the first and last day before the future: those periods may be cut off."""
    index = _PERIODS[policy.partial_periods]
    first, last = orders.row(
        "SELECT min(CAST(ordered_at AS DATE)), max(CAST(ordered_at AS DATE)) FROM {self}"
        " WHERE ordered_at < CAST({latest} AS DATE) + INTERVAL 1 DAY",
        latest=policy.last_day,
    )
    if first is None:
        return "FALSE"
    period = f"{index}(ordered_at)"
    before = f"{index}(DATE {literal(str(first - dt.timedelta(days=1)))})"
    after = f"{index}(DATE {literal(str(last + dt.timedelta(days=1)))})"
    return f"{period} = {before} OR {period} = {after}"


def exchange_rate(orders: DataTable, policy: CleaningPolicy) -> str | None:
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
