import json
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from segml._core.errors import ConvergenceError, DataError, NotEnoughDataError, ParameterError
from segml.clv import GammaGammaModel, predict_with_interval
from segml.clv._gamma_gamma_likelihood import GammaGammaLikelihood

from .simulation import add_spend


def buyers(x, m):
    return pd.DataFrame({"frequency": x, "monetary_value": m})


def with_q(q):
    return GammaGammaModel.from_dict(
        {
            "format": "segml.clv", "version": 1, "model": "GammaGammaModel",
            "options": {"non_positive": "raise"}, "parameters": {"p": 6.25, "q": q, "v": 15.44},
            "covariance": (0.01 * np.eye(3)).tolist(), "log_likelihood": -1.0,
            "n_customers": 10, "n_left_out": 0,
        }
    )  # fmt: skip


def test_cdnow_estimates(spend):
    np.testing.assert_allclose(spend.params_, [6.2488, 3.7446, 15.4477], atol=1e-4)
    assert spend.log_likelihood_ == pytest.approx(-4055.92324, abs=1e-5)
    assert (spend.n_customers_, spend.n_left_out_) == (946, 1411)


def test_against_lifetimes(spend, cdnow_spend, lifetimes):
    repeat = cdnow_spend[cdnow_spend["frequency"] > 0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy's, within lifetimes
        theirs = lifetimes.GammaGammaFitter().fit(repeat["frequency"], repeat["monetary_value"])
        np.testing.assert_allclose(spend.params_, theirs.params_, rtol=1e-4)
        theirs.params_ = spend.params_
        value = theirs.conditional_expected_average_profit(
            cdnow_spend["frequency"], cdnow_spend["monetary_value"]
        )
    np.testing.assert_allclose(spend.expected_customer_spend(cdnow_spend), value, rtol=1e-12)


def test_recovers_parameters_of_a_simulation():
    truth = np.array([5.0, 4.0, 30.0])
    x = np.random.default_rng(1).poisson(2.0, 8000)
    rfm = add_spend(pd.DataFrame({"frequency": x}), *truth, seed=2)
    fitted = GammaGammaModel().fit(rfm)
    table = fitted.summary()
    assert (np.abs(table["estimate"] - truth) < 3 * table["std_error"]).all()
    assert fitted.n_customers_ == (x > 0).sum()
    assert fitted.n_left_out_ == (x == 0).sum()


def test_any_currency(spend, cdnow_spend):
    cents = GammaGammaModel().fit(
        cdnow_spend.assign(monetary_value=cdnow_spend["monetary_value"] * 100)
    )
    np.testing.assert_allclose(cents.params_ / spend.params_, [1, 1, 100], rtol=1e-8)


def test_weights_are_repeated_rows():
    rng = np.random.default_rng(4)
    rfm = add_spend(pd.DataFrame({"frequency": rng.poisson(2.0, 800)}), 5, 4, 30, seed=3)
    times = rng.integers(1, 4, 800)
    weighted = GammaGammaModel().fit(rfm, weights=times)
    repeated = GammaGammaModel().fit(rfm.loc[rfm.index.repeat(times)])
    np.testing.assert_allclose(weighted.params_, repeated.params_, rtol=1e-9)
    assert weighted.n_customers_ == repeated.n_customers_
    assert weighted.n_left_out_ == repeated.n_left_out_


def test_order_of_rows_does_not_matter(spend, cdnow_spend):
    again = GammaGammaModel().fit(cdnow_spend.sample(frac=1, random_state=1))
    pd.testing.assert_series_equal(again.params_, spend.params_, check_exact=True)


def test_spend_between_own_mean_and_population(spend):
    population = spend.expected_spend_new_customer()
    got = spend.expected_customer_spend(
        buyers([0, 0, 1, 5, 5000], [0, np.nan, 100.0, 100.0, 100.0])
    )
    assert got.name == "expected_spend"
    assert got[0] == got[1] == pytest.approx(population, rel=1e-14)
    assert population < got[2] < got[3] < got[4] < 100
    assert got[4] == pytest.approx(100, rel=1e-2)


@pytest.mark.parametrize("value", [0.0, -5.0, np.nan])
def test_repeat_buyers_without_positive_spend(value, cdnow_spend):
    rfm = cdnow_spend.copy()
    buyer = int(np.flatnonzero(rfm["frequency"] > 0)[3])
    rfm.iloc[buyer, rfm.columns.get_loc("monetary_value")] = value
    with pytest.raises(DataError) as caught:
        GammaGammaModel().fit(rfm)
    assert "missing or not positive in 1 row" in str(caught.value)
    assert f"row {buyer} (counted from 0)" in str(caught.value)
    assert 'non_positive="leave_out"' in str(caught.value)
    lenient = GammaGammaModel(non_positive="leave_out").fit(rfm)
    assert (lenient.n_customers_, lenient.n_left_out_) == (945, 1412)
    spend = lenient.expected_customer_spend(rfm)
    assert spend.iloc[buyer] == pytest.approx(lenient.expected_spend_new_customer(), rel=1e-14)
    without = GammaGammaModel().fit(rfm.drop(rfm.index[buyer]))
    pd.testing.assert_series_equal(lenient.params_, without.params_, check_exact=True)


def test_unknown_option(cdnow_spend):
    with pytest.raises(ParameterError, match="unknown value for non_positive") as caught:
        GammaGammaModel(non_positive="leave out").fit(cdnow_spend)
    assert "did you mean: 'leave_out'?" in str(caught.value)


@pytest.mark.parametrize("q", [0.4, 1.0])
def test_no_mean_where_q_is_at_most_one(q):
    heavy = with_q(q)
    for use in (
        heavy.expected_spend_new_customer,
        lambda: heavy.expected_customer_spend(buyers([1], [9.0])),
    ):
        with pytest.raises(DataError, match="mean spend does not exist") as caught:
            use()
        assert caught.value.problem.hint


def test_too_few_buyers():
    with pytest.raises(NotEnoughDataError, match="too few repeat buyers"):
        GammaGammaModel().fit(buyers([0, 1], [0.0, 20.0]))
    with pytest.raises(NotEnoughDataError, match="0 distinct rows"):
        GammaGammaModel().fit(buyers([0, 0, 0, 0], [0.0, 1.0, 2.0, 3.0]))


def test_everyone_spends_the_same():
    with pytest.raises(ConvergenceError, match="runs off"):
        GammaGammaModel().fit(buyers([1, 2, 3, 4, 5, 6], [20.0] * 6))


def heavy_spend(q, seed=1):
    rfm = pd.DataFrame({"frequency": np.random.default_rng(seed).poisson(2.0, 4000)})
    return add_spend(rfm, 5.0, q, 30.0, seed=seed + 1)


def test_a_bound_that_is_not_reached_changes_nothing(spend, cdnow_spend):
    bounded = GammaGammaModel(least_q=1.5).fit(cdnow_spend)
    pd.testing.assert_series_equal(bounded.params_, spend.params_, check_exact=True)
    pd.testing.assert_frame_equal(bounded.summary(), spend.summary(), check_exact=True)


@pytest.mark.parametrize("q", [0.8, 1.2])
def test_q_is_held_at_its_bound(q):
    rfm = heavy_spend(q)
    free, held = GammaGammaModel().fit(rfm), GammaGammaModel(least_q=1.5).fit(rfm)
    assert free.params_["q"] < 1.5 == held.params_["q"]
    assert held.log_likelihood_ < free.log_likelihood_
    x, m = rfm.loc[rfm["frequency"] > 0].to_numpy().T
    likelihood = GammaGammaLikelihood(x, m, np.ones(len(x)))
    best = minimize(
        lambda u: -likelihood(np.array([np.exp(u[0]), 1.5, np.exp(u[1])]))[0],
        [0.0, 4.0], method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-9},
    )  # fmt: skip
    np.testing.assert_allclose(held.params_[["p", "v"]], np.exp(best.x), rtol=1e-5)
    assert held.log_likelihood_ == pytest.approx(-best.fun, rel=1e-12)
    table = held.summary().loc["q"]
    assert table.tolist() == [1.5, 0.0, 1.5, 1.5]
    predicted = predict_with_interval(held, "expected_customer_spend", rfm).to_frame()
    assert np.isfinite(predicted).all(axis=None)
    assert (predicted > 0).all(axis=None)
    again = GammaGammaModel.from_dict(json.loads(json.dumps(held.to_dict())))
    pd.testing.assert_frame_equal(again.summary(), held.summary(), check_exact=True)


def test_where_the_mean_does_not_exist_the_message_offers_the_bound():
    free = GammaGammaModel().fit(heavy_spend(0.8))
    with pytest.raises(DataError, match="does not exist") as caught:
        free.expected_spend_new_customer()
    assert "least_q=1.5" in caught.value.problem.hint


@pytest.mark.parametrize("least_q", [1.0, 0.5, -1.0, np.nan, np.inf, "2", True])
def test_a_bound_that_gives_no_mean(least_q, cdnow_spend):
    with pytest.raises(ParameterError, match="least_q is out of range"):
        GammaGammaModel(least_q=least_q).fit(cdnow_spend)


def test_a_bound_is_no_help_where_all_spend_the_same():
    with pytest.raises(ConvergenceError, match="runs off"):
        GammaGammaModel(least_q=1.5).fit(buyers([1, 2, 3, 4, 5, 6], [20.0] * 6))


def test_nobody_bought_again(spend):
    with pytest.raises(NotEnoughDataError, match="too few repeat buyers"):
        GammaGammaModel().fit(buyers([0] * 50, [np.nan] * 50))
    got = spend.expected_customer_spend(buyers([0] * 3, [np.nan, 0.0, -4.0]))
    assert got.tolist() == [spend.expected_spend_new_customer()] * 3


def test_refunds_that_net_to_nothing(cdnow_spend):
    spent = cdnow_spend["monetary_value"].where(cdnow_spend["frequency"] != 1, 0.0)
    refunded = cdnow_spend.assign(monetary_value=spent)
    with pytest.raises(DataError, match="missing or not positive in 439 rows"):
        GammaGammaModel().fit(refunded)
    model = GammaGammaModel(non_positive="leave_out").fit(refunded)
    assert (model.n_customers_, model.n_left_out_) == (507, 1850)
    assert (model.expected_customer_spend(refunded) > 0).all()
