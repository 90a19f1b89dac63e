"""Small groups in attribute tables: suppressed, and not to be had from the totals either."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from segml._core import html, text
from segml._core.check import number, one_of
from segml._core.errors import DataError

_TOTALS = ("both", "rows", "columns", "none")
DERIVABLE = "could be derived from a total"
_DASH = "–"


@dataclass(frozen=True)
class SuppressedTable:
    """A table of counts that may be shown.

    Parameters
    ----------
    table : DataFrame
        The counts, missing where suppressed.
    row_totals, column_totals : Series or None
        Totals by row and by column, missing where suppressed; None when not to be shown.
    total : int or None
        Of the whole table; None when suppressed or not to be shown.
    reasons : DataFrame
        Like `table` with a row ``total`` and a column ``total`` for the totals shown: why a
        cell is suppressed, empty where it is not.
    min_group_size : int
        Smallest count that is shown.
    """

    table: pd.DataFrame
    row_totals: pd.Series | None
    column_totals: pd.Series | None
    total: int | None
    reasons: pd.DataFrame
    min_group_size: int

    @property
    def n_small(self) -> int:
        """Number of cells and totals suppressed because they are small."""
        return int((self.reasons == _small(self.min_group_size)).to_numpy().sum())

    @property
    def n_complementary(self) -> int:
        """Number of cells and totals suppressed because a small one could be derived."""
        return int((self.reasons == DERIVABLE).to_numpy().sum())

    @property
    def sentence(self) -> str:
        """What was suppressed, in a sentence."""
        if not self.n_small:
            return f"No group is smaller than {self.min_group_size}: nothing is suppressed."
        return (
            f"{_DASH} is not shown: {text.count(self.n_small)} counts are of fewer than "
            f"{self.min_group_size}; {text.count(self.n_complementary)} more are left out "
            "because those could be derived from them."
        )

    def with_totals(self) -> pd.DataFrame:
        """Return the counts with the totals that are shown as a last row and column."""
        shown = self.table.copy()
        if self.row_totals is not None:
            shown.insert(len(shown.columns), "total", self.row_totals, allow_duplicates=True)
        if self.column_totals is not None:
            last = [*self.column_totals]
            if self.row_totals is not None:
                last.append(pd.NA if self.total is None else self.total)
            bottom = pd.DataFrame([last], index=["total"], columns=shown.columns, dtype="Int64")
            shown = pd.concat([shown, bottom])
        return shown

    def _repr_html_(self) -> str:
        shown = self.with_totals()
        rows = [
            [
                str(label),
                *(
                    html.Cell(_DASH, why) if pd.isna(value) else text.count(value)
                    for value, why in zip(values, whys, strict=True)
                ),
            ]
            for label, values, whys in zip(
                shown.index,
                shown.itertuples(index=False, name=None),
                self.reasons.itertuples(index=False, name=None),
                strict=True,
            )
        ]
        head = [str(self.table.index.name or ""), *map(str, shown.columns)]
        return html.block(
            html.table(head, rows, numeric=range(1, len(head))), html.note(self.sentence)
        )


def suppress_small_groups(
    table: pd.DataFrame,
    *,
    min_group_size: int = 10,
    totals: Literal["both", "rows", "columns", "none"] = "both",
    zeros: Literal["show", "suppress"] = "show",
) -> SuppressedTable:
    """Suppress small counts of a groups x categories table, and those that give them away.

    Parameters
    ----------
    table : DataFrame of shape (groups, categories)
        How many customers of a group are in a category: whole numbers, without totals.
    min_group_size : int, default 10
        Counts of at least one and under this are suppressed, among the totals as well.
    totals : {"both", "rows", "columns", "none"}
        Which totals a reader will see or can look up elsewhere. The total of the whole table
        counts as known with ``"both"``.
    zeros : {"show", "suppress"}
        A zero is a group without members. Suppress it where it says something about those
        who are in the other groups ("none of them is ...").

    Returns
    -------
    SuppressedTable
        The counts and totals that may be shown, and why the others may not.

    Raises
    ------
    DataError
        The table is empty, or a value is not a count.
    ParameterError
        A parameter is out of range.

    Notes
    -----
    The totals are cells as well: a last row and column. Each row and column of this larger
    table is an equation that a reader can use. Take rows and columns as the nodes of a
    graph and suppressed cells as its edges; then a cell can be derived by the equations if and
    only if its edge is on no cycle [1]_. So:

    1. Cells under the minimum are suppressed.
    2. In a row or column whose total is shown, the suppressed cells must sum to the
       minimum: the smallest cell that is shown, else the total, goes as well until they do.
    3. Each suppressed edge is put on a cycle along the path whose newly suppressed cells have
       the smallest sum. A zero that is shown stays shown: it would hide nothing.

    Every suppressed count then has at least two values that agree with all that is shown,
    and, unless zeros are suppressed, two that are counts. What is not promised: that
    the range of those values is wide; that it stays so beside other tables of the same
    customers; that a sum over several rows and columns is not small; and that as few cells as
    possible are suppressed.

    References
    ----------
    .. [1] Gusfield, D. (1988). A graph theoretic approach to statistical data security. SIAM
       Journal on Computing 17(3), 552-571.

    Examples
    --------
    >>> counts = pd.DataFrame({"f": [3, 40, 60], "m": [30, 20, 50]}, index=["a", "b", "c"])
    >>> safe = suppress_small_groups(counts)
    >>> safe.with_totals()
              f     m  total
    a      <NA>  <NA>     33
    b      <NA>  <NA>     60
    c        60    50    110
    total   103   100    203
    """
    least = int(number(min_group_size, "min_group_size", low=1, whole=True))
    one_of(totals, _TOTALS, "totals")
    one_of(zeros, ("show", "suppress"), "zeros")
    counts = _counts(table)
    full = np.zeros(np.add(counts.shape, 1), dtype=np.int64)
    full[:-1, :-1] = counts
    full[:-1, -1] = counts.sum(axis=1)
    full[-1, :] = full[:-1, :].sum(axis=0)
    shown = np.ones(full.shape, dtype=bool)
    shown[:-1, -1] = totals in ("both", "rows")
    shown[-1, :-1] = totals in ("both", "columns")
    shown[-1, -1] = totals == "both"
    small = shown & (full < least) & ((full > 0) | (zeros == "suppress"))
    hidden = _Hidden(full, shown, small.copy(), least)
    hidden.fill_lines()
    hidden.close_cycles()
    return _result(table, hidden, small, least)


class _Hidden:
    """Suppressed cells of a table whose last row and column are its totals."""

    def __init__(
        self, counts: np.ndarray, shown: np.ndarray, cells: np.ndarray, least: int
    ) -> None:
        self.counts = counts
        self.cells = cells
        self.usable = shown & (counts > 0) | cells
        self.least = least
        # Without totals there are no equations: all rows, or columns, are one node.
        self.rows = bool(shown[:-1, -1].any())
        self.columns = bool(shown[-1, :-1].any())
        self.shown = shown

    def fill_lines(self) -> None:
        """Suppress until no line gives away a small sum of its suppressed cells."""
        changed = True
        while changed:
            changed = False
            for line in self._lines():
                changed |= self._fill(*line)

    def _lines(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        height, width = self.counts.shape
        if self.rows:
            for i in range(height):
                if self.shown[i, -1]:
                    yield np.full(width, i), np.arange(width)
        if self.columns:
            for j in range(width):
                if self.shown[-1, j]:
                    yield np.arange(height), np.full(height, j)

    def _fill(self, i: np.ndarray, j: np.ndarray) -> bool:
        changed = False
        while True:
            cells, counts = self.cells[i, j], self.counts[i, j]
            inner = cells[:-1]
            if not inner.any() or cells[-1] or counts[:-1][inner].sum() >= self.least:
                return changed
            free = np.flatnonzero(self.usable[i, j][:-1] & ~inner)
            take = free[np.argmin(counts[free])] if len(free) else len(cells) - 1
            self.cells[i[take], j[take]] = True
            self.usable[i[take], j[take]] = True
            changed = True

    def close_cycles(self) -> None:
        """Suppress until every suppressed cell is on a cycle."""
        height, width = self.counts.shape
        at: list[list[tuple[int, int, int]]] = [[] for _ in range(height + width)]
        for i, j in np.argwhere(self.usable).tolist():
            a, b = self._ends(i, j)
            at[a].append((b, i, j))
            at[b].append((a, i, j))
        closed = np.zeros_like(self.cells)
        for i, j in np.argwhere(self.cells).tolist():
            if not closed[i, j]:
                closed[i, j] = True
                for cell in self._path(i, j, at):
                    self.cells[cell] = True
                    closed[cell] = True

    def _ends(self, i: int, j: int) -> tuple[int, int]:
        height = len(self.counts)
        everywhere = 0 if not self.rows else height
        return (i if self.rows else everywhere), (height + j if self.columns else everywhere)

    def _path(self, i: int, j: int, at: list[list[tuple[int, int, int]]]) -> list[tuple[int, int]]:
        """Return the cells of the cheapest way from the row to the column beside the cell."""
        start, goal = self._ends(i, j)
        if start == goal:  # no equation at all
            return []
        best = {start: 0}
        came: dict[int, tuple[int, tuple[int, int]]] = {}
        queue = [(0, start)]
        while queue:
            cost, node = heapq.heappop(queue)
            if node == goal:
                break
            if cost > best[node]:
                continue
            for other, a, b in at[node]:
                further = cost + (0 if self.cells[a, b] else int(self.counts[a, b]))
                if (a, b) != (i, j) and further < best.get(other, further + 1):
                    best[other] = further
                    came[other] = (node, (a, b))
                    heapq.heappush(queue, (further, other))
        path = []
        while goal != start:
            goal, cell = came[goal]
            path.append(cell)
        return path


def _small(least: int) -> str:
    return f"fewer than {least}"


def _counts(table: pd.DataFrame) -> np.ndarray:
    if not isinstance(table, pd.DataFrame) or table.size == 0:
        raise DataError(
            "there are no counts",
            where="table",
            got=f"{type(table).__name__} of shape {getattr(table, 'shape', None)}",
            expected="a DataFrame of groups x categories",
        )
    for position, column in enumerate(table.columns):
        values = table.iloc[:, position]
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            floats = values.to_numpy(dtype=float, na_value=np.nan)
            bad = ~(np.isfinite(floats) & (floats >= 0) & (floats == np.floor(floats)))
            got = values[bad].iloc[0] if bad.any() else None
        else:
            bad, got = np.array([True]), f"dtype {values.dtype}"
        if bad.any():
            raise DataError(
                "this is not a count",
                where=f"column {column}",
                got=got,
                expected="whole numbers of at least 0, none missing",
            )
    return table.to_numpy(dtype=np.int64)


def _result(table: pd.DataFrame, hidden: _Hidden, small: np.ndarray, least: int) -> SuppressedTable:
    why = np.where(small, _small(least), np.where(hidden.cells, DERIVABLE, ""))
    cells = pd.DataFrame(hidden.counts).astype("Int64").mask(pd.DataFrame(hidden.cells))
    height = len(why) - (not hidden.columns)
    width = why.shape[1] - (not hidden.rows)
    rows, columns = table.index, table.columns
    inner = cells.iloc[:-1, :-1].set_axis(rows, axis=0).set_axis(columns, axis=1)
    return SuppressedTable(
        table=inner,
        row_totals=cells.iloc[:-1, -1].set_axis(rows).rename("total") if hidden.rows else None,
        column_totals=(
            cells.iloc[-1, :-1].astype("Int64").set_axis(columns).rename("total")
            if hidden.columns
            else None
        ),
        total=(
            int(hidden.counts[-1, -1])
            if hidden.shown[-1, -1] and not hidden.cells[-1, -1]
            else None
        ),
        reasons=pd.DataFrame(
            why[:height, :width],
            index=[*rows, "total"][:height],
            columns=[*columns, "total"][:width],
        ),
        min_group_size=least,
    )
