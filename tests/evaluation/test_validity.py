"""The table that says whether a segmentation is worth having."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from segml._core.errors import DataError, NotEnoughDataError, ParameterError
from segml.clustering import KMeansSegmenter, RFMSegmenter, segment_rules, stability
from segml.data import load_cdnow_sample, simulate_store
from segml.evaluation.validity_check import Thresholds, Validity, validity
from segml.evaluation.validity_criteria import QUESTIONS, distinct, judge, predictive, stable
from segml.features import build_features, make_preprocessor
from segml.kpis import kpi_table

AS_OF = "1997-09-30"
NAMES = ["recency_days", "orders", "revenue"]


@pytest.fixture(scope="module")
def features(cdnow_sample):
    return build_features(cdnow_sample, AS_OF, NAMES)


@pytest.fixture(scope="module")
def segmenter(features):
    return KMeansSegmenter(4, preprocessor=make_preprocessor(features)).fit(features)


@pytest.fixture(scope="module")
def found(segmenter, features, cdnow_sample) -> Validity:
    steady = stability(segmenter, features, n_resamples=10)
    return validity(
        segmenter, features, cdnow_sample, 270, stability=steady, currency="USD", n_resamples=60
    )


def test_one_table_answers_the_six(found):
    assert found.criteria.index.tolist() == list(QUESTIONS)
    assert set(found.criteria["verdict"]) <= {"yes", "no", "unknown"}
    assert (found.criteria["reason"] != "").all()
    assert found.criteria.loc["accessible", "verdict"] == "unknown"
    assert found.criteria.loc["accessible", "reason"] == "this needs the table customers"
    known = found.criteria.drop(index="accessible")
    assert known[["value", "low", "high"]].notna().all(axis=None)
    assert ((known["low"] <= known["value"]) & (known["value"] <= known["high"])).all()


def test_the_numbers_are_those_of_the_parts(found, segmenter, features, cdnow_sample):
    rules = segment_rules(features, segmenter)
    assert found.criteria.loc["measurable", "value"] == rules.fidelity
    assert found.segments["rules"].tolist() == rules.table["coverage"].tolist()
    kpis = kpi_table(
        cdnow_sample, segmenter.labels_, as_of=AS_OF, kpis=["share_of_revenue"]
    ).table.iloc[:4]
    np.testing.assert_allclose(found.segments["revenue_share"], kpis["value"], rtol=1e-9)
    np.testing.assert_allclose(found.segments["revenue_share_low"], kpis["low"], rtol=1e-9)
    worst = found.segments["revenue_share"].min()
    assert found.criteria.loc["substantial", "value"] == worst
    row = found.predictive.set_index("outcome").loc["rank of revenue"]
    assert found.criteria.loc["predictive", "value"] == row["segments"]
    assert found.criteria.loc["distinct", "value"] == found.internal.loc["silhouette", "value"]


def test_the_order_of_customers_changes_nothing(found, segmenter, features, cdnow_sample):
    random = np.random.default_rng(0)
    frame = features.to_pandas()
    labels = segmenter.labels_
    one, other = (
        validity(
            labels.iloc[random.permutation(len(labels))],
            frame.iloc[random.permutation(len(frame))],
            cdnow_sample,
            270,
            as_of=AS_OF,
            n_resamples=30,
        )
        for _ in range(2)
    )
    for name in ("criteria", "predictive", "internal", "segments"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)


@pytest.mark.spark
def test_both_engines_say_the_same(segmenter, features, spark_engine, found):
    there = validity(
        segmenter, features, load_cdnow_sample(spark_engine), 270, n_resamples=60, currency="USD"
    )
    pd.testing.assert_frame_equal(there.predictive, found.predictive, rtol=1e-9)
    pd.testing.assert_frame_equal(there.segments, found.segments, rtol=1e-9)


def test_a_store_with_customers_who_can_be_written_to():
    data, _ = simulate_store(600, seed=2, days=500)
    features = build_features(data, "2025-01-31", NAMES)
    segments = RFMSegmenter(max_segments=4).fit(features)
    made = validity(segments, features, data, 90, n_resamples=30)
    row = made.criteria.loc["accessible"]
    assert row["verdict"] == "yes"
    assert row["value"] == made.segments["reachable"].min()
    assert 0.5 < row["low"] < row["value"] < row["high"] < 0.9
    written = made._repr_html_()
    assert "@" not in re.sub(r"@media|@page", "", written)


def test_noise_is_a_group_but_no_segment(segmenter, features, cdnow_sample):
    labels = segmenter.labels_.copy()
    labels[labels == 0] = -1
    made = validity(labels, features, cdnow_sample, 270, n_resamples=20)
    assert made.segments.loc[-1, "name"] == "noise"
    assert any("of noise are a group" in note for note in made.notes)
    assert np.isnan(made.segments.loc[-1, "rules"])
    share = (labels == -1).mean()
    rules = segment_rules(features, labels)
    assert made.criteria.loc["measurable", "value"] == pytest.approx((1 - share) * rules.fidelity)
    assert "noise" not in made.criteria.loc["substantial", "reason"]


def test_one_segment_is_not_predictive(features, cdnow_sample):
    frame = features.to_pandas()
    made = validity(pd.Series(0, frame.index), features, cdnow_sample, 270, n_resamples=20)
    verdicts = made.criteria["verdict"]
    assert verdicts["predictive"] == "no"
    assert verdicts["distinct"] == verdicts["measurable"] == "unknown"
    assert made.criteria.loc["substantial", "value"] == 1
    assert made.criteria.loc["substantial", "verdict"] == "yes"


def test_segments_at_random_are_neither_measurable_nor_predictive(features, cdnow_sample):
    frame = features.to_pandas()
    labels = pd.Series(np.random.default_rng(4).integers(6, size=len(frame)), frame.index)
    made = validity(labels, features, cdnow_sample, 270, n_resamples=60)
    assert made.criteria.loc["measurable", "verdict"] == "no"
    assert made.criteria.loc["distinct", "verdict"] == "no"
    assert made.criteria.loc["predictive", "verdict"] == "no"
    assert made.predictive.loc[1, "difference_high"] < 0


def test_nobody_buys_in_the_horizon(cdnow_sample):
    orders = cdnow_sample.orders.to_pandas()
    early = orders["ordered_at"] < "1997-07-01"
    late = pd.DataFrame({"customer_id": ["new"], "order_id": ["x"], "revenue": [9.0],
                         "ordered_at": [pd.Timestamp("1998-01-01")]})  # fmt: skip
    kept = pd.concat([orders[early][list(late)], late])
    features = build_features(kept, "1997-06-30", NAMES)
    segments = RFMSegmenter(max_segments=4).fit(features)
    made = validity(segments, features, kept, 90, n_resamples=20)
    assert (made.predictive["reason"] != "").all()
    assert made.criteria.loc["predictive", "verdict"] == "unknown"
    assert "same for all customers" in made.criteria.loc["predictive", "reason"]
    assert "n/a" in made._repr_html_()


# Verdicts


def test_thresholds_decide(segmenter, features, cdnow_sample):
    strict = Thresholds(min_fidelity=0.999, min_customers=100_000, min_revenue_share=0.9)
    made = validity(
        segmenter, features, cdnow_sample, 270, thresholds=strict, n_resamples=20
    ).criteria
    assert made.loc[["measurable", "substantial"], "verdict"].tolist() == ["no", "no"]
    assert "100,000" in made.loc["substantial", "reason"]


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0.5, 0.6, "yes"), (0.4, 0.5, "unknown"), (0.3, 0.499, "no"), (np.nan, np.nan, "unknown")],
)
def test_the_whole_interval_counts(low, high, verdict):
    assert judge(low, high, 0.5) == verdict


@pytest.mark.parametrize(
    ("value", "half", "verdict", "said"),
    [
        (0.6, 0.05, "yes", "reasonable"),
        (0.4, 0.05, "unknown", "weak"),
        (0.5, 0.05, "unknown", "both sides of 0.5"),
        (0.25, 0.05, "unknown", "both sides of 0.25"),
        (0.1, 0.05, "no", "one cloud"),
    ],
)
def test_bands_of_the_silhouette(value, half, verdict, said):
    row = {"value": value, "low": value - half, "high": value + half, "reason": ""}
    answer = distinct(pd.DataFrame([row], index=["silhouette"]))
    assert answer.verdict == verdict
    assert said in answer.reason


@pytest.mark.parametrize(
    ("own", "difference", "verdict", "said"),
    [
        ((0.2, 0.1, 0.3), (0.05, 0.01, 0.09), "yes", "more than RFM"),
        ((0.2, 0.1, 0.3), (0.0, -0.01, 0.01), "yes", "not told apart from RFM"),
        ((0.2, 0.1, 0.3), (-0.1, -0.2, -0.01), "no", "less than RFM"),
        ((0.01, -0.02, 0.03), (0.0, -0.01, 0.01), "unknown", "not told apart from nothing"),
        ((-0.02, -0.03, -0.01), (0.0, -0.01, 0.01), "no", "nothing"),
    ],
)
def test_predictive_is_more_than_nothing_and_not_less_than_rfm(own, difference, verdict, said):
    row = {"outcome": "rank of revenue", "reason": "", "rfm": 0.15}
    for name, three in (("segments", own), ("difference", difference)):
        row |= dict(zip((name, f"{name}_low", f"{name}_high"), three, strict=True))
    answer = predictive(pd.DataFrame([row]), 5)
    assert answer.verdict == verdict
    assert said in answer.reason


def test_without_a_stability_it_is_not_known():
    assert stable(None).verdict == "unknown"
    assert "pass stability=" in stable(None).reason


# Bad input


def test_features_and_segments_of_other_customers(segmenter, features, cdnow_sample):
    labels = segmenter.labels_
    with pytest.raises(DataError, match="not those of the customers of the features"):
        validity(labels.iloc[1:], features, cdnow_sample, 270)
    frame = features.to_pandas()
    with pytest.raises(DataError, match="there twice"):
        validity(pd.concat([labels, labels.iloc[:1]]), frame, cdnow_sample, 270, as_of=AS_OF)
    ghost = frame.rename(index={frame.index[0]: "nobody"})
    with pytest.raises(DataError, match="no order"):
        validity(pd.Series(0, ghost.index), ghost, cdnow_sample, 270, as_of=AS_OF)


def test_a_cut_off_that_is_not_known_or_another(segmenter, features, cdnow_sample):
    frame = features.to_pandas()
    with pytest.raises(ParameterError, match="up to which day"):
        validity(segmenter.labels_, frame, cdnow_sample, 90)
    with pytest.raises(ParameterError, match=r"another day(.|\n)*1997-09-30"):
        validity(segmenter.labels_, features, cdnow_sample, 90, as_of="1997-10-01")
    with pytest.raises(ParameterError, match="1998-06-30: at most 273 days"):
        validity(segmenter.labels_, features, cdnow_sample, 274)


@pytest.mark.parametrize("horizon", [0, -1, 1.5, "90", None])
def test_a_horizon_that_is_no_number_of_days(segmenter, features, cdnow_sample, horizon):
    with pytest.raises(ParameterError, match="horizon"):
        validity(segmenter, features, cdnow_sample, horizon)


def test_ids_that_are_no_segments(segmenter, features, cdnow_sample):
    labels = segmenter.labels_
    for wrong in (labels.map(str) + "x", labels + 0.5, labels - 3):
        with pytest.raises(DataError, match="not whole numbers"):
            validity(wrong, features, cdnow_sample, 90)
    with pytest.raises(NotEnoughDataError, match="all customers are noise"):
        validity(labels * 0 - 1, features, cdnow_sample, 90)
    with pytest.raises(DataError, match="no segment"):
        validity(labels.astype(float).where(labels > 0), features, cdnow_sample, 90)
    with pytest.raises(ParameterError, match="no customers"):
        validity(labels, features.to_pandas().to_numpy(), cdnow_sample, 90, as_of=AS_OF)


def test_a_stability_of_other_segments(segmenter, features, cdnow_sample):
    other = KMeansSegmenter(2).fit(features)
    steady = stability(other, features, n_resamples=3)
    with pytest.raises(ParameterError, match="of other segments"):
        validity(segmenter, features, cdnow_sample, 90, stability=steady, n_resamples=10)
    with pytest.raises(ParameterError, match="no stability"):
        validity(segmenter, features, cdnow_sample, 90, stability=0.9, n_resamples=10)


@pytest.mark.parametrize("wrong", [{"min_reach": 1.1}, {"min_customers": 0}, {"min_fidelity": -1}])
def test_thresholds_out_of_range(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        Thresholds(**wrong)


# As it is shown


def test_html_says_all_and_escapes_names(segmenter, features, cdnow_sample, found):
    written = found._repr_html_()
    for part in [*QUESTIONS, "rank of revenue", "DBCV", "RFM grid", found.verdict]:
        assert part in written
    assert "nan" not in re.sub(r"<style.*?</style>", "", written, flags=re.S).lower().split()
    hostile = validity(
        segmenter, features, cdnow_sample, 270, names={0: "<script>x</script>"}, n_resamples=10
    )
    assert "<script>" not in hostile._repr_html_()
