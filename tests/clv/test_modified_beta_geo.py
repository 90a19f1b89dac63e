import warnings

import mpmath as mp
import numpy as np
import pandas as pd
import pytest

from segml._core.errors import ConvergenceError, DataError, NotEnoughDataError
from segml.clv import BetaGeoModel, ModifiedBetaGeoModel, customer_lifetime_value

from .regular_simulation import simulate_regular


def rows(*histories):
    return pd.DataFrame(histories, columns=["frequency", "recency", "T"], dtype=float)


def made(r, alpha, a, b):
    values = dict(zip(["r", "alpha", "a", "b"], [r, alpha, a, b], strict=True))
    return ModifiedBetaGeoModel.from_dict(
        {
            "format": "segml.clv",
            "version": 1,
            "model": "ModifiedBetaGeoModel",
            "options": {},
            "parameters": values,
            "covariance": np.eye(4).tolist(),
            "log_likelihood": -1.0,
            "n_customers": 100,
        }
    )


@pytest.fixture(scope="module")
def modified(cdnow):
    return ModifiedBetaGeoModel().fit(cdnow)


def test_cdnow_estimates(modified):
    np.testing.assert_allclose(
        modified.params_, [0.524843, 6.183086, 0.891359, 1.614002], atol=1e-6
    )
    assert modified.log_likelihood_ == pytest.approx(-9582.13572, abs=1e-5)


def test_against_lifetimes(modified, cdnow, lifetimes):
    columns = cdnow["frequency"], cdnow["recency"], cdnow["T"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy's, within lifetimes
        theirs = lifetimes.ModifiedBetaGeoFitter().fit(*columns)
        found = theirs.params_
        theirs.params_ = modified.params_  # theirs stop at 4 to 5 digits
        alive = theirs.conditional_probability_alive(*columns)
        purchases = theirs.conditional_expected_number_of_purchases_up_to_time(26, *columns)
        new = theirs.expected_number_of_purchases_up_to_time(np.array([1.0, 52.0]))
    np.testing.assert_allclose(found, modified.params_, rtol=1e-3)
    np.testing.assert_allclose(modified.expected_probability_alive(cdnow), alive, rtol=1e-10)
    np.testing.assert_allclose(modified.expected_purchases(cdnow, 26), purchases, rtol=1e-9)
    np.testing.assert_allclose(
        modified.expected_purchases_new_customer([1.0, 52.0]), new, rtol=1e-9
    )


@pytest.mark.parametrize("a", [0.31, 1.0, 3.0])
@pytest.mark.parametrize(
    "history", [(0, 0, 0), (0, 0, 39), (1, 39, 39), (26, 5, 31), (400, 38, 39), (2000, 38, 38.9)]
)
def test_predictions_against_mpmath(a, history):
    r, alpha, b, t = 0.25, 4.4, 0.5, 26
    x, t_x, T = history
    with mp.workdps(50):
        lost = mp.mpf(a) / (b + x) * (mp.mpf(alpha + T) / (alpha + t_x)) ** (r + x)
        alive = 1 / (1 + lost)
        end = mp.mpf(t) / (alpha + T)
        purchases = alive * mp.quad(
            lambda y: (r + x) * mp.hyp2f1(r + x + 1, a, a + b + x + 1, -y), [0, end / 9, end]
        )
        none = 1 - alive * (1 - (1 + end) ** -(r + x))
    model, one = made(r, alpha, a, b), rows(history)
    assert model.expected_probability_alive(one)[0] == pytest.approx(float(alive), rel=1e-11)
    assert model.expected_purchases(one, t)[0] == pytest.approx(float(purchases), rel=1e-10)
    got = model.expected_probability_no_purchase(one, t)[0]
    assert got == pytest.approx(float(none), rel=1e-11)


def test_new_customer_may_leave_at_once(modified):
    # E[X(t)] = P(alive after the first purchase) E[X(t) of the living]
    for t in (1.0, 52.0, 2000.0):
        by_history = modified.expected_purchases(rows((0, 0, 0)), t)[0]
        assert modified.expected_purchases_new_customer(t) == pytest.approx(by_history, rel=1e-12)


def test_recovers_parameters_and_foretells():
    truth = np.array([0.5, 6.0, 1.2, 3.0])
    T = np.random.default_rng(0).uniform(26, 52, 20_000)
    rfm = simulate_regular(*truth, T, k=1, at_once=True, seed=3, future_t=26)
    model = ModifiedBetaGeoModel().fit(rfm)
    table = model.summary()
    assert (np.abs(table["estimate"] - truth) < 3 * table["std_error"]).all()
    actual = rfm["frequency_holdout"]
    error = np.sqrt(actual.var() * len(actual))
    assert abs(model.expected_purchases(rfm, 26).sum() - actual.sum()) < 3 * error
    none = model.expected_probability_no_purchase(rfm, 26).mean()
    assert none == pytest.approx((actual == 0).mean(), abs=3 * np.sqrt(0.25 / len(actual)))


def test_finds_the_optimum_of_small_samples():
    # From anywhere near the truth the same optimum is reached.
    truth = np.array([0.5, 6.0, 1.2, 3.0])
    for seed in range(6):
        T = np.random.default_rng(seed).uniform(26, 104, 400)
        for model, at_once in ((BetaGeoModel(), False), (ModifiedBetaGeoModel(), True)):
            rfm = simulate_regular(*truth, T, k=1, at_once=at_once, seed=seed)
            try:
                found = model.fit(rfm)
            except ConvergenceError:
                continue
            near = type(model)()
            near._starts = lambda columns, weights: [truth.tolist()]
            assert found.log_likelihood_ >= near.fit(rfm).log_likelihood_ - 1e-9


def test_covariates_of_zero_effect_change_nothing(modified, cdnow):
    with_one = cdnow.assign(z=np.random.default_rng(0).normal(size=len(cdnow)))
    model = ModifiedBetaGeoModel(purchase_covariates=["z"]).fit(with_one)
    assert 0 <= model.log_likelihood_ - modified.log_likelihood_ < 8
    model.params_["purchase[z]"] = 0.0
    model.params_.iloc[:4] = modified.params_
    np.testing.assert_allclose(
        model.expected_purchases(with_one, 9), modified.expected_purchases(cdnow, 9), rtol=1e-12
    )


def test_saved_and_loaded(modified, cdnow):
    again = ModifiedBetaGeoModel.from_dict(modified.to_dict())
    assert again.k_ == 1
    pd.testing.assert_series_equal(
        again.expected_purchases(cdnow, 5), modified.expected_purchases(cdnow, 5)
    )
    with pytest.raises(DataError, match="another model"):
        BetaGeoModel.from_dict(modified.to_dict())


def test_lifetime_value(modified, spend, cdnow_spend):
    value = customer_lifetime_value(modified, spend, cdnow_spend, 52, 0.002).to_frame()
    assert ((value["low"] < value["clv"]) & (value["clv"] < value["high"])).all()


def test_everyone_a_one_time_buyer():
    with pytest.raises(NotEnoughDataError, match="no customer bought again"):
        ModifiedBetaGeoModel().fit(rows(*[(0, 0, T) for T in range(1, 40)]))
