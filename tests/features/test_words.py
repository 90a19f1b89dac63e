from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segml._core.errors import ParameterError
from segml.features import FEATURES, build_features
from segml.features.registry import find_feature
from segml.features.words import level_order, levels_of, say_value

from .bundles import bundle, store


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("order_hour", 23.6, "00:00"),
        ("order_weekday", 0.2, "Monday"),
        ("order_season", 11.8, "January"),
        ("coupon_share", 0.25, "25%"),
        ("orders", 3.0, "3"),
        ("orders", np.nan, "n/a"),
    ],
)
def test_values_in_words(name, value, said):
    assert say_value(FEATURES[name], value) == said


def test_what_is_counted_and_what_is_not():
    assert levels_of(FEATURES["orders"], pd.Series([1, 2])) is None
    assert levels_of(FEATURES["unsubscribed"], pd.Series([1, 0, None])).tolist() == ["yes", "no"]
    assert levels_of(FEATURES["country"], pd.Series(["FR", None])).tolist() == ["FR"]


def test_levels_keep_their_own_order_unless_others_are_among_them():
    counts = pd.Series({"large": 5, "small": 1})
    assert level_order(FEATURES["city_tier"], counts) == ["small", "large"]
    assert level_order(FEATURES["city_tier"], counts.rename({"small": "huge"})) == ["large", "huge"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("orders", "orders"),
        ("revenue_60d", "revenue_60d"),
        ("survey_trust", "survey_trust"),
        ("survey_{level}", "survey_{level}"),
        ("revenue_0d", None),
        ("revenue_99999d", None),
        ("revenue_xd", None),
        ("survey_", None),
        ("order", None),
    ],
)
def test_features_are_found_by_the_name_they_get(name, found):
    feature = find_feature(name)
    assert (feature and feature.name) == found


def test_a_window_of_its_own_is_computed_by_its_name():
    table = build_features(bundle(store(40)), None, ["revenue_60d", "orders_60d"], windows=[7])
    assert table.names == ["revenue_60d", "orders_60d"]
    assert table.features[0].label == "Revenue of 60 days"
    with pytest.raises(ParameterError, match="unknown value for include"):
        build_features(bundle(store(40)), None, ["revenue_0d"])


def test_the_page_of_all_features_is_folded_by_kind():
    page = build_features(bundle(store(40)))._repr_html_()
    assert page.count("<details") == 8
    assert page.count("<details open>") == 1
    assert "<summary>Lifecycle: 1 feature</summary>" in page
    few = build_features(bundle(store(40)), None, ["orders", "order_weekday", "income"])
    assert "<details" not in few._repr_html_()
    assert "lower quartile" in few._repr_html_()
    assert "day</td>" in few._repr_html_()  # the most frequent weekday, not a median
