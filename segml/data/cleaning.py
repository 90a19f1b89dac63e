"""Decide which orders count, by explicit policies, with an account of every row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from segml._core import text
from segml._core.errors import NotEnoughDataError
from segml.engine import Table
from segml.engine.sql import Fragment, literal, quote

from .account import RowAccount
from .bundle import CustomerData, DataTable
from .consent import apply_consent
from .judging import AMOUNTS, judge
from .policy import CleaningPolicy
from .read import read_orders
from .returns import ROWS, net_returns

_SUMMED = (*AMOUNTS, "quantity")
_SHARED = "order id that several customers share, kept apart"
_JOINED = "joins an earlier row of the same order"


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
    """Leave out who did not consent, and apply a cleaning policy to the orders.

    Parameters
    ----------
    data : CustomerData, DataTable of orders, or anything that `read_orders` takes
        What was read.
    policy : CleaningPolicy, optional
        The documented defaults when not given.

    Returns
    -------
    data : CustomerData
        With the clean orders, computed and kept in the engine.
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
    data = replace(data, orders=_clean_orders(data.orders, policy))
    return data, CleaningReport({name: table.account for name, table in data.tables.items()})


def _clean_orders(orders: DataTable, policy: CleaningPolicy) -> DataTable:
    judged = judge(orders, policy).materialise()
    stale = set(_NOTES.values())  # counted again
    noted = {what: rows for what, rows in orders.account.noted.items() if what not in stale}
    account = replace(orders.account, noted=noted).then(_count(orders, judged))
    _check_left(account)
    used = judged.engine.sql(
        "SELECT * EXCLUDE (_reason, _note) FROM {judged} WHERE _reason IS NULL", judged=judged
    )
    rejects = _stack(orders.rejects, judged, orders.columns)
    if policy.repeated_order_ids == "merge":
        used, account = _merge(used, account)
    if policy.negative_revenue == "net":
        used, given_back, account = net_returns(used, account)
        rejects = _stack(rejects, given_back, orders.columns)
        _check_left(account)
    if policy.outliers != "keep":
        used, account = _outliers(used, account, policy)
    return replace(orders, table=used, rejects=rejects, account=account)


def _check_left(account: RowAccount) -> None:
    if account.rows_used == 0:
        reasons = ", ".join(f"{reason}: {rows:,}" for reason, rows in account.rejected.items())
        raise NotEnoughDataError("no order is left after cleaning", where="orders", got=reasons)


def _stack(before: Table, judged: Table, columns: list[str]) -> Table:
    """Put the rows that this step leaves out below those left out before."""
    return judged.engine.sql(
        "SELECT * FROM {before} UNION ALL BY NAME"
        " SELECT _source_row AS source_row, _reason AS reason, {columns}"
        " FROM {judged} WHERE _reason IS NOT NULL",
        columns=Fragment(", ".join(_beside_reason(column) for column in columns)),
        before=_as_text(before),
        judged=_as_text(judged),
    )


def _beside_reason(column: str) -> str:
    """Select a column under the name that it has among the rows that reading left out."""
    taken = column.casefold() in ("source_row", "reason")
    return f"{quote(column)} AS {quote(column + '_1')}" if taken else quote(column)


def _as_text(table: Table) -> Table:
    """Cast all but the row number to text, so that raw and typed rows stack."""
    columns = ", ".join(
        quote(name)
        if name in ("source_row", "_source_row")
        else f"CAST({quote(name)} AS VARCHAR) AS {quote(name)}"
        for name in table.columns
    )
    return table.engine.sql("SELECT {columns} FROM {table}", columns=Fragment(columns), table=table)


_NOTES = {
    "_note": "repeats another row exactly",
    "revenue < 0": "revenue is negative",
    "revenue = 0": "revenue is zero",
}


def _count(orders: DataTable, judged: Table) -> RowAccount:
    rows = f"sum({ROWS})" if ROWS in judged.columns else "count(*)"
    notes = [f"coalesce({rows} FILTER (WHERE {condition}), 0)" for condition in _NOTES]
    counted = judged.engine.sql(
        "SELECT _reason AS reason, {counts} FROM {judged} GROUP BY _reason ORDER BY _reason",
        counts=Fragment(", ".join(f"CAST({count} AS BIGINT)" for count in [rows, *notes])),
        judged=judged,
    ).to_arrow()
    by_reason = {row[0]: row[1:] for row in zip(*counted.to_pydict().values(), strict=True)}
    used, *noted = by_reason.pop(None, (0,) * (1 + len(_NOTES)))
    return RowAccount(
        orders.name,
        used + sum(row[0] for row in by_reason.values()),
        used,
        {reason: row[0] for reason, row in by_reason.items()},
        {what: n for what, n in zip(_NOTES.values(), noted, strict=True) if n},
    )


def _merge(used: Table, account: RowAccount) -> tuple[Table, RowAccount]:
    rows, orders, shared = used.row(
        "WITH pairs AS (SELECT order_id, customer_id, count(*) AS rows FROM {self} GROUP BY ALL)"
        " SELECT coalesce(sum(rows), 0), count(*), count(*) - count(DISTINCT order_id) FROM pairs"
    )
    noted = {what: n for what, n in account.noted.items() if what not in (_SHARED, _JOINED)}
    noted |= {_SHARED: int(shared)} if shared else {}
    # Counted in rows of the source: an earlier cleaning may have joined some already.
    noted |= {_JOINED: account.rows_used - orders} if account.rows_used > orders else {}
    if rows == orders:
        return used, replace(account, noted=noted)
    merged = []
    for column in used.columns:
        name = quote(column)
        if column in ("order_id", "customer_id"):
            merged.append(name)
        elif column in _SUMMED:
            merged.append(f"CAST(sum(fixed({name})) AS DOUBLE) AS {name}")
        elif column == ROWS:
            merged.append(f"CAST(sum({name}) AS BIGINT) AS {name}")
        elif column in ("ordered_at", "_source_row"):
            merged.append(f"min({name}) AS {name}")
        else:
            merged.append(f"arg_min({name}, _source_row) AS {name}")
    if ROWS not in used.columns:
        merged.append(f"count(*) AS {ROWS}")
    table = used.engine.sql(
        "SELECT {merged} FROM {used} GROUP BY order_id, customer_id ORDER BY _source_row",
        merged=Fragment(", ".join(merged)),
        used=used,
    ).materialise()
    return table, replace(account, noted=noted)


def _outliers(used: Table, account: RowAccount, policy: CleaningPolicy) -> tuple[Table, RowAccount]:
    limit = used.scalar(
        "SELECT quantile_cont(revenue, {q}) FROM {self} WHERE revenue > 0",
        q=policy.outlier_quantile,
    )
    if limit is None:
        return used, account
    table = used.engine.sql(
        "SELECT * REPLACE ({revenue} AS revenue), revenue > {limit} AS outlier FROM {used}",
        revenue=Fragment(
            f"least(revenue, {literal(limit)})" if policy.outliers == "winsorise" else "revenue"
        ),
        limit=limit,
        used=used,
    ).materialise()
    found = table.scalar("SELECT count(*) FROM {self} WHERE outlier")
    done = "set to it" if policy.outliers == "winsorise" else "flagged"
    what = f"revenue above its {text.share(policy.outlier_quantile)} quantile, {done}"
    return table, replace(account, noted={**account.noted, what: found} if found else account.noted)
