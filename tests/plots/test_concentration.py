from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from segml._core.errors import NotEnoughDataError
from segml.kpis.lorenz import Concentration, concentration
from segml.plots.card import show
from segml.plots.concentration import plot_concentration
from segml.plots.style import GREY, segment_color

from .conftest import HOSTILE
from .test_segments import texts, title


def found(n_segments: int = 3, names: dict | None = None, revenue=None) -> Concentration:
    """Return the concentration of segments whose revenue is spread the more unevenly."""
    n = 40 * n_segments
    segment = np.arange(n) % n_segments
    random = np.random.default_rng(0)
    spent = random.lognormal(3, 0.2 + 0.1 * segment) if revenue is None else np.full(n, revenue)
    orders = pd.DataFrame(
        {
            "customer_id": [f"c{i:04d}" for i in range(n)],
            "order_id": range(n),
            "ordered_at": pd.Timestamp("2026-01-01"),
            "revenue": spent.round(2),
        }
    )
    labels = pd.Series(segment, index=orders["customer_id"])
    return concentration(orders, labels, names, currency="EUR")


def test_curves_are_those_of_the_result_in_the_colours_of_the_segments():
    one = found()
    ax = Figure().subplots()
    assert plot_concentration(one, ax) is ax
    drawn = {to_hex(line.get_color()): line for line in ax.lines if len(line.get_xdata()) > 3}
    for segment in ("0", "1", "2"):
        part = one.curve[one.curve["segment"] == segment]
        line = drawn[segment_color(int(segment)).lower()]
        np.testing.assert_array_equal(line.get_xdata(), part["customers"])
        np.testing.assert_array_equal(line.get_ydata(), part["revenue"])
    assert GREY.lower() in drawn
    dot = next(line for line in ax.lines if line.get_marker() == "o")
    assert float(dot.get_ydata()[0]) == pytest.approx(1 - one.table["top_fifth"].iloc[-1])


def test_the_title_and_the_indices_are_said():
    one = found(names={0: "Even", 1: "Middle", 2: "Steep"})
    ax = plot_concentration(one)
    assert title(ax) == one.verdict.removesuffix(".")
    listed = [said.split("\n")[0] for said in texts(ax) if "(" in said]
    assert listed == ["all customers", "Even", "Middle", "Steep"]  # by their index
    for gini in one.table["gini"]:
        assert any(f"{gini:.2f} (" in said for said in texts(ax))


@pytest.mark.parametrize("n", [1, 8, 12])
def test_many_segments_and_long_names_stay_in_the_figure(n):
    long = {i: f"Very frequent, very high-spend, mobile shoppers of group {i}" for i in range(n)}
    ax = plot_concentration(found(n, long))
    show(ax)  # lays the figure out
    frame = ax.figure.bbox
    boxes = [one.get_window_extent() for one in ax.texts if one.get_text().startswith("Very")]
    assert len(boxes) == n
    assert all(box.x1 <= frame.x1 and box.y0 >= frame.y0 for box in boxes)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])


def test_hostile_names_and_numbers_behind():
    card = show(plot_concentration(found(5, HOSTILE)))
    assert "<script" not in card._repr_html_()
    assert "€" in card._repr_html_()
    assert len(card.description.table) == 6


def test_all_bring_the_same():
    ax = plot_concentration(found(2, revenue=5.0))
    assert "20% of revenue (Gini index 0.00)" in title(ax)


def test_without_revenue_there_is_nothing_to_draw():
    with pytest.raises(NotEnoughDataError, match=r"nothing to draw(.|\n)*no revenue"):
        plot_concentration(found(2, revenue=0.0))
