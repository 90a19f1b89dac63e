from __future__ import annotations

import numpy as np
import pytest
from matplotlib.dates import date2num
from matplotlib.figure import Figure

from segml.plots.card import show
from segml.plots.clv_customer import plot_alive_history

from .clv_results import history
from .test_segments import texts, title

ALIVE = [1.0, 0.9, 0.95, 0.8, 0.6]


def test_finding_line_band_and_purchases():
    ax = Figure().subplots()
    drawn = history(ALIVE, [0, 2])
    assert plot_alive_history(drawn, ax) is ax
    assert title(ax) == (
        "60% likely alive (55% to 65%) on 5 January 2026, 2 days after the last of 2 purchases"
    )
    line, strokes = ax.lines
    assert list(line.get_ydata()) == ALIVE
    first = date2num(drawn.table.index[0])
    assert list(date2num(strokes.get_xdata())) == [first, first + 2]
    assert ax.collections[0].get_paths()[0].vertices[:, 1].min() == pytest.approx(0.55)
    assert texts(ax) == ["60%"]
    assert ax.get_ylabel() == "P(alive)"


def test_title_has_no_id_but_the_label_that_is_given():
    assert title(plot_alive_history(history(ALIVE, [0, 2]), label="Customer A")).startswith(
        "Customer A: 60% likely alive"
    )


def test_one_purchase_today_and_a_day_ago():
    ax = plot_alive_history(history([1.0], [0]))
    assert title(ax).endswith("on 1 January 2026, on the day of the only purchase")
    assert "<svg" in show(ax).svg
    ax = plot_alive_history(history([1.0, 0.9], [0]))
    assert title(ax).endswith("1 day after the only purchase")


def test_table_holds_the_turning_points():
    table = show(plot_alive_history(history(ALIVE, [0, 2]))).description.table
    assert table["date"].tolist() == ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-05"]
    assert table["purchase"].tolist() == ["yes", "", "yes", ""]
    np.testing.assert_allclose(table["P(alive)"], [1, 0.9, 0.95, 0.6])
    np.testing.assert_allclose(table["low"], [0.95, 0.85, 0.9, 0.55])


def test_alternative_text_says_the_finding():
    card = show(plot_alive_history(history(ALIVE, [0, 2])))
    assert card.description.finding in card.description.alt
