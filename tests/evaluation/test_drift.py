from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from segml._core.errors import DataError, NotEnoughDataError, ParameterError
from segml.clustering import KMeansSegmenter
from segml.evaluation.distance import psi
from segml.evaluation.drift_alerts import Alert, alerts
from segml.evaluation.drift_result import Drift, drift
from segml.evaluation.drift_verdict import DriftThresholds

CENTERS = np.array([[0.0, 0.0], [8.0, 0.0], [0.0, 8.0]])


def store(sizes, seed: int = 0, shift=((0, 0), (0, 0), (0, 0))) -> pd.DataFrame:
    """Draw customers of three lumps."""
    rng = np.random.default_rng(seed)
    places = np.repeat(CENTERS + np.array(shift), sizes, axis=0)
    points = places + rng.normal(size=(sum(sizes), 2))
    index = [f"c{i:05d}" for i in range(len(points))]
    return pd.DataFrame(points, index, ["spend", "visits"])


REFERENCE = store([300, 200, 100])


@pytest.fixture(scope="module")
def segmenter() -> KMeansSegmenter:
    return KMeansSegmenter(3, names={0: "A", 1: "B", 2: "C"}).fit(REFERENCE)


@pytest.fixture(scope="module")
def calm(segmenter) -> Drift:
    return drift(REFERENCE, store([300, 200, 100], 1), segmenter, n_resamples=100)


def test_nothing_moved(calm):
    assert calm.verdict == "keep"
    assert "no shift beyond chance" in calm.reasons[0]
    assert not calm.features["beyond_chance"].any()
    assert not calm.within["beyond_chance"].any()
    assert calm.far.iloc[-1]["current"] < 0.03
    assert calm.far.iloc[-1]["reference"] <= 0.01
    assert alerts(calm) == []
    assert (calm.n_reference, calm.n_current) == (600, 600)


def test_other_sizes_are_no_reason_to_refit(segmenter):
    found = drift(REFERENCE, store([100, 200, 300], 1), segmenter, n_resamples=100)
    assert found.verdict == "keep"
    assert "by the sizes of segments and not within them" in found.reasons[0]
    assert found.mix["n_reference"].tolist() == [300, 200, 100]
    assert found.mix["n_current"].tolist() == [100, 200, 300]
    assert found.mix_psi["psi"] == pytest.approx(psi([300, 200, 100], [100, 200, 300]))
    assert found.mix["change"].round(9).tolist() == [-0.333333333, 0, 0.333333333]
    assert (found.mix["low"] < found.mix["change"]).all()
    keys = [alert.key for alert in alerts(found)]
    assert "mix_psi" in keys
    assert not any(key.startswith("within") or key == "far_share" for key in keys)


def test_a_small_segment_that_changed_is_renamed(segmenter):
    now = store([300, 200, 100], 1, [(0, 0), (0, 0), (0, 1.2)])
    found = drift(REFERENCE, now, segmenter, n_resamples=100)
    assert found.verdict == "rename"
    assert found.reasons == (
        "“C” changed within: visits",
        "customers are still near the segments",
    )
    row = found.within.set_index(["name", "feature"]).loc[("C", "visits")]
    assert row["low"] < 1.2 < row["high"]  # standard deviations, as each lump has 1
    assert [alert.key for alert in alerts(found)] == ["within_psi.2.visits"]


def test_customers_far_from_all_segments_mean_a_refit(segmenter):
    now = store([300, 200, 100], 1, [(0, 0), (0, 0), (20, 12)])
    found = drift(REFERENCE, now, segmenter, n_resamples=100)
    assert found.verdict == "refit"
    assert "18% of customers are far from all segments" in found.reasons  # 100 of 600, and 1%
    of_all = found.far.iloc[-1]
    assert of_all["n_far"] == pytest.approx(100, abs=8)
    assert of_all["low"] < 1 / 6 < of_all["high"]
    alert = next(one for one in alerts(found) if one.key == "far_share")
    assert alert.limit == 0.05
    assert alert.value == of_all["current"]
    assert alert.words.endswith("the limit is 5.0%")


def test_most_segments_changed_within(segmenter):
    now = store([300, 200, 100], 1, [(0, 1.5), (0, 1.5), (0, 0)])
    found = drift(REFERENCE, now, segmenter, n_resamples=50)
    assert found.verdict == "refit"
    assert any("of customers changed within" in reason for reason in found.reasons)


def test_a_segment_vanished(segmenter):
    found = drift(REFERENCE, store([300, 200, 0], 1), segmenter, n_resamples=50)
    assert found.verdict == "refit"
    assert "“C” has no customer any more" in found.reasons
    assert found.mix.loc[2, "n_current"] == 0
    rows = found.within[found.within["segment"] == 2]
    assert rows["psi"].isna().all()
    assert set(rows["reason"]) == {"fewer than 30 customers"}
    assert np.isnan(found.far.iloc[2]["current"])
    assert "not known: fewer than 30 customers" in found._repr_html_()


def test_a_segment_of_one_customer_that_left_is_no_drift():
    labels = pd.Series([0] * 300 + [1] * 299 + [2], REFERENCE.index)
    now = store([300, 200, 100], 1)
    found = drift(REFERENCE, now, labels, pd.Series([0] * 300 + [1] * 300, now.index))
    assert not any("any more" in reason for reason in found.reasons)
    assert found.far.empty


def test_labels_given_and_a_segment_that_is_new():
    labels = pd.Series([0] * 400 + [1] * 200, REFERENCE.index)
    now = store([300, 200, 100], 1)
    found = drift(REFERENCE, now, labels, pd.Series([0] * 300 + [7] * 300, now.index), {7: "New"})
    assert found.mix["name"].tolist() == ["segment 0", "segment 1", "New"]
    assert found.mix["n_reference"].tolist() == [400, 200, 0]
    assert found.mix_psi["psi"] == pytest.approx(psi([400, 200, 0], [300, 0, 300]))


def test_without_segments():
    found = drift(REFERENCE, REFERENCE + 3, n_resamples=50)
    assert found.verdict == "refit"
    assert found.mix.empty
    assert found.far.empty
    assert found.features["wasserstein"].to_numpy() == pytest.approx([3, 3])
    spread = REFERENCE.std(ddof=0).to_numpy()
    assert found.features["wasserstein_sd"].to_numpy() == pytest.approx(3 / spread)
    assert {alert.key for alert in alerts(found)} == {"psi.spend", "psi.visits"}
    assert drift(REFERENCE, REFERENCE, n_resamples=20).verdict == "keep"


def test_constant_missing_and_categories():
    n = 200
    before = pd.DataFrame(
        {
            "constant": 1.0,
            "empty": np.nan,
            "filled": np.nan,
            "country": ["FR", "DE"] * (n // 2),
        },
        index=range(n),
    )
    after = before.assign(filled=2.0, country="IT")
    found = drift(before, after, n_resamples=50)
    table = found.features
    assert table.loc["constant", "psi"] == 0
    assert np.isnan(table.loc["constant", "p_value"])
    assert np.isnan(table.loc["empty", "psi"])
    assert table.loc["empty", "reason"] == "no customer has a value, before or after"
    assert table.loc["empty", "band"] == "unknown"
    assert table.loc["filled", "band"] == "major"
    assert (table.loc["filled", "missing_reference"], table.loc["filled", "missing_current"]) == (
        1,
        0,
    )
    assert table.loc["country", "js"] == pytest.approx(1)
    assert np.isnan(table.loc["country", "wasserstein"])
    assert np.isfinite(table["psi"].drop("empty")).all()
    assert "no customer has a value" in found._repr_html_()
    adds = found.bins.groupby("feature")["psi"].sum()
    assert adds["country"] == pytest.approx(table.loc["country", "psi"])


def test_false_alarms_are_rare():
    alarms = beyond = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        sides = [
            pd.DataFrame(
                {
                    "skewed": rng.lognormal(size=150),
                    "count": rng.poisson(1, 150),
                    "level": rng.choice(list("abc"), 150),
                }
            )
            for _ in range(2)
        ]
        found = drift(*sides, n_resamples=2)
        beyond += bool(found.features["beyond_chance"].any())
        alarms += bool(alerts(found))
        assert found.verdict == ("refit" if alerts(found) else "keep")
    assert beyond <= 6  # 2 expected; 7 or more have a chance of 0.5%
    assert alarms <= 2


def test_row_and_column_order_change_nothing(segmenter):
    now = store([200, 200, 200], 3)
    one = drift(REFERENCE, now, segmenter, n_resamples=50)
    shuffled = [
        side.sample(frac=1, random_state=4) for side in (REFERENCE, now[["visits", "spend"]])
    ]
    other = drift(*shuffled, segmenter, n_resamples=50)
    for name in ("features", "bins", "mix", "within", "far"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)
    assert one._repr_html_() == other._repr_html_()


def test_thresholds_count(segmenter):
    now = store([300, 200, 100], 1, [(0, 0), (0, 0), (0, 1.2)])
    never = DriftThresholds(psi=None, mix_psi=None, within_psi=None, far_share=None)
    found = drift(REFERENCE, now, segmenter, thresholds=never, n_resamples=20)
    assert found.verdict == "keep"
    assert alerts(found, never) == []
    low = alerts(found, DriftThresholds(within_psi=0.2))
    assert Alert in {type(one) for one in low}
    assert all(one.value >= one.limit for one in low)


def test_small_samples_cross_no_threshold_by_chance():
    rng = np.random.default_rng(0)
    sides = [pd.DataFrame({"spend": rng.normal(size=40)}) for _ in range(2)]
    found = drift(*sides, n_resamples=50)
    assert found.features.loc["spend", "expected"] > 0.25
    assert found.features.loc["spend", "psi"] > 0.25
    assert found.features.loc["spend", "band"] == "major"
    assert alerts(found) == []
    assert found.verdict == "keep"
    assert "not beyond chance" in found._repr_html_()


def test_names_are_escaped(calm):
    hostile = dataclasses.replace(calm, mix=calm.mix.assign(name="<script>alert(1)</script>"))
    assert "<script" not in hostile._repr_html_()


def test_bad_input(segmenter):
    with pytest.raises(DataError, match="only in the reference: visits; only now: age") as error:
        drift(REFERENCE, REFERENCE.rename(columns={"visits": "age"}))
    assert "the same columns" in str(error.value)
    with pytest.raises(DataError, match="customer is there twice"):
        drift(REFERENCE, pd.concat([REFERENCE, REFERENCE.iloc[:3]]))
    for empty in (REFERENCE.iloc[:0], REFERENCE.iloc[:, :0]):
        with pytest.raises(NotEnoughDataError, match="nothing to compare"):
            drift(empty, REFERENCE)
    with pytest.raises(DataError, match="infinite"):
        drift(REFERENCE, REFERENCE.assign(spend=np.inf))
    with pytest.raises(ParameterError, match="no table"):
        drift(REFERENCE.to_numpy(), REFERENCE)
    labels = pd.Series(0, REFERENCE.index)
    with pytest.raises(ParameterError, match="current customers have no segments"):
        drift(REFERENCE, REFERENCE, labels)
    with pytest.raises(ParameterError, match="reference has no segments"):
        drift(REFERENCE, REFERENCE, current_segments=labels)
    with pytest.raises(DataError, match="not those of the customers"):
        drift(REFERENCE, REFERENCE, labels, labels.iloc[:9])
    with pytest.raises(DataError, match="are not there"):
        drift(REFERENCE[["spend"]], REFERENCE[["spend"]], segmenter)
    for wrong in ({"level": 0}, {"n_resamples": 1}, {"random_state": -1}):
        with pytest.raises(ParameterError):
            drift(REFERENCE, REFERENCE, **wrong)


@pytest.mark.parametrize("wrong", [{"psi": 0}, {"far_share": 1}, {"within_psi": -1}])
def test_bad_thresholds(wrong):
    with pytest.raises(ParameterError):
        DriftThresholds(**wrong)
