"""The figure of one customer's P(alive)."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

from segml._core import text
from segml.clv.history import AliveHistory

from .card import Description, describe
from .clv_tracking import _day
from .style import INK, PALETTE, new_axes, share_axis


def plot_alive_history(history: AliveHistory, ax: Axes | None = None, label: str = "") -> Axes:
    """Draw how a customer's probability to be alive rose and fell.

    Parameters
    ----------
    history : AliveHistory
        From `alive_history`.
    ax : Axes, optional
        Where to draw.
    label : str, optional
        Who it is; nothing in the figure says so otherwise.

    Returns
    -------
    Axes
        A line with its 95% interval, and the purchases marked on it.
    """
    ax = new_axes(ax)
    table = history.table
    ax.fill_between(table.index, table["low"], table["high"], color=PALETTE[0], alpha=0.2, lw=0)
    ax.plot(table.index, table["alive"], color=PALETTE[0], linewidth=1.8)
    bought = table[table["bought"]]
    ax.plot(bought.index, [-0.04] * len(bought), "|", color=INK, ms=9, mew=1.2, clip_on=False)
    ax.set_ylim(-0.08, 1.02)
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1])
    ax.yaxis.set_major_formatter(share_axis)
    ax.set_ylabel("P(alive)")
    ax.set_xlabel("each stroke: a purchase")
    if len(table) == 1:
        ax.plot(table.index, table["alive"], "o", ms=6, color=PALETTE[0])
    locator = AutoDateLocator(minticks=3, maxticks=9)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    now = table.iloc[-1]
    ax.annotate(
        text.share(now["alive"]),
        (table.index[-1], now["alive"]),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        color=INK,
        annotation_clip=False,
    )
    ax.margins(x=0.01)
    n = history.n_purchases
    silence = (table.index[-1] - history.last_purchase).days
    since = (
        "on the day of"
        if silence == 0
        else f"{text.count(silence)} day{'s' if silence > 1 else ''} after"
    )
    finding = (
        f"{label + ': ' if label else ''}{text.share(now['alive'])} likely alive "
        f"({text.share(now['low'])} to {text.share(now['high'])}) on {_day(table.index[-1])}, "
        f"{since} the {'only purchase' if n == 1 else f'last of {text.count(n)} purchases'}"
    )
    return describe(
        ax,
        Description(
            finding,
            f"Line of one customer's P(alive), {table.index[0]:%Y-%m-%d} to "
            f"{table.index[-1]:%Y-%m-%d}. {finding}.",
            _table(table),
            dict.fromkeys(["P(alive)", "low", "high"], text.share),
            "P(alive) with what was known on each day; the band is its 95% interval. The table "
            "holds the days with a purchase, those before them, and the last one.",
        ),
    )


def _table(table: pd.DataFrame) -> pd.DataFrame:
    """Return the turning points: purchases, what came just before, and the end."""
    kept = table["bought"] | table["bought"].shift(-1, fill_value=True)
    few = table[kept]
    return pd.DataFrame(
        {
            "date": [f"{day:%Y-%m-%d}" for day in few.index],
            "purchase": ["yes" if bought else "" for bought in few["bought"]],
            "P(alive)": few["alive"].to_numpy(),
            "low": few["low"].to_numpy(),
            "high": few["high"].to_numpy(),
        }
    )
