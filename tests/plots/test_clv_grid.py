from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from segml.clv import BetaGeoModel
from segml.clv.grid import HistoryGrid, history_grid
from segml.features import rfm_summary
from segml.plots.card import show
from segml.plots.clv_grid import plot_history_grid

from .clv_results import grid
from .test_segments import title


def cells(ax) -> np.ma.MaskedArray:
    (mesh,) = [child for child in ax.get_children() if isinstance(child, QuadMesh)]
    return mesh.get_array()


def fades(x: float, t_x: float) -> float:
    """50% after 40 - 2x of silence, linear in recency."""
    return float(np.clip(0.5 + (t_x - 2 * x) / 80, 0, 1)) if x else 1.0


def test_finding_of_alive_says_after_what_silence_a_customer_is_gone():
    ax = Figure().subplots()
    assert plot_history_grid(grid(fades), ax, time_unit="weeks") is ax
    # at 10 purchases P(alive) is 50% at recency 20 of 40, at 1 at recency 2
    assert title(ax) == (
        "A customer with 10 repeat purchases is probably gone after 20 weeks of silence, "
        "with 1 repeat purchase after 38"
    )
    assert ax.get_xlabel() == "frequency: repeat purchases"
    assert ax.get_ylabel() == "recency: first to last purchase, weeks"


def test_finding_where_nobody_is_probably_gone():
    ax = plot_history_grid(grid(lambda x, t_x: 0.8 + t_x / 400), time_unit="weeks")
    assert title(ax) == "A customer with 10 repeat purchases stays alive with 80% or more"
    ax = plot_history_grid(grid(lambda x, t_x: 0.9 if x < 2 else fades(x, t_x)))
    assert title(ax).endswith("after 20 time units of silence, with 1 repeat purchase never")


def test_finding_where_even_a_fresh_purchase_leaves_little_hope():
    ax = plot_history_grid(grid(lambda x, t_x: 0.1 + t_x / 400 if x else 1.0))
    assert title(ax) == (
        "A customer with 10 repeat purchases is probably gone even after a purchase just now (20%)"
    )


def test_finding_of_purchases():
    ax = plot_history_grid(grid(lambda x, t_x: x * t_x / 100, future_t=39.0), time_unit="weeks")
    assert title(ax) == (
        "A customer with 10 repeat purchases is expected to buy 4.0 times in the next 39 weeks, "
        "after 20 weeks of silence 2.0 times"
    )


def test_impossible_cells_are_grey_and_all_others_drawn():
    ax = plot_history_grid(grid(fades))
    drawn = cells(ax)
    assert drawn.shape == (41, 13)
    assert drawn.mask.sum() == 40 + 12  # beside the cell of no repeat purchase, and above it
    assert not drawn.mask[0, 0]
    assert drawn[40, 10] == pytest.approx(fades(10, 40))
    assert ax.get_facecolor()[:3] != (1, 1, 1)


def test_table_holds_intervals():
    card = show(plot_history_grid(grid(fades), time_unit="weeks"))
    table = card.description.table
    assert list(table.columns) == ["frequency", "recency", "value", "low", "high"]
    assert len(table) < 60
    for row in table.itertuples():
        assert row.value == fades(row.frequency, row.recency)
    assert "Grey: no customer can" in card.description.caption
    assert card.description.alt.startswith("Heat map of P(alive)")
    assert 'aria-label="Heat map' in card.svg


def test_lines_are_labelled_in_their_unit():
    svg = show(plot_history_grid(grid(fades))).svg
    assert ">50%</text>" in svg
    svg = show(plot_history_grid(grid(lambda x, t_x: x * t_x / 100, future_t=39.0))).svg
    assert ">0.5</text>" in svg
    assert "17.5" not in svg


@pytest.mark.parametrize("future_t", [None, 39.0])
@pytest.mark.parametrize("most", [1, 3])
def test_few_frequencies(most, future_t):
    card = show(plot_history_grid(grid(fades, most=most, future_t=future_t)))
    assert f"{most} repeat purchase" in card.description.finding


@pytest.mark.parametrize("future_t", [None, 39.0])
def test_customers_of_no_time_at_all(future_t):
    nothing = HistoryGrid(
        pd.DataFrame({"frequency": [0.0], "recency": 0.0, "value": 1.0, "low": 1.0, "high": 1.0}),
        0.0,
        future_t,
    )
    assert "<svg" in show(plot_history_grid(nothing)).svg


def test_nothing_expected_of_anybody():
    card = show(plot_history_grid(grid(lambda x, t_x: 0.0, future_t=39.0)))
    assert "expected to buy 0 times" in card.description.finding


def test_cdnow(cdnow_sample):
    rfm = rfm_summary(cdnow_sample, "1997-09-30", time_unit="W")
    model = BetaGeoModel().fit(rfm)
    ax = plot_history_grid(history_grid(model, rfm), time_unit="weeks")
    assert title(ax) == (
        "A customer with 10 repeat purchases is probably gone after 10 weeks of silence, "
        "with 1 repeat purchase after 26"
    )
    for frequency, silence in ((10, 10), (1, 26)):
        T = rfm["T"].max()
        near = pd.DataFrame(
            {"frequency": frequency, "recency": T - silence + np.array([0.5, -0.5]), "T": T}
        )
        before, after = model.expected_probability_alive(near)
        assert before > 0.5 > after
