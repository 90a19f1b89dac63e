"""Heat maps of what a model foretells, over frequency and recency."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from segml._core import text
from segml.clv.grid import HistoryGrid

from .card import Description, describe
from .style import GREY, INK, count_axis, new_axes, share_axis

_SHARES = (0.1, 0.5, 0.9)
_LINES = 6  # of equal purchases at most
_BUSY = 10  # a frequency that most stores have customers of


def plot_history_grid(grid: HistoryGrid, ax: Axes | None = None, time_unit: str = "") -> Axes:
    """Draw P(alive) or expected purchases over frequency and recency.

    Parameters
    ----------
    grid : HistoryGrid
        From `history_grid`.
    ax : Axes, optional
        Where to draw.
    time_unit : str, optional
        Plural name of the model's time unit, such as "weeks".

    Returns
    -------
    Axes
        A cell per history, grey where there can be none, with lines of equal value.
    """
    ax = new_axes(ax, width=7.0, height=4.4)
    matrix = grid.matrix()
    x, y = matrix.columns.to_numpy(dtype=float), matrix.index.to_numpy(dtype=float)
    values = matrix.to_numpy(dtype=float)
    alive = grid.future_t is None
    # Few histories expect many purchases: the square root keeps the others apart.
    norm = Normalize(0, 1) if alive else PowerNorm(0.5, 0, max(float(np.nanmax(values)), 1e-9))
    ax.set_facecolor(GREY)
    edges = _edges(x), _edges(y)
    mesh = ax.pcolormesh(
        *edges, np.ma.masked_invalid(values), cmap=colormaps["viridis"], norm=norm, rasterized=True
    )
    _lines(ax, x, y, values, norm, alive)
    ax.set_xlim(edges[0][0], edges[0][-1])
    ax.set_ylim(edges[1][0], edges[1][-1])
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.xaxis.set_major_formatter(count_axis)
    ax.yaxis.set_major_formatter(count_axis)
    unit = f", {time_unit}" if time_unit else ""
    ax.set_xlabel("frequency: repeat purchases")
    ax.set_ylabel(f"recency: first to last purchase{unit}")
    span = _span(grid.future_t, time_unit)
    figure = ax.figure if isinstance(ax.figure, Figure) else ax.figure.figure
    bar = figure.colorbar(mesh, ax=ax, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, colors=INK)
    if not alive:
        bar.set_ticks([0.0, *_nice(values[np.isfinite(values)])])
        bar.ax.minorticks_off()
    bar.ax.yaxis.set_major_formatter(share_axis if alive else count_axis)
    bar.set_label("P(alive)" if alive else f"purchases expected in {span}", color=INK)
    said = text.share if alive else text.decimal
    finding = (
        _finding_alive(matrix, grid.T, time_unit)
        if alive
        else _finding_purchases(matrix, span, time_unit)
    )
    what = "P(alive)" if alive else "Expected purchases"
    return describe(
        ax,
        Description(
            finding,
            f"Heat map of {what if alive else what.lower()} over frequency and recency. {finding}.",
            _table(grid.table),
            {"frequency": text.count, "recency": text.plain}
            | dict.fromkeys(["value", "low", "high"], said),
            f"{what} of a customer {_span_of(grid.T, time_unit)} after the first purchase; lines "
            "join equal values. Grey: no customer can have such a history. The numbers come with "
            "95% intervals.",
        ),
    )


def _edges(at: np.ndarray) -> np.ndarray:
    """Return the ends of cells around points."""
    if len(at) == 1:
        return np.array([at[0] - 0.5, at[0] + 0.5])
    middle = (at[1:] + at[:-1]) / 2
    return np.concatenate([[1.5 * at[0] - at[1] / 2], middle, [1.5 * at[-1] - at[-2] / 2]])


def _lines(
    ax: Axes, x: np.ndarray, y: np.ndarray, values: np.ndarray, norm: Normalize, alive: bool
) -> None:
    """Draw and label lines of equal value over the histories with a repeat purchase."""
    if len(x) < 3 or len(y) < 3:
        return
    inner = values[1:, 1:]
    levels = [v for v in (_SHARES if alive else _nice(inner)) if inner.min() < v < inner.max()]
    if not levels:
        return
    ink = ["#ffffff" if norm(level) < 0.65 else "#111111" for level in levels]
    drawn = ax.contour(x[1:], y[1:], inner, levels=levels, colors=ink, linewidths=1)
    said = share_axis if alive else count_axis
    ax.clabel(drawn, fmt=lambda value: said(value), fontsize=9, inline_spacing=4)


def _nice(values: np.ndarray) -> list[float]:
    """Return the greatest of 1, 2 and 5 by powers of ten below the maximum, in order."""
    top = values.max()
    if top <= 0:
        return []
    power = int(np.floor(np.log10(top)))
    steps = [m * 10.0**p for p in range(power - 2, power + 1) for m in (1, 2, 5)]
    return [step for step in steps if step < top][-_LINES:]


def _finding_alive(matrix: pd.DataFrame, T: float, time_unit: str) -> str:
    """Say after what silence a customer is more likely gone, for few and for many purchases."""
    if len(matrix) < 2:
        return "Without time since the first purchase, P(alive) is 100%"
    few, many = 1.0, _near(matrix)
    parts = []
    for frequency in dict.fromkeys([many, few]):
        silence = _silence(matrix[frequency].dropna(), T)
        said = f"{text.count(frequency)} repeat purchase{'s' if frequency > 1 else ''}"
        parts.append((said, silence))
    said, silence = parts[0]
    if silence is None:
        least, most = matrix[many].min(), matrix[many].max()
        if most <= 0.5:
            even = f"even after a purchase just now ({text.share(most)})"
            return f"A customer with {said} is probably gone {even}"
        return f"A customer with {said} stays alive with {text.share(least)} or more"
    finding = (
        f"A customer with {said} is probably gone after {_span_of(silence, time_unit)} of silence"
    )
    if len(parts) > 1:
        other, later = parts[1]
        finding += (
            f", with {other} after {text.plain(_rounded(later))}"
            if later is not None
            else f", with {other} never"
        )
    return finding


def _silence(alive: pd.Series, T: float) -> float | None:
    """Return the time since the last purchase at which P(alive) is 50%, if it gets so low."""
    value, recency = alive.to_numpy(), alive.index.to_numpy(dtype=float)
    if value.min() >= 0.5 or value.max() <= 0.5:
        return None
    return T - float(np.interp(0.5, value, recency))  # P(alive) rises with recency


def _finding_purchases(matrix: pd.DataFrame, span: str, time_unit: str) -> str:
    """Say what silence costs a customer who bought often."""
    many = _near(matrix)
    column = matrix[many].dropna()
    said = f"{text.count(many)} repeat purchase{'' if many == 1 else 's'}"
    now = text.decimal(column.iloc[-1], 2)
    finding = f"A customer with {said} is expected to buy {now} times in {span}"
    if len(column) > 1:
        half = (len(column) - 1) // 2
        silence = _span_of(column.index[-1] - column.index[half], time_unit)
        finding += f", after {silence} of silence {text.decimal(column.iloc[half], 2)} times"
    return finding


def _near(matrix: pd.DataFrame) -> float:
    """Return the frequency of the grid nearest to one that is high."""
    columns = matrix.columns.to_numpy(dtype=float)
    columns = columns[columns > 0]
    if len(columns) == 0:
        return 0.0
    return float(columns[np.abs(columns - _BUSY).argmin()])


def _rounded(time: float) -> float:
    return round(time, 0 if time >= 3 else 1)


def _span_of(time: float, time_unit: str) -> str:
    return f"{text.plain(_rounded(time))} {time_unit or 'time units'}"


def _span(future_t: float | None, time_unit: str) -> str:
    return "" if future_t is None else f"the next {_span_of(future_t, time_unit)}"


def _table(table: pd.DataFrame) -> pd.DataFrame:
    """Return a readable part of the grid: few frequencies and recencies."""
    x, y = (np.unique(table[name]) for name in ("frequency", "recency"))
    few_x = x[np.unique(np.linspace(0, len(x) - 1, 8).round().astype(int))]
    few_y = y[np.unique(np.linspace(0, len(y) - 1, 6).round().astype(int))]
    inside = table["frequency"].isin(few_x) & table["recency"].isin(few_y)
    return table[inside].reset_index(drop=True)
