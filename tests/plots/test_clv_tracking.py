from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from matplotlib.dates import date2num
from matplotlib.figure import Figure

from segml.plots.card import show
from segml.plots.clv_tracking import plot_cumulative_tracking, plot_tracking

from .clv_results import tracking
from .test_segments import texts, title

WEEKS = tracking([4, 6, 12, 8], [5.0, 7.0, 9.0, 7.0], weeks_before=2)


def test_cumulative_finding_lines_and_band():
    ax = Figure().subplots()
    assert plot_cumulative_tracking(WEEKS, ax) is ax
    assert title(ax) == (
        "By 28 January 2026 the model expected 28 repeat purchases; 30 happened (-7%)"
    )
    actual, expected, cut = ax.lines
    assert list(actual.get_ydata()) == [4, 10, 22, 30]
    assert list(expected.get_ydata()) == [5, 12, 21, 28]
    assert cut.get_xdata()[0] == date2num(pd.Timestamp("2026-01-14"))
    (band,) = ax.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert heights.min() == pytest.approx(4)
    assert heights.max() == pytest.approx(35)
    assert ax.get_ylim()[0] == 0
    assert ax.get_ylim()[1] >= 35
    assert ax.get_ylabel() == "repeat purchases so far"


def test_weekly_finding_is_of_the_time_after_the_cut_off():
    ax = plot_tracking(WEEKS)
    assert title(ax) == (
        "After the cut-off the model expected 8.0 repeat purchases a week; 10 happened (-20%)"
    )
    assert list(ax.lines[0].get_ydata()) == [4, 6, 12, 8]
    assert ax.get_ylabel() == "repeat purchases per week"
    assert {"actual", "expected", "cut-off "} <= set(texts(ax))


def test_without_a_holdout():
    ax = plot_tracking(tracking([4, 6], [5.0, 7.0], weeks_before=2))
    assert title(ax).startswith("Up to the cut-off the model expected 6.0 repeat purchases a week")


def test_nothing_bought_again_has_no_percentage():
    nothing = tracking([0, 0], [0.2, 0.3], weeks_before=1)
    assert title(plot_cumulative_tracking(nothing)).endswith("0 happened")
    assert title(plot_tracking(nothing)) == (
        "After the cut-off the model expected 0.30 repeat purchases a week; 0 happened"
    )


def test_parts_of_weeks_are_left_out_of_the_weekly_figure_alone():
    part = dataclasses.replace(WEEKS, table=WEEKS.table.assign(complete=[True] * 3 + [False]))
    weekly = plot_tracking(part)
    assert list(weekly.lines[0].get_ydata()) == [4, 6, 12]
    said = show(weekly).description
    assert len(said.table) == 4
    assert said.caption.endswith("The data do not cover every week wholly.")
    assert len(plot_cumulative_tracking(part).lines[0].get_ydata()) == 4


def test_tables_hold_what_is_drawn():
    for draw, kind in ((plot_tracking, ""), (plot_cumulative_tracking, "_total")):
        table = show(draw(WEEKS)).description.table
        assert table["week to"].tolist()[0] == "2026-01-07"
        assert table["after the cut-off"].tolist() == ["", "", "yes", "yes"]
        for column in ("actual", "expected", "low", "high"):
            np.testing.assert_array_equal(table[column], WEEKS.table[column + kind])


@pytest.mark.parametrize("expected", [[5.0, 8.0], [5.0, 5.0], [5.0, 4.9]])
def test_labels_of_lines_that_end_close_do_not_overlap(expected):
    ax = plot_tracking(tracking([4, 5], expected, weeks_before=1))
    at = {a.get_text(): a.xy[1] for a in ax.texts if a.get_text() in ("actual", "expected")}
    assert abs(at["actual"] - at["expected"]) >= 0.069 * ax.get_ylim()[1]
    assert (at["expected"] > at["actual"]) == (expected[1] > 5)


def test_card_of_a_single_week():
    assert "<svg" in show(plot_tracking(tracking([4], [5.0], weeks_before=1))).svg
