from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from segml.features import build_features
from segml.plots import plot_features, show

from ..features.bundles import bundle, store
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


def test_a_feature_without_any_value_is_left_out():
    features = build_features(
        orders([1.0, 2.0], quantity=[None, None]), None, ["orders", "items_per_order"]
    )
    (ax,) = plot_features(features)
    assert title(ax) == "The median customer: orders 1"
    assert "items_per_order" in features.left_out


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


MIXED = ["orders", "revenue", "country", "order_hour", "order_weekday", "age_band", "unsubscribed"]


def test_small_multiples_are_four_a_row_at_most():
    features = build_features(bundle(store()), None, MIXED)
    axes = plot_features(features)
    assert len(axes) == 7
    places = [ax.get_subplotspec() for ax in axes]
    assert [(p.rowspan.start, p.colspan.start) for p in places] == [
        *((0, j) for j in range(4)),
        *((1, j) for j in range(3)),
    ]
    assert len(axes[0].figure.axes) == 7  # no empty panel
    assert [bool(ax.get_ylabel()) for ax in axes] == [True, *[False] * 3, True, False, False]
    before = axes[0].get_position().bounds
    axes[0].figure.canvas.draw()
    assert axes[0].get_position().bounds == before  # the title does not widen its panel
    assert before[2] == pytest.approx(axes[1].get_position().width, rel=0.3)


def test_every_feature_there_is_can_be_drawn():
    features = build_features(bundle(store()))
    axes = plot_features(features)
    assert len(axes) == len(features.names) > 100
    card = show(axes)
    assert card.description.finding.count(";") == 4
    assert len(card.description.alt) < 400
    assert "; and " in card.description.alt
    assert card.description.table["feature"].tolist() == [f.label for f in features.features]


def drawn(ax) -> dict[str, float]:
    names = [label.get_text() for label in ax.get_yticklabels()]
    return dict(zip(names, [bar.get_width() for bar in ax.patches], strict=True))


def test_categories_are_bars_the_most_frequent_first():
    countries = [f"land {i}" for i in range(12) for _ in range(12 - i)] + [None] * 2
    n = len(countries)
    source = orders([1.0] * n)
    people = pd.DataFrame({"customer_id": source["customer_id"], "country": countries})
    features = build_features(
        bundle({"orders": dated(source), "customers": people}), None, ["country"]
    )
    (ax,) = plot_features(features)
    found = drawn(ax)
    assert list(found) == [*(f"land {i}" for i in range(8)), "4 others", "unknown"]
    assert found["land 0"] == pytest.approx(12 / n)
    assert found["4 others"] == pytest.approx((4 + 3 + 2 + 1) / n)
    assert found["unknown"] == pytest.approx(2 / n)
    assert sum(found.values()) == pytest.approx(1)
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first is on top
    assert ax.get_xlabel() == "country"
    card = show([ax])
    assert card.description.finding == "Most frequent: country land 0 (15%)"
    assert card.description.table.iloc[0].tolist() == ["Country", 12, "land 0", 12 / 78, 2]
    assert card.description.alt.startswith("Bars of 1 feature, over 80 customers.")


def dated(source: pd.DataFrame) -> pd.DataFrame:
    return source.assign(
        ordered_at=pd.to_datetime(source["ordered_at"]), order_id=source["order_id"].astype(str)
    )


def test_levels_with_an_order_keep_it_and_hours_stand_beside_each_other():
    features = build_features(bundle(store()), None, ["age_band", "order_weekday", "unsubscribed"])
    bands, weekdays, yes = plot_features(features)
    order = ["under 25", "25 to 34", "35 to 44", "45 to 54", "55 to 64", "65 and over"]
    assert list(drawn(bands))[:-1] in (order, order[:-1]) or list(drawn(bands)) == order
    assert [label.get_text() for label in weekdays.get_xticklabels()] == list("MTWTFSS")
    assert sum(bar.get_height() for bar in weekdays.patches) == pytest.approx(1)
    assert list(drawn(yes))[-1] == "no"
