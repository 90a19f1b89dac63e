"""Decide which rows count, by explicit policies, with an account of every row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from segml._core import text
from segml._core.errors import NotEnoughDataError
from segml.engine import Table
from segml.engine.sql import Fragment, literal, quote

from .account import DAYS, RowAccount
from .bundle import CustomerData, DataTable
from .cleaning_tables import clean_table, orders_of_lines
from .consent import apply_consent
from .judging import REVENUE, Judged, judge, used_rows
from .merging import merge_orders
from .policy import CleaningPolicy
from .read import read_orders
from .repeated import repeated_keys
from .returns import ROWS, net_returns
from .similar_ids import doubtful_ids, note_ids
from .suspicious import suspicious_days
from .tally import left_out, tally

HOLES = f"{DAYS} without an order among busy days"


@dataclass(frozen=True)
class CleaningReport:
    """What reading and cleaning did to each table.

    Parameters
    ----------
    accounts : dict of str to RowAccount
        From the source's rows to the rows used.
    """

    accounts: dict[str, RowAccount]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {name: account.to_dict() for name, account in self.accounts.items()}

    def _repr_html_(self) -> str:
        return "".join(account._repr_html_() for account in self.accounts.values())


def clean(
    data: CustomerData | DataTable | Any, policy: CleaningPolicy | None = None
) -> tuple[CustomerData, CleaningReport]:
    """Leave out who did not consent, and apply a cleaning policy to every table.

    Parameters
    ----------
    data : CustomerData, DataTable of orders, or anything that `read_orders` takes
        What was read.
    policy : CleaningPolicy, optional
        The documented defaults when not given.

    Returns
    -------
    data : CustomerData
        The clean tables, computed and kept in the engine. A table beside the orders that
        has no row left stays, empty, with a warning.
    report : CleaningReport
        For every table: rows in = rows used + rows rejected by reason.

    Raises
    ------
    NotEnoughDataError
        No order is left.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({
    ...     "customer_id": ["a", "a", "b"], "order_id": [1, 1, 2],
    ...     "ordered_at": ["2026-01-31"] * 3, "revenue": [10.0, 10.0, -4.0]})
    >>> data, report = clean(frame)
    >>> report.accounts["orders"].rejected
    {'exact duplicate': 1, 'negative revenue': 1}
    """
    policy = policy or CleaningPolicy()
    if not isinstance(data, CustomerData):
        data = CustomerData(data if isinstance(data, DataTable) else read_orders(data))
    if policy.consent == "apply":
        data, _ = apply_consent(data, "analysis")
    act = policy.similar_ids == "fold" or policy.unknown_customers == "reject"
    ids = doubtful_ids(data) if act else None
    clean_orders = _clean_orders(data.orders, policy, ids)
    tables = {"orders": clean_orders}
    for name, table in data.tables.items():
        if name != "orders":
            lines = name == "order_lines"
            lines_of = orders_of_lines(data.orders, clean_orders) if lines else None
            tables[name] = clean_table(table, policy, ids, lines_of)
    data = note_ids(replace(data, **tables))
    return data, CleaningReport({name: table.account for name, table in data.tables.items()})


def _clean_orders(orders: DataTable, policy: CleaningPolicy, ids: Table | None) -> DataTable:
    judged = judge(orders, policy, ids)
    account = tally(orders, judged.rows, judged.found, judged.changed, {*judged.stale, HOLES})
    _check_left(account)
    used = used_rows(judged.rows, orders.table.columns)
    rejects = left_out(orders.rejects, judged.rows, orders.columns)
    if policy.repeated_order_ids == "merge":
        used, account = merge_orders(used, account, _order_ids(orders, judged))
        account = _count_again(used, account)
    if policy.negative_revenue == "net":
        used, given_back, account = net_returns(used, account)
        rejects = left_out(rejects, given_back, orders.columns)
        _check_left(account)
    if policy.outliers != "keep":
        used, account = _outliers(used, account, policy)
    clean_orders = replace(orders, table=used, rejects=rejects, account=account)
    days = suspicious_days(clean_orders)
    if holes := int((days["kind"] == "hole").sum()):
        account = replace(account, noted={**account.noted, HOLES: holes})
    return replace(clean_orders, account=account)


def _order_ids(orders: DataTable, judged: Judged) -> Table:
    generated = "order_id" in orders.generated  # judged by another key
    return repeated_keys(judged.rows, ("order_id",)) if generated else judged.keys


def _count_again(used: Table, account: RowAccount) -> RowAccount:
    """Count what is noted of revenue in merged orders, as a second cleaning would."""
    if ROWS not in used.columns:
        return account
    counts = ", ".join(
        f"coalesce(sum(_rows) FILTER (WHERE {condition}), 0)" for condition in REVENUE.values()
    )
    found = used.row("SELECT {counts} FROM {self}", counts=Fragment(counts))
    noted = {what: n for what, n in account.noted.items() if what not in REVENUE}
    noted |= {what: int(n) for what, n in zip(REVENUE, found, strict=True) if n}
    return replace(account, noted=noted)


def _check_left(account: RowAccount) -> None:
    if account.rows_used == 0:
        reasons = ", ".join(f"{reason}: {rows:,}" for reason, rows in account.rejected.items())
        raise NotEnoughDataError("no order is left after cleaning", where="orders", got=reasons)


def _outliers(used: Table, account: RowAccount, policy: CleaningPolicy) -> tuple[Table, RowAccount]:
    limit = used.scalar(
        "SELECT percentile_cont({q}) WITHIN GROUP (ORDER BY revenue) FROM {self} WHERE revenue > 0",
        q=policy.outlier_quantile,
    )
    if limit is None:
        return used, account
    table = used.engine.sql(
        "SELECT {columns}, revenue > {limit} AS outlier FROM {used}",
        columns=Fragment(
            ", ".join(
                f"least(revenue, {literal(limit)}) AS revenue"
                if name == "revenue" and policy.outliers == "winsorise"
                else quote(name)
                for name in used.columns
                if name != "outlier"
            )
        ),
        limit=limit,
        used=used,
    ).materialise()
    found = table.scalar("SELECT count(*) FROM {self} WHERE outlier")
    done = "set to it" if policy.outliers == "winsorise" else "flagged"
    what = f"revenue above its {text.share(policy.outlier_quantile)} quantile, {done}"
    return table, replace(account, noted={**account.noted, what: found} if found else account.noted)
