from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from segml._core.errors import NotEnoughDataError
from segml.clv import HoldoutCheck, holdout_check
from segml.kpis import kpi_table
from segml.kpis.table import ALL
from segml.plots import plot_holdout, plot_value_by_segment, show

from .conftest import kpis
from .test_segments import texts, title


class OneEach:
    def expected_purchases(self, rfm, future_t):
        return pd.Series(1.0, rfm.index)


def check(holdout: list[int]) -> HoldoutCheck:
    return holdout_check(
        OneEach(),
        pd.DataFrame(
            {"frequency": [0, 0, 1, 1, 8], "frequency_holdout": holdout, "duration_holdout": 39.0}
        ),
    )


def test_holdout_finding_has_totals_and_error():
    ax = Figure().subplots()
    assert plot_holdout(check([0, 1, 2, 0, 1]), ax, time_unit="weeks") is ax
    assert title(ax) == (
        "In the 39 weeks after the cut-off the model expected 5 purchases; 4 happened (+25%)"
    )
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "1", "7+"]
    assert ax.get_ylim()[0] == 0
    assert sorted(texts(ax)) == ["■ expected", "● actual"]
    expected = ax.lines[0]
    assert list(expected.get_ydata()) == [1, 1, 1]


def test_holdout_draws_means_with_intervals():
    result = check([0, 1, 2, 0, 1])
    ax = plot_holdout(result)
    (bars,) = ax.containers
    assert list(bars.lines[0].get_ydata()) == [0.5, 1.0, 1.0]
    segments = bars.lines[2][0].get_segments()
    assert segments[0][:, 1].tolist() == pytest.approx(
        result.table.loc["0", ["low", "high"]].tolist()
    )


def test_holdout_table():
    result = check([0, 1, 2, 0, 1])
    table = show(plot_holdout(result)).description.table
    assert table["purchases before"].tolist() == ["0", "1", "7+"]
    for column in ("customers", "actual", "expected", "high"):
        np.testing.assert_array_equal(table[column], result.table[column])


def test_holdout_in_which_nothing_was_bought():
    card = show(plot_holdout(check([0] * 5), time_unit="weeks"))
    assert card.description.finding == (
        "In the 39 weeks after the cut-off the model expected 5 purchases; 0 happened"
    )
    assert "<svg" in card.svg


def test_value_finding_axis_and_marks(three):
    ax = Figure().subplots()
    assert plot_value_by_segment(three, ax, horizon="52 weeks") is ax
    # customers are worth 1 to 12, segments are every third: means 5.5, 6.5 and 7.5, all 6.5
    assert title(ax) == "A customer of “Top” is worth $7.50, 1.2 times the mean"
    assert texts(ax) == ["$5.50", "$6.50", "$7.50", "mean of all $6.50"]
    assert ax.get_xlabel() == "mean lifetime value per customer in 52 weeks"
    assert ax.get_xscale() == "linear"
    assert ax.get_xlim()[0] == 0
    rows = three.rows("clv").drop(index=ALL)
    drawn = [list(line.get_xdata()) for line in ax.lines]
    for row in rows.itertuples():
        assert [row.low, row.high] in drawn


def test_value_table(three):
    table = show(plot_value_by_segment(three)).description.table
    assert table["lifetime value"].tolist() == [5.5, 6.5, 7.5]
    assert table["customers"].tolist() == [4, 4, 4]
    assert table["low"].tolist() == three.rows("clv").drop(index=ALL)["low"].tolist()


def test_value_far_apart_is_on_a_logarithmic_axis_that_says_so():
    ax = plot_value_by_segment(kpis(2, clv=np.array([1.0, 50.0] * 4)))
    assert ax.get_xscale() == "log"
    assert ax.get_xlabel().endswith(", log scale")
    assert title(ax) == "A customer of “segment 1” is worth $50.00, 2.0 times the mean"
    svg = show(ax).svg
    assert ">$10</text>" in svg
    assert "mathdefault" not in svg


def test_segment_worth_nothing():
    ax = plot_value_by_segment(kpis(2, clv=np.array([0.0, 50.0] * 4)))
    assert ax.get_xscale() == "linear"
    assert texts(ax) == ["$0.00", "$50.00", "mean of all $25.00"]


def test_nobody_worth_anything():
    card = show(plot_value_by_segment(kpis(2, clv=np.zeros(8))))
    assert card.description.finding == "A customer of “segment 0” is worth $0.00"


@pytest.mark.parametrize("n", [1, 9, 12])
def test_value_of_any_number_of_segments(n):
    ax = plot_value_by_segment(kpis(n))
    best = np.arange(1.0, 4 * n + 1)[n - 1 :: n].mean()
    assert title(ax).startswith(f"A customer of “segment {n - 1}” is worth ${best:.2f}, ")
    assert len(ax.get_yticks()) == n


def test_value_without_the_forecast_says_why_there_is_nothing_to_draw():
    orders = pd.DataFrame(
        {"customer_id": ["a"], "order_id": [1], "ordered_at": ["2026-01-01"], "revenue": [1.0]}
    )
    with pytest.raises(NotEnoughDataError) as caught:
        plot_value_by_segment(kpi_table(orders, pd.Series({"a": 0})))
    assert caught.value.problem.got == "this needs the prediction clv"
