"""A canonical table with its account, and the immutable bundle of all that there are."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from segml._core import html, text
from segml._core.errors import MissingTableError
from segml.engine import Table

from .account import RowAccount
from .tables import TABLES

if TYPE_CHECKING:
    import pandas as pd

# Of each row: its number in the source, and how many rows of the source it stands for.
HIDDEN = ("_source_row", "_rows")


@dataclass(frozen=True)
class DataTable:
    """A canonical table: its usable rows, the rows left out, and the account of both.

    Parameters
    ----------
    name : str
        Which canonical table it is.
    table : Table
        The usable rows, lazy, under canonical column names.
    rejects : Table
        The rows left out: ``source_row`` (1 for the first row after the header), ``reason``.
    account : RowAccount
        How many rows went where.
    generated : tuple of str
        Columns that the source does not have, numbered by row.
    """

    name: str
    table: Table
    rejects: Table
    account: RowAccount
    generated: tuple[str, ...] = ()

    @property
    def columns(self) -> list[str]:
        """Canonical columns that are there, and any that passed through."""
        return [column for column in self.table.columns if column not in HIDDEN]

    def to_pandas(self) -> pd.DataFrame:
        """Fetch the usable rows."""
        return self.table.to_pandas()[self.columns]

    def rejected_rows(self) -> pd.DataFrame:
        """Fetch the rows left out, with their reason and row number in the source."""
        return self.rejects.to_pandas()

    def require(self, *columns: str) -> None:
        """Check that columns are there.

        Raises
        ------
        MissingTableError
            Names the columns that are not.
        """
        if missing := [column for column in columns if column not in self.table.columns]:
            raise MissingTableError(
                f"the table {self.name} has no column {', '.join(missing)}",
                where=self.name,
                got=", ".join(self.columns),
            )

    def _repr_html_(self) -> str:
        return self.account._repr_html_()


@dataclass(frozen=True)
class CustomerData:
    """What is known of the customers: orders, and any other canonical tables.

    Parameters
    ----------
    orders : DataTable
        Needed for the main job.
    order_lines, customers, sessions, messages, costs, surveys : DataTable, optional
        What there is beside.
    """

    orders: DataTable
    order_lines: DataTable | None = None
    customers: DataTable | None = None
    sessions: DataTable | None = None
    messages: DataTable | None = None
    costs: DataTable | None = None
    surveys: DataTable | None = None

    @property
    def tables(self) -> dict[str, DataTable]:
        """The tables that are there, by name."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: table for name, table in named.items() if table is not None}

    def require(self, table: str, *columns: str) -> DataTable:
        """Return a table that has the columns.

        Raises
        ------
        MissingTableError
            Names the table or the columns that are not there.
        """
        if table not in self.tables:
            raise MissingTableError(
                f"this needs the table {table}",
                where=table,
                got=f"tables: {', '.join(self.tables)}",
                expected=", ".join(TABLES[table].required) if table in TABLES else None,
            )
        found = self.tables[table]
        found.require(*columns)
        return found

    def _repr_html_(self) -> str:
        rows = [
            [name, text.count(table.account.rows_used), ", ".join(table.columns)]
            for name, table in self.tables.items()
        ]
        return html.block(html.table(["table", "rows", "columns"], rows, numeric=[1]))
