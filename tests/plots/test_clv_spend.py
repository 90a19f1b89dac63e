from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from segml.clv import Prediction
from segml.clv.distribution import value_distribution
from segml.plots.card import show
from segml.plots.clv_spend import plot_spend_fit, plot_value_distribution

from .clv_results import fit
from .test_segments import texts, title


def distribution(values):
    values = pd.Series(np.asarray(values, dtype=float))
    return value_distribution(
        Prediction(values, values.to_numpy()[:, None], np.array([[0.01]]), "clv", "positive")
    )


TWENTY = distribution(np.arange(1, 21))


def test_value_finding_has_total_and_share_with_intervals():
    ax = Figure().subplots()
    assert plot_value_distribution(TWENTY, ax, currency="USD", horizon="52 weeks") is ax
    # one parameter scales all values: the share is certain, the total has an error of 10%
    assert title(ax) == (
        "Customers are worth $210.00 in 52 weeks ($172.62 to $255.47); "
        "the top tenth hold 19% (19% to 19%)"
    )
    assert 210 * np.exp(-0.196) == pytest.approx(172.62, abs=0.01)
    assert ax.get_xlabel() == "lifetime value per customer in 52 weeks, log scale"
    assert ax.get_xscale() == "log"
    assert texts(ax) == ["lowest tenth $1.50", "mean of all $10.50", "highest tenth $19.50"]


def test_bars_are_all_customers_and_marks_have_intervals():
    ax = plot_value_distribution(TWENTY)
    assert sum(bar.get_height() for bar in ax.patches) == 20
    drawn = [list(line.get_xdata()) for line in ax.lines]
    for row in (TWENTY.mean, TWENTY.tenths.iloc[0], TWENTY.tenths.iloc[-1]):
        assert [row["low"], row["high"]] in drawn
    assert max(ax.get_yticks()) <= TWENTY.bins["customers"].max()


def test_value_table_is_by_tenth():
    table = show(plot_value_distribution(TWENTY)).description.table
    assert table["tenth of customers"].tolist() == list(range(1, 11))
    np.testing.assert_allclose(table["mean"], 19.5 - 2 * np.arange(10))
    assert table["share"].sum() == pytest.approx(1)


def test_customers_worth_nothing_are_counted():
    card = show(plot_value_distribution(distribution([0.0, 0.0, 5.0, 9.0]), currency="EUR"))
    assert card.description.caption.endswith("Not drawn are customers worth less than €0.01: 2.")


@pytest.mark.parametrize("values", [[5.0], [5.0] * 30, np.geomspace(0.02, 3e6, 40)])
def test_value_of_few_equal_and_far_apart(values):
    card = show(plot_value_distribution(distribution(values), currency="USD"))
    assert "$" in card.svg
    assert "mathdefault" not in card.svg


def test_spend_finding_bars_line_and_band():
    ax = Figure().subplots()
    assert plot_spend_fit(fit(), ax, currency="USD") is ax
    assert title(ax) == (
        "Half of the repeat buyers spend less than $14.00 a purchase; the model expects $15.50 "
        "($14.50 to $16.50)"
    )
    assert [bar.get_height() for bar in ax.patches] == [2, 5, 3]
    assert [bar.get_x() for bar in ax.patches] == [5, 10, 20]
    assert [bar.get_width() for bar in ax.patches] == [5, 10, 20]
    (line,) = ax.lines
    assert list(line.get_ydata()) == [2.5, 4, 3]
    np.testing.assert_allclose(line.get_xdata(), np.sqrt([50, 200, 800]))
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == (2.0, 4.5)
    assert ax.get_xlabel().endswith("log scale")


def test_spend_axis_has_labels_in_money():
    svg = show(plot_spend_fit(fit(), currency="USD")).svg
    for label in (">$10</text>", ">$20</text>"):
        assert label in svg


def test_spend_table_and_caption():
    said = show(plot_spend_fit(fit())).description
    pd.testing.assert_frame_equal(said.table, fit().bins)
    assert said.caption.endswith("It expects 0.50 customers beyond the ends.")
    none = dataclasses.replace(fit(), n_outside=0.0)
    assert show(plot_spend_fit(none)).description.caption.endswith("0 customers beyond the ends.")
