"""Which column of a source is which canonical column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from segml._core.check import nearest, one_of
from segml._core.errors import MissingTableError, ParameterError

from .tables import TableSchema


def map_columns(
    schema: TableSchema, present: Sequence[str], columns: Mapping[str, str | None] | None
) -> dict[str, str | None]:
    """Match canonical names to the columns of a source.

    Parameters
    ----------
    schema : TableSchema
        The canonical table.
    present : sequence of str
        Columns of the source.
    columns : mapping of str to str or None
        Canonical name to source column where they differ. ``{"order_id": None}``
        says that the source has no order ids and each row is an order.

    Returns
    -------
    dict
        Canonical name to source column, for the canonical columns that are there.
        Names that differ only in case, spaces or hyphens match without a mapping.

    Raises
    ------
    ParameterError
        The mapping names a canonical or a source column that does not exist.
    MissingTableError
        A required column is missing.

    Examples
    --------
    >>> from segml.data.tables import ORDERS
    >>> map_columns(ORDERS, ["Customer ID", "Order-ID", "when", "revenue"], {"ordered_at": "when"})
    {'customer_id': 'Customer ID', 'order_id': 'Order-ID',
     'ordered_at': 'when', 'revenue': 'revenue'}
    """
    given = dict(columns or {})
    for canonical, source in given.items():
        one_of(canonical, schema.names, "columns")
        if source is not None:
            one_of(source, present, f"columns[{canonical!r}]")
        elif canonical != "order_id" or schema.name != "orders":
            raise ParameterError(
                "only order_id of orders can be said to be absent",
                where=f"columns[{canonical!r}]",
                got=None,
            )
    taken = {source for source in given.values() if source is not None}
    found: dict[str, str | None] = {}
    for name in schema.names:
        if name in given:
            found[name] = given[name]
            continue
        match = [c for c in present if c == name] or [
            c for c in present if _plain(c) == name and c not in taken
        ]
        if len(match) == 1:
            found[name] = match[0]
        elif len(match) > 1:
            raise ParameterError(
                f"several columns could be {name}",
                where=f"columns[{name!r}]",
                got=", ".join(match),
            )
    missing = [name for name in schema.required if name not in found]
    if missing:
        raise MissingTableError(
            f"a required column is missing: {', '.join(missing)}",
            where=schema.name,
            got="columns " + ", ".join(present),
            expected=", ".join(schema.required),
            nearest=nearest(missing[0], [c for c in present if c not in found.values()]),
            hint=_hint(missing),
        )
    return found


def _hint(missing: Sequence[str]) -> str:
    example = ", ".join(f"{name!r}: 'its name in the source'" for name in missing)
    hint = f"columns={{{example}}}"
    if "order_id" in missing:
        hint += "; or columns={'order_id': None} when each row is one order"
    return hint


def _plain(name: str) -> str:
    return name.strip().casefold().replace(" ", "_").replace("-", "_")


def is_order_id(name: str) -> bool:
    """Say whether a source calls a column order id, up to case, spaces and punctuation.

    Examples
    --------
    >>> is_order_id("Order ID"), is_order_id("order_id"), is_order_id("order")
    (True, True, False)
    """
    return "".join(c for c in name.casefold() if c.isalnum()) == "orderid"
