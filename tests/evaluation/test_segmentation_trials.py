"""Segmentations compared by stability, size, cost and the later revenue that they explain."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segml._core.errors import ParameterError
from segml.clustering import KMeansSegmenter, RFMSegmenter, stability
from segml.clustering._separation import explained_share
from segml.evaluation.leaderboard_ranking import leaderboard
from segml.evaluation.segmentation_trials import FEATURE_SETS, compare_segmentations
from segml.evaluation.segmentation_trials_result import explained
from segml.evaluation.trials import TrialStore
from segml.features import build_features, make_preprocessor

RFM = {"RFM": FEATURE_SETS["RFM"]}
CUTOFFS = ["1997-06-30", "1997-09-30"]


@pytest.fixture(scope="module")
def results(cdnow_sample):
    segmenters = {"k-means": KMeansSegmenter(), "rules": RFMSegmenter()}
    return compare_segmentations(
        cdnow_sample, segmenters, RFM, [2, 4], CUTOFFS, horizon=26, n_resamples=4
    )


def test_rows_are_what_the_parts_say(results, cdnow_sample):
    table = build_features(cdnow_sample, "1997-06-30", RFM["RFM"])
    frame = table.to_pandas()
    own = KMeansSegmenter(4, make_preprocessor(table)).fit(frame)
    row = results.table.query("model == 'k-means · RFM · 4'").iloc[0]
    assert row["n_segments"] == 4
    assert row["smallest_share"] == own.segments_["share"].min()
    found = stability(own, frame, n_resamples=4)
    assert row["stability"] == found.table["jaccard"].min()
    assert row["ari"] == found.ari
    later = results.later[row["cutoff"]]
    assert row["explained"] == pytest.approx(explained_share(own.labels_, later))
    orders = cdnow_sample.orders.to_pandas()
    after = orders["ordered_at"].between("1997-07-01", "1997-12-29 23:59")
    revenue = orders[after].groupby("customer_id")["revenue"].sum()
    np.testing.assert_allclose(later, revenue.reindex(later.index, fill_value=0), atol=1e-9)
    assert row["seconds"] > 0


def test_algorithms_without_a_number_are_tried_once(results):
    rules = results.table.query("algorithm == 'rules'")
    assert rules["model"].tolist() == ["rules · RFM"] * 2
    assert rules["k"].isna().all()


def test_explained_is_the_share_with_an_influence():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 500)
    y = rng.gamma(1, 5, 500) * (1 + labels)
    found = explained(y, labels)
    assert found.value == pytest.approx(explained_share(labels, y))
    values, errors = [], []
    for _ in range(300):
        drawn = rng.integers(0, 4, 500)
        one = explained(rng.gamma(1, 5, 500) * (1 + drawn), drawn)
        values.append(one.value)
        errors.append(one.std_error)
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.1)
    assert explained(np.ones(5), labels[:5]).reason == "all customers did the same"


def test_they_can_be_ranked(results):
    board = leaderboard(results)
    assert board.metric.name == "explained"
    assert len(board.table) == 3
    means = results.means()["explained"]
    np.testing.assert_allclose(board.table["value"], means[board.table.index])
    with pytest.raises(ParameterError, match="metric"):
        leaderboard(results, metric="rmse")


def test_trials_are_resumed(cdnow_sample, tmp_path):
    options = ({"k-means": KMeansSegmenter()}, RFM, [2, 3], ["1997-09-30"])
    store = TrialStore(tmp_path)
    one = compare_segmentations(cdnow_sample, *options, n_resamples=3, store=store)
    (tmp_path / "trials" / f"{one.table['key'].iloc[0]}.parquet").unlink()
    other = compare_segmentations(cdnow_sample, *options, n_resamples=3, store=store)
    assert other.table["stored"].tolist() == [False, True]
    same = ["n_segments", "stability", "explained", "smallest_share", "key"]
    pd.testing.assert_frame_equal(one.table[same], other.table[same], check_exact=True)
    assert set(store.trials()["kind"]) == {"segmentation"}


def test_one_that_fails_is_a_row_with_its_reason(cdnow_sample):
    found = compare_segmentations(
        cdnow_sample,
        {"k-means": KMeansSegmenter()},
        RFM,
        [2, 5000],
        ["1997-09-30"],
        n_resamples=2,
    )
    assert found.table["status"].tolist() == ["completed", "failed"]
    assert "distinct customers" in found.table["reason"].iloc[1]
    assert found.table["reason"].iloc[1] in found._repr_html_()
    assert len(leaderboard(found).table) == 2


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"segmenters": {}}, "no segmenters"),
        ({"segmenters": {"x": 3}}, "not a segmenter"),
        ({"n_segments": [0]}, "n_segments"),
        ({"feature_sets": {"x": ["recency_dais"]}}, "unknown"),
        ({"n_resamples": 1}, "n_resamples"),
    ],
)
def test_bad_input(cdnow_sample, options, match):
    with pytest.raises(ParameterError, match=match):
        compare_segmentations(cdnow_sample, cutoffs=["1997-09-30"], **options)


def test_page(results):
    page = results._repr_html_()
    assert "k-means · RFM · 4" in page
    assert "later revenue explained" in page
