"""What customers did later, the RFM grid, and what groups explain."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats import rankdata
from sklearn.metrics import brier_score_loss, r2_score, roc_auc_score
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.tree import DecisionTreeRegressor

from segml._core.errors import DataError, ParameterError
from segml.clustering._separation import explained_share
from segml.data import load_cdnow_sample
from segml.evaluation.predictive import History, customer_history, predictive_table, rfm_cells
from segml.evaluation.predictive_skill import (
    Outcome,
    Ranking,
    means_of_others,
    skills,
    squared_errors,
)
from segml.features import build_features, rfm_summary
from tests.features.bundles import bundle

DAY = dt.date(2026, 1, 31)
ORDERS = pa.table(
    {
        "customer_id": ["a", "a", "a", "b", "b", "c", "d", "d", "e"],
        "order_id": [str(i) for i in range(9)],
        "ordered_at": pd.to_datetime(
            [
                "2026-01-01 10:00",  # 30 days before the cut-off: not among the 10 before it
                "2026-01-31 23:59:59",  # the last moment that is known
                "2026-02-01 00:00:00",  # the first moment after
                "2026-01-22 00:00:00",  # the first of the 10 days before
                "2026-02-10 23:59:59",  # the last of the 10 days after
                "2026-01-21 23:59:59",  # just before the 10 days before
                "2026-01-30 12:00:00",
                "2026-02-11 00:00:00",  # after the horizon
                "2026-02-05 00:00:00",  # a new customer
            ],
            format="ISO8601",
        ).astype("datetime64[us]"),
        "revenue": [10.0, 5.5, 7.25, 20.0, 1.0, 3.0, 4.0, 99.0, 50.0],
    }
)
BY_HAND = pd.DataFrame(
    {
        "recency_days": [0.0, 9.0, 10.0, 1.0],
        "orders": [2.0, 1.0, 1.0, 1.0],
        "revenue": [15.5, 20.0, 3.0, 4.0],
        "orders_before": [1.0, 1.0, 0.0, 1.0],
        "orders_after": [1.0, 1.0, 0.0, 0.0],
        "revenue_after": [7.25, 1.0, 0.0, 0.0],
    },
    index=list("abcd"),
)


def history(n: int, seed: int = 0, groups: int = 4) -> tuple[History, np.ndarray]:
    """Return customers whose later orders depend on a group that RFM does not know."""
    random = np.random.default_rng(seed)
    labels = random.integers(groups, size=n)
    bought = random.random(n) < 0.1 + 0.7 * labels / max(groups - 1, 1)
    frame = pd.DataFrame(
        {
            "recency_days": random.integers(300, size=n).astype(float),
            "orders": random.poisson(1, n) + 1.0,
            "revenue": random.gamma(2, 20, n).round(2),
            "orders_before": (random.random(n) < 0.5).astype(float),
            "orders_after": bought.astype(float),
            "revenue_after": np.where(bought, random.lognormal(3, 1, n), 0.0).round(2),
        }
    )
    return History(frame, 0, 90), labels


def test_history_by_hand(any_engine):
    data = bundle({"orders": ORDERS}, any_engine)
    found = customer_history(data, pd.Index(list("dbca")), DAY, 10)
    pd.testing.assert_frame_equal(
        found.customers, BY_HAND.loc[list("dbca")], check_names=False, rtol=1e-12
    )
    assert found.unassigned == 0
    assert customer_history(data, pd.Index(["b"]), DAY, 10).unassigned == 3


def test_history_is_that_of_features_and_of_the_rfm_summary(cdnow_sample):
    as_of, end = dt.date(1997, 9, 30), dt.date(1998, 3, 29)
    features = build_features(cdnow_sample, as_of, ["recency_days", "orders", "revenue"])
    frame = features.to_pandas()
    found = customer_history(cdnow_sample, frame.index, as_of, 180).customers
    pd.testing.assert_frame_equal(found[list(frame)], frame.astype(float), rtol=1e-12)
    rfm = rfm_summary(cdnow_sample, as_of, holdout_end=end).loc[frame.index]
    later = (rfm["frequency_holdout"] * rfm["monetary_value_holdout"]).fillna(0.0)
    np.testing.assert_allclose(found["revenue_after"], later, rtol=1e-9)
    assert ((found["orders_after"] > 0) == (rfm["frequency_holdout"] > 0)).all()


@pytest.mark.spark
def test_both_engines_tell_the_same_history(engine, spark_engine):
    found = []
    for one in (engine, spark_engine):
        data = load_cdnow_sample(one)
        ids = build_features(data, "1997-09-30", ["orders"]).to_pandas().index
        found.append(customer_history(data, ids, dt.date(1997, 9, 30), 180).customers)
    pd.testing.assert_frame_equal(found[0], found[1], rtol=1e-9)
    counts = ["recency_days", "orders", "orders_before", "orders_after"]
    assert found[0][counts].equals(found[1][counts])


def test_a_horizon_beyond_the_data_says_the_last_day(cdnow_sample):
    ids = pd.Index(["0001"])
    last = dt.date(1998, 6, 30)
    assert len(customer_history(cdnow_sample, ids, dt.date(1998, 1, 1), 180).customers) == 1
    with pytest.raises(ParameterError, match=r"last order, 1998-06-30: at most 180 days"):
        customer_history(cdnow_sample, ids, dt.date(1998, 1, 1), 181)
    with pytest.raises(ParameterError, match="segments of an earlier day"):
        customer_history(cdnow_sample, ids, last, 1)


def test_customers_without_an_order_are_counted(cdnow_sample):
    with pytest.raises(DataError, match=r"1 of 2 customers(.|\n)*up to 1997-12-31"):
        customer_history(cdnow_sample, pd.Index(["0001", "nobody"]), dt.date(1997, 12, 31), 9)


def test_numbers_as_ids():
    orders = ORDERS.set_column(
        0, "customer_id", pa.array([str("abcde".index(i.as_py())) for i in ORDERS["customer_id"]])
    )
    found = customer_history(bundle({"orders": orders}), pd.Index([3, 0]), DAY, 10).customers
    assert found.index.tolist() == [3, 0]
    assert found["revenue"].tolist() == [4.0, 15.5]


# The RFM grid


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 12])
def test_the_grid_has_as_many_cells_of_like_size(count):
    frame = history(3000)[0].customers
    frame[["recency_days", "orders"]] += np.random.default_rng(1).random((3000, 2))  # no ties
    sizes = np.bincount(rfm_cells(frame, count))
    assert len(sizes) == count
    assert sizes.max() <= 2 * sizes.min() + 1


def test_the_first_cut_is_of_recency_at_the_median():
    frame = history(1001)[0].customers
    cells = rfm_cells(frame, 2)
    older = frame["recency_days"] > frame["recency_days"][cells == 0].max()
    assert (older == (cells == 1)).all()
    assert abs((cells == 0).mean() - 0.5) < 0.01


def test_customers_of_one_value_stay_together_whatever_their_order():
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        random.integers(3, size=(500, 3)).astype(float),
        columns=["recency_days", "orders", "revenue"],
    )
    cells = rfm_cells(frame, 9)
    assert (pd.Series(cells).groupby([frame[name] for name in frame]).nunique() == 1).all()
    shuffled = random.permutation(500)
    assert (rfm_cells(frame.iloc[shuffled], 9) == cells[shuffled]).all()


def test_customers_who_are_alike_have_fewer_cells():
    frame = pd.DataFrame({"recency_days": [1.0] * 9, "orders": [1.0] * 9, "revenue": [2.0] * 9})
    assert set(rfm_cells(frame, 4)) == {0}
    frame.loc[:3, "revenue"] = 5.0
    assert set(rfm_cells(frame, 4)) == {0, 1}


# Skill


def test_means_of_others_are_those_of_leaving_one_out():
    random = np.random.default_rng(3)
    groups, y = random.integers(5, size=60), random.normal(size=60)
    tree = DecisionTreeRegressor()  # of an integer it learns the mean of each value
    theirs = cross_val_predict(tree, groups[:, None], y, cv=LeaveOneOut())
    np.testing.assert_allclose(means_of_others(groups, y), theirs, rtol=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_skill_is_the_explained_share_of_the_segmenters(seed):
    random = np.random.default_rng(seed)
    labels, cells = random.integers(6, size=80), random.integers(4, size=80)
    y = labels + random.normal(size=80)
    everyone = np.ones(80, bool)
    found, _ = skills((labels, cells), [Outcome(y, everyone)], [], 20, 0.95, 0)
    mine = found[0].value
    assert mine[0] == pytest.approx(explained_share(labels, y), rel=1e-10)
    assert mine[1] == pytest.approx(explained_share(cells, y), rel=1e-10)
    assert mine[2] == pytest.approx(mine[0] - mine[1], rel=1e-10)


def test_skill_of_yes_and_no_is_briers():
    random = np.random.default_rng(5)
    labels = random.integers(4, size=300)
    y = (random.random(300) < 0.2 + 0.2 * labels).astype(float)
    outcome = Outcome(y, np.ones(300, bool))
    found, _ = skills((labels, labels), [outcome], [], 20, 0.95, 0)
    mine = brier_score_loss(y, means_of_others(labels, y))
    none = brier_score_loss(y, means_of_others(np.zeros(300, int), y))
    assert found[0].value[0] == pytest.approx(1 - mine / none, rel=1e-10)
    assert found[0].value[2] == 0
    assert found[0].low[2] == found[0].high[2] == 0  # the same groups, the same samples


def test_who_is_not_asked_about_does_not_count():
    random = np.random.default_rng(7)
    labels, y = random.integers(3, size=200), random.normal(size=200)
    inside = random.random(200) < 0.4
    some = squared_errors(labels, Outcome(y, inside))
    assert (some[~inside] == 0).all()
    part = squared_errors(labels[inside], Outcome(y[inside], np.ones(inside.sum(), bool)))
    np.testing.assert_allclose(some[inside], part, rtol=1e-12)


def test_the_area_is_that_of_scikit_learn_within_folds():
    random = np.random.default_rng(2)
    labels = random.integers(5, size=400)
    y = (random.random(400) < 0.1 + 0.15 * labels).astype(float)
    ranking = Ranking.of(labels, Outcome(y, np.ones(400, bool)), 0)
    fold = ranking.cell // (2 * 5)
    areas, pairs = [], []
    for i in range(5):
        held, others = fold == i, fold != i
        rate = pd.Series(y[others]).groupby(labels[others]).mean()
        areas.append(roc_auc_score(y[held], rate[labels[held]]))
        pairs.append(y[held].sum() * (1 - y[held]).sum())
    mine = ranking.auc(np.ones((1, 400)))[0]
    assert mine == pytest.approx(np.average(areas, weights=pairs), rel=1e-12)


def test_segments_at_random_do_not_win_however_many():
    random = np.random.default_rng(11)
    areas, shares = [], []
    for seed in range(40):
        y = (random.random(400) < 0.3).astype(float)
        labels = random.integers(40, size=400)
        outcome = Outcome(y, np.ones(400, bool))
        areas.append(Ranking.of(labels, outcome, seed).auc(np.ones((1, 400)))[0])
        shares.append(explained_share(labels, y))
        groups = np.unique(labels, return_inverse=True)[1]
        in_sample = r2_score(y, (np.bincount(groups, y) / np.bincount(groups))[groups])
        assert in_sample > 0.04  # what the same segments seem to explain by chance
    error = np.std(areas) / np.sqrt(40)
    assert abs(np.mean(areas) - 0.5) < 4 * error
    assert np.mean(shares) < 0
    assert max(shares) < 0.04


@pytest.mark.slow
def test_intervals_cover():
    """Groups of known rates: 95% intervals hold the truth in about 95% of samples."""
    random = np.random.default_rng(13)
    n, n_samples, rates = 1200, 250, np.array([0.1, 0.2, 0.35, 0.6])
    blurred = np.repeat([rates[:2].mean(), rates[2:].mean()], 2)
    spread = rates.mean() * (1 - rates.mean())
    pairs = rates[:, None] * (1 - rates)
    above = np.sign(np.subtract.outer(rates, rates)) / 2 + 0.5
    many = np.arange(400_000) % 4
    bought = random.random(400_000) < rates[many]
    truth = [  # that of ranks is the same whatever the orders are worth: simulated once
        explained_share(many, rankdata(bought * random.lognormal(3, 2, 400_000))),
        rates.var() / spread,
        (rates.var() - blurred.var()) / spread,
        (pairs * above).sum() / pairs.sum(),
    ]
    held = np.zeros(4)
    for seed in range(n_samples):
        labels = random.integers(4, size=n)
        y = (random.random(n) < rates[labels]).astype(float)
        ranks = rankdata(y * random.lognormal(3, 2, n))
        everyone = np.ones(n, bool)
        outcomes = [Outcome(ranks, everyone), Outcome(y, everyone)]
        (rank, share), (area,) = skills(
            (labels, labels // 2), outcomes, outcomes[1:], 200, 0.95, seed
        )
        ends = [(rank, 0), (share, 0), (share, 2), (area, 0)]
        held += [
            one.low[at] <= true <= one.high[at] for (one, at), true in zip(ends, truth, strict=True)
        ]
    error = np.sqrt(0.95 * 0.05 / n_samples)
    assert (abs(held / n_samples - 0.95) < 3 * error).all(), held / n_samples


# The table


def test_segments_that_know_more_than_rfm_are_seen_to():
    found, n_cells = predictive_table(*history(2000), 200, 0.95, 0)
    assert n_cells == 4
    assert found["outcome"].tolist() == [
        "revenue", "rank of revenue", "purchase", "churn", "purchase", "churn",
    ]  # fmt: skip
    assert (found["difference_low"] > 0).all()
    skills_ = found[found["measure"] != "AUC"]
    assert (skills_["rfm_low"] < 0).all()
    assert (skills_["none"] == 0).all()
    assert (found[found["measure"] == "AUC"]["none"] == 0.5).all()
    for part in ("segments", "rfm", "difference"):
        for one, other in pairwise([f"{part}_low", part, f"{part}_high"]):
            assert (found[one] < found[other]).all()


def test_churn_is_asked_of_those_who_ordered_before():
    one, labels = history(500)
    found = predictive_table(one, labels, 20, 0.95, 0)[0].set_index(["outcome", "measure"])
    active = one.customers["orders_before"] > 0
    left = (one.customers["orders_after"] == 0)[active]
    row = found.loc[("churn", "Brier skill")]
    assert row["n"] == active.sum()
    assert row["mean"] == pytest.approx(left.mean())
    assert row["segments"] == pytest.approx(explained_share(labels[active], left.astype(float)))


def test_the_same_bytes_again_and_other_resamples_for_another_seed():
    one, labels = history(300)
    first = predictive_table(one, labels, 50, 0.95, 0)[0]
    pd.testing.assert_frame_equal(first, predictive_table(one, labels, 50, 0.95, 0)[0])
    other = predictive_table(one, labels, 50, 0.95, 1)[0]
    assert (first["segments"][:4] == other["segments"][:4]).all()
    assert (first["segments_low"][:4] != other["segments_low"][:4]).all()


@pytest.mark.parametrize(
    ("after", "before", "reasons"),
    [
        (0.0, 1.0, ["revenue of the 90 days after is the same for all customers"] * 2
         + ["nobody ordered in the 90 days after"]
         + ["nobody of those who ordered before ordered in the 90 days after"]),
        (1.0, 1.0, ["", "", "everyone ordered in the 90 days after",
                    "everyone of those who ordered before ordered in the 90 days after"]),
        (None, 0.0, ["", "", "", "0 customers ordered in the 90 days before, fewer than 10"]),
    ],
)  # fmt: skip
def test_a_constant_outcome_is_missing_with_its_reason(after, before, reasons):
    one, labels = history(100)
    frame = one.customers.assign(orders_before=before)
    if after is not None:
        frame["orders_after"] = after
        frame["revenue_after"] *= after
    found, _ = predictive_table(History(frame, 0, 90), labels, 20, 0.95, 0)
    assert found["reason"].tolist() == [*reasons, *reasons[2:]]
    lacking = found["reason"] != ""
    numbers = [f"{part}{end}" for part in ("segments", "rfm", "difference")
               for end in ("", "_low", "_high")]  # fmt: skip
    assert found.loc[lacking, numbers].isna().all(axis=None)
    assert found.loc[~lacking, numbers].notna().all(axis=None)


def test_one_segment_explains_nothing():
    one, labels = history(200)
    found, n_cells = predictive_table(one, labels * 0, 20, 0.95, 0)
    assert n_cells == 1
    assert (found["segments"] == found["none"]).all()
    assert (found["segments_high"] == found["none"]).all()
    assert (found["difference"] == 0).all()


def test_a_customer_with_a_segment_of_their_own():
    one, labels = history(100)
    labels[7] = 99
    found, n_cells = predictive_table(one, labels, 20, 0.95, 0)
    assert n_cells == 5
    assert found[["segments", "segments_low", "segments_high"]].notna().all(axis=None)
