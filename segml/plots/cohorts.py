"""The heat map of who comes back, by cohort."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.ticker import FixedLocator

from segml._core import text
from segml._core.check import one_of
from segml._core.errors import NotEnoughDataError
from segml.kpis.cohorts import CohortRetention

from .card import Description, describe
from .style import INK, new_axes

_PAGE = 9.0  # inches
_ROW = 0.3  # inches
_TEXTS = 0.28  # inches of a cell that has its share written in it
_ALL, _GAP = 0.28, 0.12  # inches: the row of all cohorts, and what is between it and the others
_DARKEST = 0.98  # of cells are lighter than the darkest: a few small cohorts would take it all
_MANY = 26  # rows, of which more are drawn narrower and not all named


def plot_cohort_retention(
    cohorts: CohortRetention, ax: Axes | None = None, segment: Any = None
) -> Axes:
    """Draw the share of each cohort that orders again, by age.

    Parameters
    ----------
    cohorts : CohortRetention
        From `cohort_retention`.
    ax : Axes, optional
        Where to draw.
    segment : int or str, optional
        Id of the segment to draw, where there are segments.

    Returns
    -------
    Axes
        A cell per cohort and age from 1 on, the darker the more come back; all cohorts
        together above them. Cells that are not over yet are empty.

    Raises
    ------
    ParameterError
        There are segments and none was named, or an unknown one.
    NotEnoughDataError
        No cohort is old enough to have come back.
    """
    table = cohorts.table
    name = ""
    if "segment" in table.columns:
        one_of(str(segment), table["segment"].unique(), "segment")
        table = table[table["segment"] == str(segment)]
        name = str(table["name"].iloc[0])
    unit = cohorts.period
    later = table[table["age"] > 0]
    if later.empty:
        raise NotEnoughDataError(
            f"no cohort is a {unit} old",
            where="cohorts",
            got=f"{table['cohort'].nunique()} cohorts",
        )
    shares = later.pivot(index="cohort", columns="age", values="share").sort_index()
    sizes = table.groupby("cohort")["customers"].first()[shares.index]
    sums = later.groupby("age")[["active", "customers"]].sum()
    every = sums["active"] / sums["customers"]
    n_rows, n_columns = shares.shape
    row = _ROW if n_rows <= _MANY else _ROW * _MANY / n_rows
    # So few ages as would make cells wide as bricks are drawn narrow.
    width = min(_PAGE, 2.2 + 0.62 * n_columns)
    ax = new_axes(ax, width=max(width, 5.2), height=max(3.2, 1.3 + row * n_rows + _ALL + _GAP))
    values = np.ma.masked_invalid(shares.to_numpy(dtype=float))
    together = every.to_numpy(dtype=float)
    most = float(np.quantile(values.compressed(), _DARKEST))
    norm = Normalize(0, max(most, float(together.max())) or 1.0, clip=True)
    edges = np.arange(n_columns + 1) + 0.5
    cell = (max(width, 5.2) - 1.9) / n_columns
    lines = 1.5 if min(cell, row) > 0.2 else 0.0
    look: Any = {"cmap": colormaps["Blues"], "norm": norm, "edgecolors": "#ffffff"}
    ax.pcolormesh(edges, np.arange(n_rows + 1), values, linewidth=lines, **look)
    top = (_ALL + _GAP) / row, _GAP / row  # of the row of all cohorts, in rows
    ax.pcolormesh(edges, [-top[0], -top[1]], together[None, :], linewidth=lines, **look)
    if cell >= _TEXTS and row >= 0.2:
        rows = [(i + 0.5, one.filled(np.nan)) for i, one in enumerate(values)]
        _texts(ax, [(-sum(top) / 2, together), *rows], norm, cell)
    _axes(ax, shares, sizes, unit, top)
    finding = _finding(every, sums["customers"], unit, name)
    shown = later[["cohort", "age", "customers", "active", "share", "low", "high"]]
    half = float(((later["high"] - later["low"]) / 2).max())
    points = f"{100 * half:.0f}" if half >= 0.01 else f"{100 * half:.1f}"
    return describe(
        ax,
        Description(
            finding,
            f"Heat map of {n_rows} cohorts by {n_columns} {unit}s since the first order. "
            f"{finding}.",
            shown.reset_index(drop=True),
            {"age": text.count, "customers": text.count, "active": text.count}
            | dict.fromkeys(["share", "low", "high"], text.share),
            f"Of the customers whose first order was in a {unit}, the share that ordered in each "
            f"later {unit}; “all” are the cohorts that are so old. The darker, the more, "
            f"up to {text.share(norm.vmax)} and above. Intervals are in the numbers: the widest "
            f"is ±{points} percentage points.",
        ),
    )


def _texts(ax: Axes, rows: list[tuple[float, np.ndarray]], norm: Normalize, width: float) -> None:
    """Write the shares into their cells: rows of a height and shares, cells as wide in inches."""
    wide = width > 0.45
    for at, shares in rows:
        for j, share in enumerate(shares):
            if np.isfinite(share):
                ax.text(
                    j + 1,
                    at,
                    text.share(share) if wide and share else f"{100 * share:.0f}%",
                    ha="center",
                    va="center",
                    fontsize=8.5 if wide else 7,
                    fontweight="bold" if at < 0 else "normal",
                    color="#ffffff" if norm(share) > 0.6 else "#111111",
                )


def _axes(
    ax: Axes, shares: pd.DataFrame, sizes: pd.Series, unit: str, top: tuple[float, float]
) -> None:
    n_rows, n_columns = shares.shape
    step = -(-n_rows // _MANY)
    named = list(range(0, n_rows, step))
    labels = [f"{shares.index[i]}  ({text.count(sizes.iloc[i])})" for i in named]
    ax.set_yticks(
        [-sum(top) / 2, *(i + 0.5 for i in named)], [f"all  ({text.count(sizes.sum())})", *labels]
    )
    ax.set_ylim(n_rows, -top[0])
    ages = shares.columns.to_numpy()
    ax.set_xlim(0.5, n_columns + 0.5)
    every = next(one for one in (1, 2, 3, 6, 12, 13, 26, 52, n_columns) if n_columns / one <= 20)
    ticks = [i for i, age in enumerate(ages) if age % every == 0 or (every > 1 and i == 0)]
    ax.xaxis.set_major_locator(FixedLocator([i + 1.0 for i in ticks]))
    ax.set_xticklabels([str(ages[i]) for i in ticks])
    ax.xaxis.tick_top()
    # Below: a label between ticks and title would push the title out of a low figure.
    ax.xaxis.set_label_position("bottom")
    ax.set_xlabel(f"{unit}s since the {unit} of the first order")
    ax.annotate(
        "first order in (customers)",
        (0, 1),
        xycoords="axes fraction",
        xytext=(-5, 4),
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize=9,
        color=INK,
    )
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _finding(every: pd.Series, customers: pd.Series, unit: str, name: str) -> str:
    """Say how many come back in the first period, and in the last that most customers reached."""
    who = f"Of “{name}”" if name else "Of all customers"
    first = f"{who} {text.share(every.iloc[0])} order again in the {unit} after their first"
    reached = customers.index[customers >= customers.iloc[0] / 2]
    last = int(reached.max())
    if last == int(every.index[0]):
        return first
    return f"{first}, {text.share(every.loc[last])} in {unit} {last} after it"
