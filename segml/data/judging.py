"""The reason for which a row does not count, and what is set right in it, as SQL."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from segml.engine import Table
from segml.engine.compose import columns_of
from segml.engine.sql import Fragment, literal, quote

from .bundle import DataTable
from .consent import by_source_row, in_engine
from .order_cases import converted, order_cases
from .policy import CleaningPolicy
from .repeated import few, repeated_keys, rows_with
from .rules import RULES, Impossible, time_column
from .similar_ids import CASE, FOLDED, SPACES, UNKNOWN, with_ids
from .tables import TABLES

LEFT_OUT = "its order is left out"
NO_ORDER = "its order is not in the table orders"
REVENUE = {"revenue is negative": "revenue < 0", "revenue is zero": "revenue = 0"}
_COPY = "repeats another row exactly"


@dataclass(frozen=True)
class Judged:
    """The rows of a table with ``_reason``, NULL where they count.

    Parameters
    ----------
    rows : Table
        Computed; what cannot be true is set right.
    found, changed : dict of str to str
        Note to the SQL of the rows that it is true of, and of those that were changed.
    stale : set of str
        Earlier notes that are counted anew.
    keys : Table
        As :func:`segml.data.repeated.repeated_keys` returns them, of the table's key.
    """

    rows: Table
    found: dict[str, str]
    changed: dict[str, str]
    stale: set[str]
    keys: Table


def judge(
    table: DataTable,
    policy: CleaningPolicy,
    ids: Table | None = None,
    lines_of: Table | None = None,
) -> Judged:
    """Judge each row of a canonical table by the policy and the rules of the table.

    Parameters
    ----------
    table : DataTable
        Any of the seven.
    policy : CleaningPolicy
        What to do.
    ids : Table, optional
        Doubtful customer ids, where the policy does something about them.
    lines_of : Table, optional
        Of order lines: ``order_id`` and ``_counts``, 1 or 0, of each order.

    Raises
    ------
    DataError
        Orders in several currencies and no policy for them.
    """
    rules = RULES[table.name]
    rows = table.table
    if ids is not None and "customer_id" in table.columns:
        rows = with_ids(rows, ids)
    else:
        ids = None
    if lines_of is not None:
        rows = _with_orders(rows, lines_of)
    values, changed = _set_right(table, policy, folded=ids is not None)
    flags = {f"_flag{i}": sql for i, sql in enumerate(changed.values())}
    names = [*values, *flags]
    if ids is not None:
        flags["_unknown"] = "coalesce(_unknown, FALSE)"
    if lines_of is not None:
        flags["_counts"] = "_counts"
    prepared = rows.engine.sql(
        "SELECT {values} FROM {rows}",
        values=Fragment(
            ", ".join(f"{sql} AS {quote(name)}" for name, sql in {**values, **flags}.items())
        ),
        rows=rows,
    )
    # Copies share their key, which few rows do: only those are compared column by column.
    key = rules.key if table.name != "orders" else _key_of(table)
    key = key or tuple(table.columns)
    keys = repeated_keys(prepared, key)
    doubles = rows_with(prepared, key, keys)
    same = [column for column in table.columns if column not in table.generated]
    again = _later_rows(doubles, _names(same), _names(["_source_row", *same]))
    factors = converted(table, policy) if table.name == "orders" else {}
    columns = [
        f"{quote(name)} * {factors[name]} AS {quote(name)}" if name in factors else quote(name)
        for name in names
    ]
    judged = rows.engine.sql(
        "SELECT {columns}, _again IS NOT NULL AS _note, {why} AS _reason"
        " FROM {prepared} LEFT JOIN {again} ON _source_row = _again {order}",
        columns=Fragment(", ".join(columns)),
        why=Fragment(_why(table, policy, unknown=ids is not None, lines=lines_of is not None)),
        prepared=prepared,
        again=again,
        order=Fragment("" if few(again, table.account.rows_used) else "ORDER BY _source_row"),
    ).materialise()
    if rules.repeated:
        judged = _without_repeats(judged, rules.key, rules.repeated)
    found = {_COPY: "_note"}
    if table.name == "orders":
        found |= REVENUE
    # Copies that an earlier cleaning merged are not seen again.
    stale = {what for what in found if what != _COPY or "_rows" not in table.table.columns}
    return Judged(judged, found, dict(zip(changed, flags, strict=False)), stale, keys)


def _key_of(orders: DataTable) -> tuple[str, ...]:
    return ("customer_id", "ordered_at") if "order_id" in orders.generated else ("order_id",)


def _later_rows(rows: Table, same: str, columns: str) -> Table:
    """Return the numbers, ``_again``, of rows that repeat an earlier one."""
    return rows.engine.sql(
        "SELECT _source_row AS _again FROM (SELECT {columns}, row_number() OVER"
        " (PARTITION BY {same} ORDER BY _source_row) AS _copy FROM {rows}) AS copies"
        " WHERE _copy > 1",
        columns=Fragment(columns),
        same=Fragment(same),
        rows=rows,
    ).materialise()


def _without_repeats(judged: Table, key: tuple[str, ...], why: str) -> Table:
    """Reject rows with the key of another; the first that counts otherwise is kept."""
    counting = judged.engine.sql("SELECT * FROM {judged} WHERE _reason IS NULL", judged=judged)
    doubles = rows_with(counting, key, repeated_keys(counting, key))
    again = _later_rows(doubles, _names(key), _names(["_source_row", *key]))
    if not len(again):
        return judged
    return judged.engine.sql(
        "SELECT {columns} FROM {judged} LEFT JOIN {again} ON _source_row = _again"
        " ORDER BY _source_row",
        columns=columns_of(
            judged,
            replace={"_reason": f"CASE WHEN _again IS NULL THEN _reason ELSE {literal(why)} END"},
        ),
        judged=judged,
        again=again,
    ).materialise()


def _names(columns: list[str] | tuple[str, ...]) -> str:
    return ", ".join(map(quote, columns))


def _set_right(
    table: DataTable, policy: CleaningPolicy, folded: bool
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the SQL of each column, and note to the SQL of the rows that it changes."""
    values = {name: quote(name) for name in table.table.columns}
    changed = {}
    if folded and policy.similar_ids == "fold":
        values["customer_id"] = "coalesce(_main, customer_id)"
        changed = {
            CASE + FOLDED: "coalesce(_by_case, FALSE)",
            SPACES + FOLDED: "coalesce(_by_spaces, FALSE)",
        }
    for rule, wrong in _impossible(table, policy):
        if rule.column not in TABLES[table.name].required:
            values[rule.column] = f"CASE WHEN NOT {wrong} THEN {quote(rule.column)} END"
            changed[rule.note] = wrong
    return values, changed


def _impossible(table: DataTable, policy: CleaningPolicy) -> list[tuple[Impossible, str]]:
    """Return the rules that hold, each with the SQL of the rows that break it."""
    end = dt.datetime.combine(policy.last_day, dt.time.max)
    return [
        (rule, f"coalesce({rule.wrong.replace('{latest}', literal(end))}, FALSE)")
        for rule in RULES[table.name].impossible
        if rule.column in table.columns
        and (rule.under is None or getattr(policy, rule.under[0]) == rule.under[1])
    ]


def _why(table: DataTable, policy: CleaningPolicy, unknown: bool, lines: bool) -> str:
    cases = {}
    if policy.exact_duplicates == "drop":
        cases["exact duplicate"] = "_again IS NOT NULL"
    if policy.test_customers and "customer_id" in table.columns:
        ids = literal(tuple(str(customer) for customer in policy.test_customers))
        what = "test order" if table.name == "orders" else "test customer"
        cases[what] = f"customer_id IN {ids}"
    if time := time_column(table.name):
        end = literal(dt.datetime.combine(policy.last_day, dt.time.max))
        cases["future date"] = f"{quote(time)} > {end}"
    if table.name == "orders":
        cases |= order_cases(table, policy)
    for rule, wrong in _impossible(table, policy):
        if rule.column in TABLES[table.name].required:
            cases[rule.name] = wrong
    if unknown and policy.unknown_customers == "reject":
        cases[UNKNOWN] = "_unknown"
    if lines:
        cases |= {LEFT_OUT: "_counts = 0", NO_ORDER: "_counts IS NULL"}
    if not cases:
        return "CAST(NULL AS STRING)"
    return f"CASE {' '.join(f'WHEN {sql} THEN {literal(why)}' for why, sql in cases.items())} END"


def _with_orders(lines: Table, orders: Table) -> Table:
    return lines.engine.sql(
        "SELECT t.*, o._counts FROM {lines} AS t LEFT JOIN {orders} AS o"
        " ON t.order_id = o.order_id {order}",
        lines=lines,
        orders=in_engine(orders, lines.engine),
        order=by_source_row(lines),
    )


def used_rows(judged: Table, columns: list[str]) -> Table:
    """Return these columns of the rows that count."""
    return judged.engine.sql(
        "SELECT {columns} FROM {judged} WHERE _reason IS NULL",
        columns=Fragment(_names(columns)),
        judged=judged,
    )
