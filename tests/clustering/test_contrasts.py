from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from segml.clustering.contrasts import scaled_columns, segment_contrasts
from segml.clustering.naming import level_word
from segml.features import FEATURES, make_preprocessor


def contrasts(frame: pd.DataFrame, labels: list[int], **options):
    fitted = make_preprocessor(list(frame.columns), **options).fit(frame)
    scaled = fitted.transform(frame)
    labels = np.array(labels)
    sizes = np.bincount(labels)
    centers = np.array([scaled[labels == i].mean(axis=0) for i in range(len(sizes))])
    columns = scaled_columns(fitted, list(frame.columns), scaled.shape[1])
    return segment_contrasts(centers, sizes, scaled, columns, FEATURES)


def test_numbers_are_in_standard_deviations_whatever_the_weight_and_scaling():
    frame = pd.DataFrame({"age": [20.0, 30, 40, 80], "orders": [1, 1, 5, 9]})
    labels = [0, 0, 0, 1]
    expected = (frame["age"].iloc[:3].mean() - frame["age"].mean()) / frame["age"].std(ddof=0)
    for options in ({}, {"scaling": "robust"}, {"weights": {"demographic": 4}}):
        found, words = contrasts(frame, labels, **options)
        assert found.loc[0, "age"] == pytest.approx(expected)
        assert words.loc[1, "age"].endswith(FEATURES["age"].high)


def test_levels_by_cohens_h():
    frame = pd.DataFrame({"country": ["FR"] * 5 + ["DE"] * 5})
    found, words = contrasts(frame, [0, 0, 0, 0, 1, 0, 1, 1, 1, 1])
    h = 2 * np.arcsin(np.sqrt(0.8)) - 2 * np.arcsin(np.sqrt(0.5))
    assert found["country"].tolist() == pytest.approx([h, h])
    assert words["country"].tolist() == ["mostly FR", "mostly DE"]


def test_what_fewer_have_is_said_where_nothing_is_had_more():
    frame = pd.DataFrame({"country": ["FR"] * 40 + ["AT", "DE", "NL", "BE", "PL"] * 12})
    labels = [0] * 40 + [1] * 60
    found, words = contrasts(frame, labels)
    assert words["country"].tolist() == ["mostly FR", "rarely FR"]
    assert found.loc[1, "country"] < 0


def test_levels_that_do_not_tell_have_their_feature():
    frame = pd.DataFrame(
        {
            "main_channel": ["email", "email", "web", "web"],
            "first_order_channel": ["email", "email", "shop", "shop"],
            "postcode_area": ["90", "90", "10", "10"],
        }
    )
    words = contrasts(frame, [0, 0, 1, 1])[1]
    assert words.loc[0].tolist() == [
        "mostly email (main channel)",
        "mostly email (channel of first order)",
        "mostly 90 (postcode area)",
    ]
    assert words.loc[1, "main_channel"] == "mostly web"


def test_missing_values_of_numbers_and_of_categories():
    frame = pd.DataFrame(
        {
            "income": [None, None, None, 10.0, 20, 30],
            "gender": [None, None, None, "f", "f", "m"],
            "gap_mean_days": [None, None, None, 10.0, 20, 30],
        }
    )
    found, words = contrasts(frame, [0, 0, 0, 1, 1, 1])
    assert words.loc[0, ["income", "gender"]].tolist() == ["unknown income", "unknown gender"]
    assert (found.loc[0, ["income", "gender"]] > 1).all()
    assert abs(found.loc[0, "gap_mean_days"]) < 0.5  # not applicable: other features say why
    assert words.loc[1, "gender"] == "mostly f (gender)"
    assert abs(found.loc[1, "income"]) < 0.5


def test_a_circle_is_said_by_where_a_segment_is():
    frame = pd.DataFrame({"order_hour": [23.0, 1, 0, 12, 11, 13]})
    found, words = contrasts(frame, [0, 0, 0, 1, 1, 1])
    assert words["order_hour"].tolist() == ["around 00:00", "around 12:00"]
    assert found["order_hour"].tolist() == pytest.approx([found.loc[0, "order_hour"]] * 2)


def test_a_constant_contrasts_with_nothing():
    found, _ = contrasts(pd.DataFrame({"orders": [2, 2], "country": ["FR", "FR"]}), [0, 1])
    assert (found == 0).all(axis=None)


def test_columns_of_any_preprocessor_find_their_feature():
    frame = pd.DataFrame({"orders": [1, 2], "aov": [3.0, 4.0]})
    two = ColumnTransformer([("num", StandardScaler(), ["aov", "orders"])]).fit(frame)
    assert [f for f, _ in scaled_columns(two, frame.columns, 2)] == ["aov", "orders"]
    piped = make_pipeline(two, StandardScaler()).fit(frame)
    assert [f for f, _ in scaled_columns(piped, frame.columns, 2)] == ["aov", "orders"]
    silent = FunctionTransformer().fit(frame)
    assert [f for f, _ in scaled_columns(silent, frame.columns, 2)] == ["orders", "aov"]
    assert scaled_columns(silent, frame.columns, 3) == []
    assert scaled_columns(silent, None, 2) == []


@pytest.mark.parametrize(
    ("share", "more", "word"),
    [(0.5, True, "mostly FR"), (0.49, True, "often FR"), (0.1, False, "rarely FR")],
)
def test_words_of_levels(share, more, word):
    assert level_word("FR", share, more) == word
