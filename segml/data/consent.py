"""Consent as a filter: only customers who agreed are analysed, or exported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from segml._core import html, text
from segml._core.check import one_of
from segml._core.errors import NotEnoughDataError, ParameterError
from segml.engine import Engine, Table
from segml.engine.sql import Fragment, literal, quote

from .account import RowAccount
from .bundle import CustomerData, DataTable

CONSENT_COLUMNS = {"analysis": "consent_analytics", "export": "consent_marketing"}
REFUSED, UNKNOWN = "consent refused", "consent unknown"
_ANONYMOUS = "no customer_id, so nobody's consent is asked for"


@dataclass(frozen=True)
class ConsentReport:
    """Who was left out for want of consent.

    Parameters
    ----------
    purpose : {"analysis", "export"}
        What the data are wanted for.
    column : str or None
        The column that decided; None when the data have no such column and all rows stay.
    customers : mapping of str to int
        Distinct customers by ``consented``, ``consent refused`` and ``consent unknown``.
    left_out : mapping of str to mapping of str to int
        Table to reason to number of source rows left out.
    """

    purpose: str
    column: str | None
    customers: Mapping[str, int]
    left_out: Mapping[str, Mapping[str, int]]

    @property
    def applied(self) -> bool:
        """Whether there was a consent column to go by."""
        return self.column is not None

    @property
    def rows_left_out(self) -> int:
        """Number of source rows left out, over all tables."""
        return sum(sum(reasons.values()) for reasons in self.left_out.values())

    @property
    def sentence(self) -> str:
        """What happened, in a sentence."""
        if not self.applied:
            wanted = CONSENT_COLUMNS[self.purpose]
            return f"No consent is recorded (no column customers.{wanted}): every row is kept."
        return (
            f"For {self.purpose}, {text.count(self.customers['consented'])} customers have "
            f"consented; {text.count(self.customers[REFUSED])} refused and of "
            f"{text.count(self.customers[UNKNOWN])} it is not known."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "purpose": self.purpose,
            "column": self.column,
            "customers": dict(self.customers),
            "left_out": {table: dict(reasons) for table, reasons in self.left_out.items()},
        }

    def _repr_html_(self) -> str:
        if not self.applied:
            return html.block(html.note(self.sentence))
        rows = [
            [name, *(text.count(reasons.get(reason, 0)) for reason in (REFUSED, UNKNOWN))]
            for name, reasons in self.left_out.items()
        ]
        head = ["rows left out of", REFUSED, UNKNOWN]
        return html.block(html.note(self.sentence), html.table(head, rows, numeric=[1, 2]))


def apply_consent(
    data: CustomerData,
    purpose: Literal["analysis", "export"] = "analysis",
    *,
    unknown: Literal["leave_out", "keep"] = "leave_out",
) -> tuple[CustomerData, ConsentReport]:
    """Keep the rows of customers who consented, in every table.

    Parameters
    ----------
    data : CustomerData
        Read, cleaned or not.
    purpose : {"analysis", "export"}
        Analysis goes by ``customers.consent_analytics``, export by
        ``customers.consent_marketing``.
    unknown : {"leave_out", "keep"}
        What to do where consent is neither given nor refused: the value is missing or cannot
        be read, or the customer has no row in ``customers``.

    Returns
    -------
    data : CustomerData
        The account of each table counts the rows left out as ``consent refused`` and
        ``consent unknown``. The same data when there is no consent column.
    report : ConsentReport
        How many customers and rows of which table were left out.

    Raises
    ------
    ParameterError
        The purpose, or what to do with the unknown, is not one of those above.
    NotEnoughDataError
        No order is left.

    Notes
    -----
    - Of a customer with several rows in ``customers``, one refusal is a refusal.
    - Order lines go with their order.
    - A row without ``customer_id`` (an anonymous session) is nobody's and stays; it is noted.
    - A row left out is listed among the rejected rows by its number and reason only. Rows that
      were rejected before keep their content only where their customer has consented.

    Examples
    --------
    >>> import pandas as pd
    >>> from segml.data import read_orders, read_table
    >>> orders = read_orders(pd.DataFrame({
    ...     "customer_id": ["a", "b", "c"], "order_id": [1, 2, 3],
    ...     "ordered_at": ["2026-01-31"] * 3, "revenue": [10.0, 20.0, 30.0]}))
    >>> customers = read_table(pd.DataFrame(
    ...     {"customer_id": ["a", "b"], "consent_analytics": [True, False]}), "customers")
    >>> data, report = apply_consent(CustomerData(orders, customers=customers))
    >>> data.orders.to_pandas()["customer_id"].tolist()
    ['a']
    >>> report.left_out["orders"]
    {'consent refused': 1, 'consent unknown': 1}
    """
    column = CONSENT_COLUMNS[one_of(purpose, CONSENT_COLUMNS, "purpose")]
    one_of(unknown, ("leave_out", "keep"), "unknown")
    if not isinstance(data, CustomerData):
        raise ParameterError(
            "consent is applied to a bundle of tables",
            where="data",
            got=type(data).__name__,
            expected="CustomerData with a table customers",
        )
    if data.customers is None or column not in data.customers.columns:
        return data, ConsentReport(purpose, None, {}, {})
    absent = UNKNOWN if unknown == "leave_out" else None
    consent = _verdicts(data.customers.table, column)
    kept: dict[str, DataTable] = {}
    left_out: dict[str, dict[str, int]] = {}
    judged: dict[str, Table] = {}
    for name, table in data.tables.items():  # orders come first
        if "customer_id" in table.columns:
            judged[name] = _judge(table.table, consent, "customer_id", absent)
        elif name == "order_lines":
            judged[name] = _judge(table.table, _of_orders(judged["orders"]), "order_id", None)
        else:
            continue
        kept[name], left_out[name] = _split(table, judged[name], consent)
    if kept["orders"].account.rows_used == 0:
        raise NotEnoughDataError(
            f"no order is left: no customer who ordered has consented to {purpose}",
            where=f"customers.{column}",
            got=", ".join(f"{reason}: {rows:,}" for reason, rows in left_out["orders"].items()),
        )
    people = _people(
        [table for table in judged.values() if "customer_id" in table.columns], consent
    )
    return replace(data, **kept), ConsentReport(purpose, column, people, left_out)


def in_engine(table: Table, engine: Engine) -> Table:
    """Return a table of `engine` with the same rows."""
    return table if table.engine is engine else engine.register(table.to_arrow())


def source_rows(table: Table) -> str:
    """Return the SQL that counts the source rows that a table's rows stand for."""
    return "CAST(coalesce(sum(_rows), 0) AS BIGINT)" if "_rows" in table.columns else "count(*)"


def by_source_row(table: Table) -> Fragment:
    """Return the ORDER BY that keeps rows as they came; a join does not."""
    return Fragment("ORDER BY _source_row" if "_source_row" in table.columns else "")


def is_customer_id(name: str) -> bool:
    """Whether a source calls its customer id so, up to case, spaces, hyphens and underscores."""
    return "".join(c for c in name.casefold() if c.isalnum()) == "customerid"


def _verdicts(customers: Table, column: str) -> Table:
    """Say of each customer why they are left out; NULL where they are not."""
    return customers.engine.sql(
        "SELECT customer_id, CASE min(CAST({column} AS INTEGER))"
        " WHEN 1 THEN NULL WHEN 0 THEN {refused} ELSE {unknown} END AS _verdict"
        " FROM {customers} GROUP BY customer_id",
        column=Fragment(quote(column)),
        refused=REFUSED,
        unknown=UNKNOWN,
        customers=customers,
    ).materialise()


def _judge(table: Table, verdicts: Table, key: str, absent: str | None) -> Table:
    """Give each row its ``_reason``; a row whose key has no verdict gets `absent`."""
    # A verdict that consent is unknown is as good as none.
    reason = f"CASE WHEN v._verdict = {literal(REFUSED)} THEN v._verdict"
    reason += f" WHEN v._verdict IS NOT NULL OR v.{quote(key)} IS NULL THEN {literal(absent)} END"
    if key == "order_id":
        reason = "v._verdict"
    return table.engine.sql(
        "SELECT t.*, CASE WHEN t.{key} IS NOT NULL THEN {reason} END AS _reason"
        " FROM {table} AS t LEFT JOIN {verdicts} AS v ON t.{key} = v.{key} {order}",
        key=Fragment(quote(key)),
        reason=Fragment(reason),
        table=table,
        verdicts=in_engine(verdicts, table.engine),
        order=by_source_row(table),
    ).materialise()


def _of_orders(judged: Table) -> Table:
    """Say of each order id why its lines are left out; NULL where one such order stays."""
    return judged.engine.sql(
        "SELECT order_id, CASE WHEN count(*) = count(_reason) THEN min(_reason) END AS _verdict"
        " FROM {judged} GROUP BY order_id",
        judged=judged,
    )


def _split(table: DataTable, judged: Table, consent: Table) -> tuple[DataTable, dict[str, int]]:
    counted = judged.engine.sql(
        "SELECT _reason, {rows} AS n FROM {judged} GROUP BY _reason ORDER BY _reason",
        rows=Fragment(source_rows(judged)),
        judged=judged,
    ).to_arrow()
    by_reason = dict(zip(*counted.to_pydict().values(), strict=True))
    used = by_reason.pop(None, 0)
    noted = {}
    if "customer_id" in judged.columns:
        anonymous = judged.scalar(
            "SELECT {rows} FROM {self} WHERE customer_id IS NULL",
            rows=Fragment(source_rows(judged)),
        )
        noted = {_ANONYMOUS: anonymous} if anonymous else {}
    account = RowAccount(table.name, used + sum(by_reason.values()), used, by_reason, noted)
    columns = Fragment(", ".join(quote(name) for name in table.table.columns))
    kept = judged.engine.sql(
        "SELECT {columns} FROM {judged} WHERE _reason IS NULL", columns=columns, judged=judged
    )
    return (
        replace(
            table,
            table=kept,
            rejects=_rejects(table, judged, consent),
            account=table.account.then(account),
        ),
        by_reason,
    )


def _rejects(table: DataTable, judged: Table, consent: Table) -> Table:
    """List what is left out by number and reason, after what was rejected before."""
    before = in_engine(table.rejects, judged.engine)
    keys = [name for name in before.columns if is_customer_id(name)]
    content = [n for n in before.columns if n not in ("source_row", "reason")] if keys else []
    consented = "v.customer_id IS NOT NULL AND v._verdict IS NULL"
    shown = [f"CASE WHEN {consented} THEN r.{quote(n)} END AS {quote(n)}" for n in content]
    number = "_source_row" if "_source_row" in judged.columns else "NULL"
    return judged.engine.sql(
        "SELECT {shown} FROM {before} AS r LEFT JOIN {consent} AS v"
        " ON CAST(r.{key} AS STRING) = v.customer_id"
        " UNION ALL SELECT {rest} FROM {judged} WHERE _reason IS NOT NULL",
        shown=Fragment(", ".join(["r.source_row", "r.reason", *shown])),
        before=before,
        consent=in_engine(consent, judged.engine),
        key=Fragment(quote(keys[0] if keys else "reason")),
        rest=Fragment(", ".join([number, "_reason", *["NULL"] * len(content)])),
        judged=judged,
    )


def _people(tables: list[Table], consent: Table) -> dict[str, int]:
    ids = {f"t{i}": in_engine(table, consent.engine) for i, table in enumerate(tables)}
    union = " UNION ".join(f"SELECT customer_id FROM {{{name}}}" for name in ids)
    counts = consent.engine.fetch_row(
        f"WITH ids AS ({union}) SELECT count(*) FILTER (WHERE {{known}} AND v._verdict IS NULL),"
        " count(*) FILTER (WHERE v._verdict = {refused}),"
        " count(*) FILTER (WHERE NOT {known} OR v._verdict = {unknown})"
        " FROM ids LEFT JOIN {consent} AS v ON ids.customer_id = v.customer_id"
        " WHERE ids.customer_id IS NOT NULL",
        known=Fragment("(v.customer_id IS NOT NULL)"),
        refused=REFUSED,
        unknown=UNKNOWN,
        consent=consent,
        **ids,
    )
    return dict(zip(("consented", REFUSED, UNKNOWN), counts, strict=True))
