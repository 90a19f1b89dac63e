from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from segml.features import build_features
from segml.plots import plot_features, show

from .test_segments import title


def orders(revenue: list[float], **columns: object) -> pd.DataFrame:
    n = len(revenue)
    return pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "order_id": range(n),
            "ordered_at": "2026-01-01",
            "revenue": revenue,
            **columns,
        }
    )


def test_medians_make_the_finding():
    features = build_features(orders([1.0, 2.0, 4.0, 90.0]), None, ["orders", "revenue"])
    axes = list(Figure().subplots(1, 2))
    drawn = plot_features(features, axes)
    assert list(drawn) == axes
    assert title(axes[0]) == "The median customer: orders 1; revenue 3"
    assert axes[1].get_xscale() == "log"
    assert axes[1].get_xlabel() == "revenue (log scale)"
    assert axes[0].get_xlabel() == "orders"
    assert axes[0].get_ylabel() == "share of customers"
    assert [line.get_xdata()[0] for line in (axes[0].lines[0], axes[1].lines[0])] == [1, 3]


def test_bars_are_shares_of_all_customers():
    features = build_features(orders([1.0, 2.0, 4.0, 5.0]), None, ["orders", "revenue"])
    for ax in plot_features(features):
        assert sum(bar.get_height() for bar in ax.patches) == pytest.approx(1)


def test_table_has_quartiles_and_missing_values(cdnow_sample):
    features = build_features(cdnow_sample, "1998-06-30", ["recency_days", "aov"])
    table = show(plot_features(features)).description.table.set_index("feature")
    frame = features.to_pandas()
    quartiles = np.quantile(frame["aov"], [0.25, 0.5, 0.75])
    found = table.loc["Average order value", ["lower quartile", "median", "upper quartile"]]
    assert found.tolist() == pytest.approx(quartiles)
    assert table["missing"].tolist() == [0, 0]


def test_missing_values_are_counted_and_left_out():
    source = orders([1.0] * 4, quantity=[2.0, None, 6.0, None])
    features = build_features(source, None, ["items_per_order"])
    card = show(plot_features(features))
    assert card.description.finding == "The median customer: items per order 4"
    assert card.description.table["missing"].tolist() == [2]


def test_a_feature_without_any_value():
    features = build_features(
        orders([1.0, 2.0], quantity=[None, None]), None, ["orders", "items_per_order"]
    )
    axes = plot_features(features)
    assert title(axes[0]) == "The median customer: orders 1; items per order n/a"
    assert axes[1].get_xlabel() == "items per order (no values)"
    assert "n/a" in show(axes)._repr_html_()


@pytest.mark.parametrize("revenue", [0.0, 0.1, 1e9])
def test_everyone_the_same(revenue):
    features = build_features(orders([revenue] * 3), None, ["revenue"])
    (ax,) = plot_features(features)
    assert sum(bar.get_height() for bar in ax.patches) == pytest.approx(1)
    assert "<svg" in show(ax).svg


def test_zeros_on_a_logarithmic_axis_count_too():
    features = build_features(orders([0.0, 0.0, 1.0, 500.0]), None, ["revenue"])
    (ax,) = plot_features(features)
    assert ax.get_xscale() == "log"
    assert sum(bar.get_height() for bar in ax.patches) == pytest.approx(1)
