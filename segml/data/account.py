"""The account of a table's rows: every row is used, or counted under a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from segml._core import html, text

DAYS = "days"
"""How a note begins that counts days, not rows."""


@dataclass(frozen=True)
class RowAccount:
    """Where the rows of a source went.

    Parameters
    ----------
    table : str
        The canonical table.
    rows_in : int
        Rows of the source, without the header.
    rows_used : int
        Rows that what follows is computed from.
    rejected : mapping of str to int
        Reason to number of rows left out.
    noted : mapping of str to int
        What was noticed about rows that are used nevertheless. A note that begins with
        "days" counts days.
    choices : tuple of str
        What was decided on the way, such as how dates were read.

    Raises
    ------
    AssertionError
        When rows in are not rows used plus rows rejected: a defect of segml.

    Examples
    --------
    >>> account = RowAccount("orders", 10, 8, {"no customer id": 2})
    >>> account.to_dict()["rejected"]
    {'no customer id': 2}
    """

    table: str
    rows_in: int
    rows_used: int
    rejected: Mapping[str, int] = field(default_factory=dict)
    noted: Mapping[str, int] = field(default_factory=dict)
    choices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.rows_in != self.rows_used + self.rows_rejected:
            raise AssertionError(
                f"{self.table}: {self.rows_in} rows in, but {self.rows_used} used "
                f"and {self.rows_rejected} rejected"
            )

    @property
    def rows_rejected(self) -> int:
        """Number of rows left out."""
        return sum(self.rejected.values())

    def then(self, later: RowAccount) -> RowAccount:
        """Join with the account of the next step, which took in what this one used."""
        if later.rows_in != self.rows_used:
            raise AssertionError(f"{self.table}: the accounts of two steps do not join")
        rejected = dict(self.rejected)
        for reason, rows in later.rejected.items():
            rejected[reason] = rejected.get(reason, 0) + rows
        return RowAccount(
            self.table,
            self.rows_in,
            later.rows_used,
            rejected,
            {**self.noted, **later.noted},
            self.choices + later.choices,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "table": self.table,
            "rows_in": self.rows_in,
            "rows_used": self.rows_used,
            "rows_rejected": self.rows_rejected,
            "rejected": dict(self.rejected),
            "noted": dict(self.noted),
            "choices": list(self.choices),
        }

    def _repr_html_(self) -> str:
        def share(rows: int) -> str:
            return text.share(rows / self.rows_in) if self.rows_in else text.MISSING

        rows = [["rows read", text.count(self.rows_in), ""]]
        rows += [
            [f"left out: {reason}", text.count(n), share(n)] for reason, n in self.rejected.items()
        ]
        rows.append(["rows used", text.count(self.rows_used), share(self.rows_used)])
        for what, n in self.noted.items():
            days = what.startswith(DAYS)
            label = f"noticed: {what}" if days else f"used, but: {what}"
            rows.append([label, text.count(n), "" if days else share(n)])
        return html.block(
            html.table(
                [self.table, "rows", "share"],
                rows,
                caption=f"Every row of {self.table} accounted for",
                numeric=[1, 2],
            ),
            *[html.note(choice) for choice in self.choices],
        )
