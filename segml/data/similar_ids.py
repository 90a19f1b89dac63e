"""Customer ids that no table of customers has, or that differ only in how they are written."""

from __future__ import annotations

from dataclasses import replace

from segml.engine import Table
from segml.engine.sql import Fragment

from .bundle import CustomerData
from .consent import by_source_row, in_engine, source_rows

UNKNOWN = "its customer is not in the table customers"
CASE = "customer_id differs from another only by case"
SPACES = "customer_id differs from another by white space"
FOLDED = ", set to it"
NOTES = {"_by_case": CASE, "_by_spaces": SPACES, "_unknown": UNKNOWN}
_SPACES = " \t\n\r\v\f\u00a0\u2007\u202f\u200b\ufeff"


def doubtful_ids(data: CustomerData) -> Table | None:
    """Find the customer ids in which something is doubtful, over all tables.

    Parameters
    ----------
    data : CustomerData
        What was read.

    Returns
    -------
    Table or None
        ``_form``: the id as written; ``_main``: the form of it that the table customers
        has, else the most common, else the first in the alphabet; ``_by_case``,
        ``_by_spaces``: whether and how the two differ; ``_unknown``: whether no form of
        it is in the table customers. None where nothing is doubtful.
    """
    engine = data.orders.table.engine
    tables = {n: t.table for n, t in data.tables.items() if "customer_id" in t.columns}
    if data.customers is None and not any(map(_may_differ, tables.values())):
        return None
    listed = " UNION ALL ".join(
        f"SELECT customer_id, count(*) AS n, {int(name == 'customers')} AS known"
        f" FROM {{{name}}} GROUP BY customer_id"
        for name in tables
    )
    forms = engine.sql(
        f"WITH listed AS ({listed})"
        " SELECT customer_id AS form, sum(n) AS n, max(known) AS known,"
        " lower(translate(customer_id, {spaces}, '')) AS folded FROM listed"
        " WHERE customer_id IS NOT NULL GROUP BY customer_id",
        spaces=_SPACES,
        **{name: in_engine(table, engine) for name, table in tables.items()},
    ).materialise()
    # Most ids have one form: only the others are sorted.
    found = engine.sql(
        "WITH doubtful AS (SELECT folded AS key, max(known) AS known_form FROM {forms}"
        " GROUP BY folded HAVING count(*) > 1 OR {strange}),"
        " mains AS (SELECT form, known_form, first_value(form) OVER (PARTITION BY folded"
        " ORDER BY known DESC, n DESC, form) AS main FROM {forms} JOIN doubtful ON folded = key)"
        " SELECT form AS _form, main AS _main,"
        " form <> main AND lower(form) = lower(main) AS _by_case,"
        " lower(form) <> lower(main) AS _by_spaces, {unknown} AS _unknown"
        " FROM mains WHERE form <> main OR {unknown}",
        forms=forms,
        strange=Fragment("max(known) = 0" if data.customers is not None else "FALSE"),
        unknown=Fragment("known_form = 0" if data.customers is not None else "FALSE"),
    ).materialise()
    return found if len(found) else None


def _may_differ(table: Table) -> bool:
    """Say whether any id is more than digits: a number has one form."""
    return bool(
        table.scalar(
            "SELECT count(*) FROM (SELECT 1 FROM {self}"
            " WHERE regexp_matches(customer_id, '[^0-9]') LIMIT 1) AS found"
        )
    )


def note_ids(data: CustomerData) -> CustomerData:
    """Note in each account how many rows have a doubtful customer id."""
    ids = doubtful_ids(data)
    noted = {}
    for name, table in data.tables.items():
        kept = {what: n for what, n in table.account.noted.items() if what not in NOTES.values()}
        if ids is not None and "customer_id" in table.columns:
            counts = ", ".join(f"sum(CASE WHEN {flag} THEN n ELSE 0 END)" for flag in NOTES)
            found = table.table.row(
                "WITH rows_of AS (SELECT customer_id, {rows} AS n FROM {self} GROUP BY customer_id)"
                " SELECT {counts} FROM rows_of JOIN {ids} ON customer_id = _form",
                rows=Fragment(source_rows(table.table)),
                counts=Fragment(counts),
                ids=in_engine(ids, table.table.engine),
            )
            kept |= {what: int(n) for what, n in zip(NOTES.values(), found, strict=True) if n}
        noted[name] = replace(table, account=replace(table.account, noted=kept))
    return replace(data, **noted)


def with_ids(table: Table, ids: Table) -> Table:
    """Join what is doubtful in the customer id of each row; NULL where nothing is."""
    return table.engine.sql(
        "SELECT t.*, i._main, i._by_case, i._by_spaces, i._unknown"
        " FROM {table} AS t LEFT JOIN {ids} AS i ON t.customer_id = i._form {order}",
        table=table,
        ids=in_engine(ids, table.engine),
        order=by_source_row(table),
    )
