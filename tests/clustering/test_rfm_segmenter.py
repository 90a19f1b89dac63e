"""Segments by the table of scores: complete, disjoint, and the scores of the engine."""

from __future__ import annotations

import warnings
from itertools import product

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

from segml._core.errors import DataError, MissingTableError, NotEnoughDataError, ParameterError
from segml.clustering import RFM_SEGMENTS, RFMSegmenter, rfm_cuts, rfm_scores
from segml.features import build_features, rfm_summary

GRID = np.array(list(product(range(1, 6), repeat=3)))


with warnings.catch_warnings(action="ignore", category=SkipTestWarning):
    # Those on arrays are left out: columns are known by their names.
    of_scikit_learn = parametrize_with_checks([RFMSegmenter()])


@of_scikit_learn
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_estimator_is_one_of_scikit_learn(estimator, check):
    check(estimator)


def test_each_combination_of_scores_is_in_one_segment():
    held = np.array([rule.holds(*GRID.T) for rule in RFM_SEGMENTS.values()])
    assert held.shape == (10, 125)
    assert held.sum(axis=0).tolist() == [1] * 125
    assert held.any(axis=1).all()


@pytest.mark.parametrize(
    ("scores", "name"),
    [
        ((5, 5, 5), "Champions"),
        ((5, 4, 3), "Champions"),  # 3.5 counts as 4
        ((5, 3, 3), "Potential loyalists"),
        ((4, 5, 5), "Loyal"),
        ((3, 4, 4), "Loyal"),
        ((5, 1, 1), "New"),
        ((5, 2, 1), "Potential loyalists"),
        ((4, 1, 1), "Promising"),
        ((3, 3, 3), "Need attention"),
        ((3, 2, 2), "About to sleep"),
        ((2, 3, 3), "At risk"),
        ((1, 5, 5), "Cannot lose"),
        ((1, 5, 4), "Cannot lose"),
        ((1, 1, 1), "Hibernating"),
    ],
)
def test_the_table_says(scores, name):
    assert RFM_SEGMENTS[name].holds(*[[score] for score in scores]).all()


def customers(n: int = 400, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frequency = rng.poisson(1.2, n).astype(float)
    age = rng.integers(30, 60, n) / 7
    frame = pd.DataFrame(
        {
            "frequency": frequency,
            "recency": np.where(frequency > 0, age * rng.random(n), 0.0),
            "T": age,
            "monetary_value": np.where(frequency > 0, rng.lognormal(3, 1, n).round(0), np.nan),
        },
        index=pd.Index([f"c{i:03}" for i in range(n)], name="customer_id"),
    )
    frame.iloc[0] = [1.0, 1.0, 30 / 7, 10.0]
    return frame


@pytest.fixture(scope="module")
def rfm() -> pd.DataFrame:
    return customers()


@pytest.fixture(scope="module")
def fitted(rfm) -> RFMSegmenter:
    return RFMSegmenter().fit(rfm)


@pytest.mark.parametrize("n", [1, 2, 4, 5, 6, 35, 55, 400])
def test_cuts_and_scores_are_those_of_the_engine(any_engine, n):
    frame = customers(n)
    table = any_engine.register(pa.Table.from_pandas(frame.reset_index(), preserve_index=False))
    segmenter = RFMSegmenter().fit(frame)
    assert segmenter.cuts_ == rfm_cuts(table)
    found = rfm_scores(table, segmenter.cuts_).to_pandas().set_index("customer_id").sort_index()
    pd.testing.assert_frame_equal(segmenter.scores(frame), found, check_dtype=False)


def test_cuts_are_exact_for_any_number_of_customers(engine):
    # 0.6 * n in floating point is not always what it is on paper.
    for n in range(1, 61):
        values = np.arange(float(n))
        frame = pd.DataFrame({"frequency": values, "recency": values, "T": 99.0})
        frame["monetary_value"] = values
        expected = [values[-(-n * s // 5) - 1] for s in (1, 2, 3, 4)]
        assert RFMSegmenter().fit(frame).cuts_["frequency"] == expected
        table = engine.register(frame.rename_axis("customer_id").reset_index())
        assert rfm_cuts(table)["frequency"] == expected


def test_labels_are_those_of_the_table(rfm, fitted):
    scores = fitted.scores(rfm)[["recency_score", "frequency_score", "monetary_score"]].to_numpy()
    for i, rule in enumerate(RFM_SEGMENTS.values()):
        held = rule.holds(*scores.T)
        assert (fitted.labels_[held] == i).all()
        assert fitted.segments_.loc[i, "size"] == held.sum()
    assert fitted.segments_["name"].tolist() == list(RFM_SEGMENTS)
    assert fitted.segments_["size"].sum() == 400
    pd.testing.assert_series_equal(fitted.predict(rfm), fitted.labels_)
    pd.testing.assert_series_equal(clone(fitted).fit_predict(rfm), fitted.labels_)


def test_memberships_are_zero_or_one(rfm, fitted):
    membership = fitted.predict_membership(rfm)
    assert membership.columns.tolist() == list(range(10))
    assert (membership.sum(axis=1) == 1).all()
    assert membership.to_numpy().argmax(axis=1).tolist() == fitted.labels_.tolist()


@pytest.mark.parametrize("seed", [1, 2])
def test_row_order_and_container_change_nothing(rfm, fitted, seed):
    shuffled = rfm.sample(frac=1, random_state=seed)
    flat = shuffled.reset_index()
    for given in (
        shuffled,
        flat,
        pl.from_pandas(flat),
        pa.Table.from_pandas(flat, preserve_index=False),
        shuffled.convert_dtypes(),
        shuffled[shuffled.columns[::-1]].assign(other="text"),
    ):
        again = clone(fitted).fit(given)
        pd.testing.assert_series_equal(again.labels_.sort_index(), fitted.labels_)
        assert again.cuts_ == fitted.cuts_
        pd.testing.assert_frame_equal(again.segments_, fitted.segments_)


def test_other_customers_are_scored_by_the_cuts_of_the_fit(rfm, fitted):
    best = rfm.loc[fitted.labels_.index[fitted.labels_ == 0]]
    assert (fitted.predict(best) == 0).all()
    assert not (RFMSegmenter().fit(best).labels_ == 0).all()
    missing = best.assign(monetary_value=np.nan)
    assert (fitted.scores(missing)["monetary_score"] == 1).all()


def test_customers_who_tie_have_the_same_scores():
    frequency = [0.0] * 60 + [1.0] * 25 + [2.0] * 15
    frame = pd.DataFrame({"frequency": frequency, "recency": 1.0, "T": 1.0, "monetary_value": 5.0})
    scores = RFMSegmenter().fit(frame).scores(frame)
    assert scores.groupby(frequency)["frequency_score"].unique().map(list).to_dict() == {
        0.0: [1],
        1.0: [4],
        2.0: [5],
    }
    assert scores["recency_score"].eq(1).all()


def test_published_customers(cdnow_sample):
    rfm = rfm_summary(cdnow_sample, "1997-09-30", time_unit="W")
    segmenter = RFMSegmenter().fit(rfm)
    sizes = segmenter.segments_.set_index("name")["size"]
    assert sizes.sum() == 2357
    once = rfm.index[rfm["frequency"] == 0]
    assert (segmenter.scores(rfm.loc[once])["frequency_score"] == 1).all()
    assert set(segmenter.segments_["name"][segmenter.labels_[once]]) <= {
        "New",
        "Promising",
        "About to sleep",
        "Hibernating",
    }
    # 1,411 of 2,357 bought once, 4 fewer than three fifths: who bought twice is in the third.
    assert len(once) == 1411
    again = segmenter.scores(rfm.drop(once))["frequency_score"]
    assert set(again) == {3, 4, 5}
    assert set(again[rfm["frequency"].drop(once) == 1]) == {3}


def test_features_do_as_well_as_the_rfm_table(cdnow_sample):
    names = ["recency_days", "orders", "revenue", "aov"]
    features = build_features(cdnow_sample, "1998-06-30", names)
    segmenter = RFMSegmenter().fit(features)
    assert list(segmenter.feature_names_in_) == ["recency_days", "orders", "revenue"]
    frame = features.to_pandas()
    by_segment = frame.groupby(segmenter.labels_)[["recency_days", "orders"]].mean()
    assert by_segment.loc[0, "recency_days"] < by_segment.loc[9, "recency_days"]
    assert by_segment.loc[0, "orders"] > by_segment.loc[9, "orders"]
    pd.testing.assert_series_equal(segmenter.predict(features), segmenter.labels_)


def test_segments_that_are_too_small_or_too_many_are_merged(rfm, fitted):
    sizes = fitted.segments_.set_index("name")["size"]
    guarded = RFMSegmenter(min_segment_size=40).fit(rfm)
    assert guarded.segments_["size"].min() >= 40
    assert guarded.segments_["size"].sum() == 400
    assert guarded.segments_.index.tolist() == list(range(len(guarded.segments_)))
    kept = guarded.segments_["name"].tolist()
    assert kept == [name for name in RFM_SEGMENTS if name in kept]
    assert len(kept) + len(guarded.dissolved_) == 10
    first = guarded.dissolved_.iloc[0]
    assert first["size"] == sizes.min()
    name, rest = first["reason"].split(" of ")
    assert sizes[name] == sizes.min()
    assert rest == f"{sizes.min()} is smaller than min_segment_size=40"
    pd.testing.assert_series_equal(guarded.predict(rfm), guarded.labels_)
    assert (guarded.predict_membership(rfm).sum(axis=1) == 1).all()
    three = RFMSegmenter(max_segments=3).fit(rfm)
    assert len(three.segments_) == 3
    assert "max_segments=3" in three.dissolved_["reason"].iloc[-1]
    assert RFMSegmenter(min_segment_size=1000).fit(rfm).segments_["size"].tolist() == [400]


def test_a_segment_without_customers_is_kept_or_merged():
    frame = pd.DataFrame({"frequency": [1.0], "recency": 1.0, "T": 1.0, "monetary_value": 5.0})
    segmenter = RFMSegmenter().fit(frame)
    assert segmenter.labels_.tolist() == [9]  # no one has less: all scores are 1
    assert segmenter.segments_["size"].tolist() == [0] * 9 + [1]
    assert segmenter.predict(frame.assign(frequency=9.0, monetary_value=9.0)).tolist() == [8]
    alone = RFMSegmenter(min_segment_size=1).fit(frame)
    assert alone.segments_["name"].tolist() == ["Hibernating"]


def test_own_names(rfm):
    assert RFMSegmenter({0: "VIP"}).fit(rfm).segments_["name"].tolist()[:2] == ["VIP", "Loyal"]
    with pytest.raises(ParameterError, match="same name"):
        RFMSegmenter({0: "Loyal"}).fit(rfm)
    with pytest.raises(ParameterError, match="not there"):
        RFMSegmenter({10: "Ghost"}).fit(rfm)


def test_bad_input_is_named(rfm, fitted):
    for use in (RFMSegmenter().fit, fitted.predict, fitted.scores, fitted.predict_membership):
        with pytest.raises(MissingTableError, match="monetary_value"):
            use(rfm.drop(columns="monetary_value"))
        with pytest.raises(DataError, match="infinite") as caught:
            use(rfm.assign(recency=np.inf))
        assert caught.value.problem.where == "column recency"
        with pytest.raises(DataError, match="not numbers"):
            use(rfm.astype(object).assign(frequency="often"))
        with pytest.raises(DataError, match="no names"):
            use(rfm.to_numpy())
        with pytest.raises(NotEnoughDataError, match="no customers"):
            use(rfm.iloc[:0])
    with pytest.raises(NotEnoughDataError, match="monetary_value"):
        RFMSegmenter().fit(rfm.assign(monetary_value=np.nan))
    with pytest.raises(NotFittedError):
        RFMSegmenter().predict(rfm)
    for bad in ({"min_segment_size": -1}, {"max_segments": 0}, {"max_segments": 2.5}):
        with pytest.raises(ParameterError, match=next(iter(bad))):
            RFMSegmenter(**bad).fit(rfm)
