"""What an erasure removed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from segml._core import html, text

ERASED = "erased on request"


@dataclass(frozen=True)
class ErasureReport:
    """What was erased. It names no customer, but in `not_found`, which nothing shows.

    Parameters
    ----------
    target : str
        ``data``, or the name of the run folder.
    requested : int
        Distinct ids asked for.
    rows : mapping of str to int
        Table or file to rows removed from it, rejected rows among them.
    not_found : tuple of str
        Ids that no table or file has.
    unsearched : int
        Ids too plain (a short number or word) to be told from what else a page says; pages
        were searched for the others only.
    """

    target: str
    requested: int
    rows: Mapping[str, int]
    not_found: tuple[str, ...] = field(default=(), repr=False)
    unsearched: int = 0

    @property
    def found(self) -> int:
        """Distinct ids that were there."""
        return self.requested - len(self.not_found)

    @property
    def rows_removed(self) -> int:
        """Rows removed from all tables or files."""
        return sum(self.rows.values())

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON: counts, no ids."""
        return {
            "target": self.target,
            "requested": self.requested,
            "found": self.found,
            "rows": dict(self.rows),
            "unsearched": self.unsearched,
        }

    def _repr_html_(self) -> str:
        said = (
            f"{text.count(self.found)} of {text.count(self.requested)} customers were there "
            f"and are erased from {self.target}."
        )
        if self.unsearched:
            said += f" Pages could not be searched for {text.count(self.unsearched)} plain ids."
        rows = [[name, text.count(n)] for name, n in self.rows.items()]
        return html.block(html.note(said), html.table(["erased from", "rows"], rows, numeric=[1]))
