from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from segml.evaluation.decomposition import Decomposition, decompose
from segml.plots import show
from segml.plots.style import GREY, segment_color
from segml.plots.waterfall import plot_mix_change

from .conftest import HOSTILE
from .test_segments import texts


def side(segment, numerator) -> pd.DataFrame:
    return pd.DataFrame({"segment": segment, "numerator": np.asarray(numerator, float)})


def example(**options) -> Decomposition:
    old = side([0] * 6 + [1] * 4, [10] * 6 + [30] * 4)
    new = side([0] * 3 + [1] * 7, [10] * 3 + [20] * 7)
    return decompose(old, new, {0: "Light", 1: "Heavy"}, kpi="spend", **options)


def bars(ax):
    return [one for container in ax.containers for one in container]


def test_steps_lead_from_the_old_value_to_the_new():
    found = example(unit="money", currency="USD")
    ax = Figure().subplots()
    assert plot_mix_change(found, ax) is ax
    drawn = bars(ax)
    assert [one.get_text() for one in ax.get_yticklabels()] == [
        "before",
        "mix: Light",
        "mix: Heavy",
        "within: Light",
        "within: Heavy",
        "now",
    ]
    at = drawn[0].get_width()
    for bar in drawn[1:-1]:
        assert bar.get_x() == pytest.approx(at)
        at += bar.get_width()
    assert at == pytest.approx(drawn[-1].get_width())
    colors = [to_hex(bar.get_facecolor()) for bar in drawn]
    own = [segment_color(i).lower() for i in (0, 1)]
    assert colors == [GREY, *own, *own, GREY]
    assert {"$18.00", "$17.00"} <= set(texts(ax))


def test_the_title_and_the_table():
    card = show(plot_mix_change(example()))
    assert card.description.finding.startswith("Spend went from 18 to 17: -5.50 within segments")
    assert card.description.table["sum"].sum() == pytest.approx(-1)
    assert "mix of segments +4.50" in card.description.alt


def test_an_axis_that_leaves_0_out_says_so():
    old = side([0, 0, 1, 1], [100, 101, 102, 103])
    ax = plot_mix_change(decompose(old, old.assign(numerator=old["numerator"] + 1), kpi="spend"))
    assert ax.get_xlim()[0] > 0
    assert "does not start at 0" in ax.get_xlabel()
    wide = plot_mix_change(decompose(old, old.assign(numerator=old["numerator"] * 3), kpi="spend"))
    assert wide.get_xlim()[0] == 0
    assert "does not start" not in wide.get_xlabel()


def test_totals_shares_entry_exit_and_negative_values():
    old, new = side([0, 0], [1, 2]), side([0, 0, 0], [1, 2, 3])
    ax = plot_mix_change(decompose(old, new, total=True))
    assert "number of customers" in [one.get_text() for one in ax.get_yticklabels()]
    ax = plot_mix_change(example(total=True))
    assert "number of customers" not in [one.get_text() for one in ax.get_yticklabels()]
    shares = decompose(side([0, 0], [0, 1]), side([0, 0], [1, 1]), unit="share", kpi="buyers")
    assert "+50.0 points" in texts(plot_mix_change(shares))
    moved = decompose(side([0, 0, 1, 1], [1, 2, 3, 4]), side([0, 0, 2, 2], [-1, -2, -3, -4]))
    ax = plot_mix_change(moved)
    labels = [one.get_text() for one in ax.get_yticklabels()]
    assert labels[-3:] == ["new: segment 2", "gone: segment 1", "now"]
    assert ax.get_xlim()[0] < 0


@pytest.mark.parametrize("n", [1, 5, 12])
def test_many_segments_and_hostile_names(n):
    rng = np.random.default_rng(0)
    old, new = (side(np.repeat(np.arange(n), 5), rng.gamma(2, 20, 5 * n)) for _ in range(2))
    names = HOSTILE | {i: f"a rather long name of a segment, number {i}" for i in range(5, 12)}
    card = show(plot_mix_change(decompose(old, new, names, kpi="<b>spend</b>")))
    assert "<script" not in card._repr_html_()
    assert "<b>spend" not in card._repr_html_()
    assert len(card.description.table) == n
