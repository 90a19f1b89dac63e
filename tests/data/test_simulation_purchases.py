from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segml.clv import BetaGeoModel, GammaGammaModel
from segml.data.simulation import simulate_store
from segml.data.simulation_purchases import Clock
from segml.data.simulation_segments import TrueSegment
from segml.features import rfm_summary

DAYS = 730
END = "2025-12-30"
ALL = TrueSegment("all", 1, r=0.8, alpha=60, a=0.8, b=2.5, p=6, q=4, v=15)
PLAIN = {"segments": [ALL], "guests": 0, "campaigns": 0, "survey_share": 0, "visits_per_order": 1}


@pytest.fixture(scope="module")
def store():
    return simulate_store(8_000, seed=3, seasonality=0, **PLAIN)


def assert_within_four_errors(model, truth: dict[str, float]) -> None:
    for name, value in truth.items():
        error = np.sqrt(model.covariance_.loc[name, name])
        assert abs(model.params_[name] - value) < 4 * error, name
        assert error < 0.2 * value, name


def test_models_recover_their_parameters(store):
    rfm = rfm_summary(store[0], END, "h", time_unit="D")
    assert_within_four_errors(BetaGeoModel().fit(rfm), {"r": 0.8, "alpha": 60, "a": 0.8, "b": 2.5})
    assert_within_four_errors(GammaGammaModel().fit(rfm), {"p": 6, "q": 4, "v": 15})


def test_models_recover_their_parameters_in_store_time():
    data, truth = simulate_store(10_000, seed=4, seasonality=0.8, **PLAIN)
    elapsed = np.concatenate([[0], truth.seasonality.cumsum()])

    def store_time(at: pd.Series) -> np.ndarray:
        days = (at - pd.Timestamp("2024-01-01")) / pd.Timedelta(days=1)
        return np.interp(days, np.arange(DAYS + 1), elapsed)

    orders = data.orders.to_pandas().groupby("customer_id")["ordered_at"]
    first = store_time(orders.min())
    rfm = pd.DataFrame(
        {
            "frequency": orders.size() - 1,
            "recency": store_time(orders.max()) - first,
            "T": elapsed[-1] - first,
        }
    )
    assert_within_four_errors(BetaGeoModel().fit(rfm), {"r": 0.8, "alpha": 60, "a": 0.8, "b": 2.5})


def test_truth_of_each_customer_has_the_means_of_its_segment(store):
    customers = store[1].customers
    for column, mean in (
        ("purchase_rate", 0.8 / 60),
        ("dropout_probability", 0.8 / 3.3),
        ("mean_spend", 6 * 15 / 3),
    ):
        values = customers[column]
        error = values.std() / np.sqrt(len(values))
        assert values.mean() == pytest.approx(mean, abs=4 * error)


@pytest.mark.parametrize("amplitude", [0.0, 0.3, 0.9])
def test_first_orders_follow_the_season(amplitude):
    _, truth = simulate_store(4000, seed=5, seasonality=amplitude, **PLAIN)
    months = truth.seasonality.groupby(truth.seasonality.index.month).sum()
    expected = 4000 * months / months.sum()
    found = truth.customers["first_order_at"].dt.month.value_counts().sort_index()
    assert (abs(found - expected) < 4.5 * np.sqrt(expected)).all()
    assert expected.idxmin() in (5, 6, 2)  # opposite the peak; February is short
    assert truth.seasonality.max() == pytest.approx(1 + amplitude, abs=1e-3)


def test_the_season_shows_in_the_orders():
    def ratio(amplitude: float) -> float:
        data, _ = simulate_store(1500, seed=6, seasonality=amplitude, **PLAIN)
        month = data.orders.to_pandas()["ordered_at"].dt.month
        return month.isin([10, 11, 12, 1]).sum() / month.isin([4, 5, 6, 7]).sum()

    assert ratio(0.8) > 2.5 * ratio(0)


def test_clock_runs_both_ways():
    clock = Clock(pd.Timestamp("2024-03-01"), 800, 0.95)
    days = np.random.default_rng(1).uniform(0, 800, 1000)
    np.testing.assert_allclose(clock.to_days(clock.to_store(days)), days, atol=1e-8)
    assert (np.diff(clock.to_store(np.sort(days))) >= 0).all()
    still = Clock(pd.Timestamp("2024-03-01"), 800, 0.0)
    np.testing.assert_array_equal(still.to_days(still.to_store(days)), days)
