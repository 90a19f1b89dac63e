"""What the data are like, and what they are enough for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from segml._core import html, text
from segml._core.errors import ParameterError
from segml.engine.sql import Fragment, quote

from .bundle import CustomerData, DataTable
from .sufficiency import EnoughData, judge_analyses
from .suspicious import suspicious_days
from .tables import TABLES

_KEYS = {
    "orders": "order_id",
    "customers": "customer_id",
    "sessions": "session_id",
    "messages": "message_id",
}


@dataclass(frozen=True)
class QualityReport:
    """What the data are like.

    Parameters
    ----------
    tables : DataFrame
        By table: ``rows``, ``first`` and ``last`` time, ``repeated_keys`` (rows whose key
        another row has), ``orphans`` (rows whose customer or order is in no other table).
    missing : DataFrame
        By table and column: ``missing`` values and their ``share``.
    days : DataFrame
        Suspicious days of the orders: ``day``, ``kind`` ("hole" or "spike"), ``orders``,
        ``typical``.
    analyses : DataFrame
        By analysis: ``verdict`` ("enough" or "too little") and ``reason``.
    as_of : date
        The day that "recent" counts back from.
    """

    tables: pd.DataFrame
    missing: pd.DataFrame
    days: pd.DataFrame
    analyses: pd.DataFrame
    as_of: dt.date

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        frames = ("tables", "missing", "days", "analyses")
        found = {name: getattr(self, name).reset_index().to_dict("records") for name in frames}
        plain = {name: [_plain(row) for row in rows] for name, rows in found.items()}
        return {"as_of": self.as_of.isoformat(), **plain}

    def _repr_html_(self) -> str:
        tables = [
            [
                str(name),
                text.count(row["rows"]),
                _day(row["first"]),
                _day(row["last"]),
                text.count(row["repeated_keys"]),
                text.count(row["orphans"]),
            ]
            for name, row in self.tables.to_dict("index").items()
        ]
        head = ["table", "rows", "first", "last", "repeated keys", "without partner"]
        verdicts: list[list[str | html.Cell]] = [
            [str(name), html.Cell(row["verdict"], row["reason"])]
            for name, row in self.analyses.to_dict("index").items()
        ]
        holes = self.missing[self.missing["missing"] > 0].reset_index()
        lacking = [
            [
                f"{row['table']}.{row['column']}",
                text.count(row["missing"]),
                text.share(row["share"]),
            ]
            for row in holes.to_dict("records")
        ]
        days = [
            [_day(row["day"]), row["kind"], text.count(row["orders"]), text.plain(row["typical"])]
            for row in self.days.to_dict("records")
        ]
        parts = [
            html.table(["analysis", "data"], verdicts, caption=f"As of {self.as_of.isoformat()}"),
            html.table(head, tables, caption="The tables", numeric=[1, 4, 5]),
        ]
        if lacking:
            caption = "Columns with missing values"
            parts.append(
                html.table(["column", "missing", "share"], lacking, caption=caption, numeric=[1, 2])
            )
        if days:
            head = ["day", "kind", "orders", "typical"]
            parts.append(html.table(head, days, caption="Suspicious days", numeric=[2, 3]))
        return html.block(*parts)


def quality_report(
    data: CustomerData, as_of: dt.date | None = None, enough: EnoughData | None = None
) -> QualityReport:
    """Say what the data are like and what they are enough for.

    Parameters
    ----------
    data : CustomerData
        What was read, cleaned or not.
    as_of : date, optional
        The day that "recent" counts back from; today when not given.
    enough : EnoughData, optional
        How much each analysis needs.

    Returns
    -------
    QualityReport
        Per table: rows, span, missing values, repeated keys, rows without partner;
        suspicious days; and a verdict per analysis: RFM, clustering, BG/NBD,
        Gamma-Gamma, campaign tests.

    Raises
    ------
    ParameterError
        `as_of` is not a date.

    Notes
    -----
    Days are compared with the median m of the same weekday in the nine weeks around them,
    so that a shop that is closed on Saturdays has no holes. A hole is a day without
    orders where m is at least ln(100 n), n the number of days (11 for two years): below,
    days without orders come by chance. A spike has more than m + 8 s orders, where s is the
    largest of 1.4826 times the median absolute deviation, sqrt(m) and 1.

    Examples
    --------
    >>> import datetime as dt
    >>> from segml.data import load_cdnow_sample
    >>> report = quality_report(load_cdnow_sample(), dt.date(1998, 6, 30))
    >>> report.analyses["verdict"].to_dict()["BG/NBD"]
    'enough'
    """
    if as_of is not None and not isinstance(as_of, dt.date):
        raise ParameterError("as_of is not a date", where="as_of", got=as_of)
    day = as_of or dt.datetime.now(dt.UTC).date()
    described = [_describe(data, table) for table in data.tables.values()]
    tables = pd.DataFrame([row for row, _ in described]).set_index("table")
    missing = pd.DataFrame([row for _, rows in described for row in rows])
    return QualityReport(
        tables,
        missing.set_index(["table", "column"]),
        suspicious_days(data.orders),
        judge_analyses(data, day, enough or EnoughData()),
        day,
    )


def _describe(data: CustomerData, table: DataTable) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Count everything about one table in one scan."""
    schema = TABLES[table.name]
    time = next((c.name for c in schema.columns if c.required and c.type == "timestamp"), None)
    key = _KEYS.get(table.name)
    columns = table.columns
    parts = [
        "count(*)",
        f"min({quote(time)})" if time else "NULL",
        f"max({quote(time)})" if time else "NULL",
        f"count(*) - count(DISTINCT {quote(key)})" if key else "0",
        *[f"count(*) - count({quote(column)})" for column in columns],
    ]
    rows, first, last, repeated, *missing = table.table.row(
        "SELECT {parts} FROM {self}", parts=Fragment(", ".join(parts))
    )
    row = {
        "table": table.name,
        "rows": rows,
        "first": first,
        "last": last,
        "repeated_keys": repeated,
        "orphans": _orphans(data, table),
    }
    share = [
        {
            "table": table.name,
            "column": column,
            "missing": n,
            "share": n / rows if rows else float("nan"),
        }
        for column, n in zip(columns, missing, strict=True)
    ]
    return row, share


def _orphans(data: CustomerData, table: DataTable) -> int:
    """Count rows whose order is not in orders, or whose customer is in no table of customers."""
    if table.name == "order_lines":
        partner, key = data.orders, "order_id"
    elif table.name == "orders":
        if data.customers is None:
            return 0
        partner, key = data.customers, "customer_id"
    elif "customer_id" in table.columns and table.name != "customers":
        partner, key = data.customers or data.orders, "customer_id"
    else:
        return 0
    return int(
        table.table.scalar(
            "SELECT count(*) FROM {self} t WHERE t.{key} IS NOT NULL AND NOT EXISTS"
            " (SELECT 1 FROM {partner} p WHERE p.{key} = t.{key})",
            key=Fragment(quote(key)),
            partner=partner.table,
        )
    )


def _day(value: Any) -> str:
    return text.MISSING if value is None or pd.isna(value) else f"{value:%Y-%m-%d}"


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    def one(value: Any) -> Any:
        if isinstance(value, (dt.date, dt.datetime)):
            return None if pd.isna(value) else value.isoformat()
        if value is None or (isinstance(value, float) and np.isnan(value)):
            return None
        return value.item() if isinstance(value, np.generic) else value

    return {str(key): one(value) for key, value in row.items()}
