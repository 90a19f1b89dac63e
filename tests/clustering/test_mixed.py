"""Segments of features that are numbers, categories and missing values together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from segml._core.errors import DataError, MissingTableError, NotEnoughDataError
from segml.clustering import KMeansSegmenter
from segml.features import build_features, make_preprocessor

from ..features.bundles import bundle, store

NAMES = ["orders", "country", "income", "order_hour", "age_band"]


@pytest.fixture(scope="module")
def mixed() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    group = np.repeat([0, 1, 2], [120, 80, 40])
    n = len(group)
    frame = pd.DataFrame(
        {
            "orders": rng.poisson(np.array([1, 6, 15])[group]) + 1,
            "country": np.array(["FR", "DE", "AT"])[(group + (rng.random(n) < 0.1)) % 3],
            "income": np.where(group == 1, np.nan, rng.normal(40_000, 9_000, n).round()),
            "order_hour": (np.array([9, 9, 22])[group] + rng.normal(0, 1, n)) % 24,
            "age_band": rng.choice(["under 25", "25 to 34", "65 and over"], n),
        },
        index=pd.Index([f"c{i:03d}" for i in range(n)], name="customer_id"),
    )
    frame.loc["c003", "country"] = None
    return frame


@pytest.fixture(scope="module")
def fitted(mixed) -> KMeansSegmenter:
    return KMeansSegmenter(3, preprocessor=make_preprocessor(NAMES)).fit(mixed)


def test_every_customer_has_a_segment(mixed, fitted):
    assert fitted.labels_.index.equals(mixed.index)
    assert fitted.segments_["size"].sum() == 240
    for use in (fitted.predict, fitted.fit_predict):
        pd.testing.assert_series_equal(use(mixed), fitted.labels_)
    membership = fitted.predict_membership(mixed)
    assert membership.to_numpy().argmax(axis=1).tolist() == fitted.labels_.tolist()
    assert fitted.transform(mixed).shape == (240, 3)


def test_names_say_levels_hours_and_what_is_unknown(fitted):
    names = fitted.segments_["name"]
    assert "unknown income" in names[1].lower()
    assert names[0].startswith("Mostly FR")
    assert names[2].startswith("Around 2")


@pytest.mark.parametrize("seed", [1, 2])
def test_row_order_changes_no_label_and_no_byte(mixed, fitted, seed):
    again = clone(fitted).fit(mixed.sample(frac=1, random_state=seed))
    pd.testing.assert_series_equal(again.labels_.sort_index(), fitted.labels_)
    assert again.cluster_centers_.tobytes() == fitted.cluster_centers_.tobytes()
    pd.testing.assert_frame_equal(again.segments_, fitted.segments_)


def test_every_container_gives_the_same(mixed, fitted):
    flat = mixed.reset_index()
    for given in (
        flat,
        mixed.astype({"country": "category"}).convert_dtypes(),
        pl.from_pandas(flat),
        pa.Table.from_pandas(flat, preserve_index=False),
    ):
        again = clone(fitted).fit(given)
        pd.testing.assert_series_equal(again.labels_, fitted.labels_)
        assert again.cluster_centers_.tobytes() == fitted.cluster_centers_.tobytes()
        pd.testing.assert_series_equal(fitted.predict(given), fitted.labels_)


def test_any_preprocessor_of_tables_does_and_its_columns_are_named(mixed):
    own = ColumnTransformer(
        [("num", StandardScaler(), ["orders"]), ("kind", OneHotEncoder(), ["age_band"])]
    )
    segmenter = KMeansSegmenter(4, preprocessor=own).fit(mixed)
    pd.testing.assert_series_equal(segmenter.predict(mixed), segmenter.labels_)
    shuffled = clone(segmenter).fit(mixed.sample(frac=1, random_state=0))
    assert shuffled.cluster_centers_.tobytes() == segmenter.cluster_centers_.tobytes()
    assert any("frequent" in name.lower() for name in segmenter.segments_["name"])


def test_a_preprocessor_that_leaves_values_missing_is_told(mixed):
    numbers = mixed[["orders", "income"]]
    with pytest.raises(DataError, match="NaN or infinite") as caught:
        KMeansSegmenter(2, preprocessor=StandardScaler()).fit(numbers)
    assert caught.value.problem.got == "income: 80"
    assert caught.value.problem.where == "first in row 121"


def test_without_a_preprocessor_the_way_out_is_named(mixed):
    with pytest.raises(DataError, match="make_preprocessor"):
        KMeansSegmenter(2).fit(mixed)
    with pytest.raises(DataError, match="make_preprocessor"):
        KMeansSegmenter(2).fit(mixed[["orders", "income"]])


def test_a_column_that_is_gone_is_named(mixed, fitted):
    for use in (fitted.predict, fitted.transform, fitted.predict_membership):
        with pytest.raises(ValueError, match=r"now missing:\n- country"):
            use(mixed.drop(columns="country"))
        with pytest.raises(ValueError, match=r"unseen at fit time:\n- land"):
            use(mixed.rename(columns={"country": "land"}))
    with pytest.raises(MissingTableError, match="country"):
        clone(fitted).fit(mixed.drop(columns="country"))


def test_new_levels_and_newly_missing_values_at_predict(mixed, fitted):
    new = mixed.iloc[[0, 0, 0]].copy()
    new.iloc[1, 1], new.iloc[2, 0] = "Atlantis", np.nan
    assert set(fitted.predict(new)) <= {0, 1, 2}


def test_customers_who_differ_only_where_nothing_counts_are_the_same(mixed):
    same = mixed.assign(orders=2, country="FR")[["orders", "country", "order_hour"]]
    with pytest.raises(NotEnoughDataError) as caught:
        KMeansSegmenter(2, preprocessor=make_preprocessor(["orders", "country"])).fit(same)
    assert caught.value.problem.got == "n_segments=2, n_samples=240 of which 1 differ"


def test_all_features_of_a_store():
    table = build_features(bundle(store()))
    segmenter = KMeansSegmenter(5, preprocessor=make_preprocessor(table)).fit(table)
    pd.testing.assert_series_equal(segmenter.predict(table), segmenter.labels_)
    assert segmenter.segments_["name"].is_unique


def test_features_of_a_table_bring_their_own_words():
    names = ["category_share_home", "revenue_60d"]
    table = build_features(bundle(store()), None, names)
    segmenter = KMeansSegmenter(4, preprocessor=make_preprocessor(table)).fit(table)
    words = {word for feature in table.features for word in (feature.low, feature.high)}
    for name in segmenter.segments_["name"]:
        for word in name.lower().removesuffix(" a").removesuffix(" b").split(", "):
            said = word.removeprefix("very ")
            assert said == "average" or said in {word.lower() for word in words}
