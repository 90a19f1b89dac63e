import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from segml._core.errors import ParameterError
from segml.clv import BetaGeoModel, ModifiedBetaGeoModel, predict_with_interval
from segml.clv.pareto_nbd import ParetoNBDModel
from segml.features import rfm_summary

from .simulation import simulate_history


def test_values_are_those_of_the_method(model, cdnow):
    few = cdnow.sample(200, random_state=0)
    got = predict_with_interval(model, "expected_purchases", few, future_t=26)
    pd.testing.assert_series_equal(got.values, model.expected_purchases(few, 26), check_exact=True)
    assert (got.name, got.scale) == ("expected_purchases", "positive")


def test_derivatives_of_the_probability_alive(model):
    one = pd.DataFrame({"frequency": [3.0, 0.0], "recency": [20.0, 0.0], "T": [38.0, 38.0]})
    got = predict_with_interval(model, "expected_probability_alive", one)
    r, alpha, _, b = model.params_
    p = got.values[0]
    silent = np.log((alpha + 38) / (alpha + 20))
    by_odds = -p * (1 - p) * np.array(
        [r * silent, alpha * (r + 3) * (1 / (alpha + 38) - 1 / (alpha + 20)), 1.0, -b / (b + 2)]
    )  # fmt: skip
    np.testing.assert_allclose(got.jacobian[0], by_odds, rtol=1e-6)
    assert got.scale == "probability"
    assert (got.jacobian[1] == 0).all()
    assert got.to_frame().loc[1].tolist() == [1.0, 0.0, 1.0, 1.0]


def test_covariance_is_that_of_the_logarithms(model, cdnow):
    got = predict_with_interval(model, "expected_probability_alive", cdnow.head())
    relative = model.summary()["std_error"] / model.params_
    np.testing.assert_allclose(np.sqrt(np.diag(got.covariance)), relative, rtol=1e-12)


def test_closed_form_of_the_mean_spend(spend, cdnow_spend):
    got = predict_with_interval(spend, "expected_customer_spend", cdnow_spend)
    p, q, v = spend.params_
    never = int(np.flatnonzero(cdnow_spend["frequency"] == 0)[0])
    value = p * v / (q - 1)
    np.testing.assert_allclose(got.jacobian[never], [value, -value * q / (q - 1), value], rtol=1e-6)


@pytest.mark.slow
def test_against_a_parametric_bootstrap():
    truth = (0.8, 6.0, 0.8, 2.5)
    T = np.full(1500, 40.0)
    fitted = BetaGeoModel().fit(simulate_history(*truth, T, seed=0))
    estimates = tuple(fitted.params_)
    probes = pd.DataFrame({"frequency": [0, 2, 9], "recency": [0, 15, 38], "T": [40.0] * 3})
    draws = [
        BetaGeoModel().fit(simulate_history(*estimates, T, seed=seed)) for seed in range(1, 201)
    ]
    for method, arguments in (
        ("expected_purchases", {"future_t": 30}),
        ("expected_probability_alive", {}),
    ):
        delta = predict_with_interval(fitted, method, probes, **arguments).to_frame()["std_error"]
        bootstrap = np.std([getattr(m, method)(probes, **arguments) for m in draws], axis=0, ddof=1)
        np.testing.assert_allclose(delta, bootstrap, rtol=0.15)


def test_unknown_method_names_the_nearest(model, cdnow):
    with pytest.raises(ParameterError) as caught:
        predict_with_interval(model, "expected_purchase", cdnow)
    assert "did you mean: 'expected_purchases'?" in str(caught.value)
    with pytest.raises(ParameterError, match="unknown value for method"):
        predict_with_interval(model, "expected_purchases_new_customer", cdnow, t=3)


def test_not_fitted(cdnow):
    with pytest.raises(NotFittedError):
        predict_with_interval(BetaGeoModel(), "expected_probability_alive", cdnow)


@pytest.mark.parametrize("unit", [1.0, 1e-5, 1e5])
def test_coefficients_of_covariates_in_any_unit(unit):
    rng = np.random.default_rng(5)
    z = rng.normal(size=1500)
    rfm = simulate_history(0.8, 6.0, 0.8, 2.5, np.full(1500, 40.0), seed=0).assign(z=unit * z)
    model = BetaGeoModel(purchase_covariates=["z"]).fit(rfm)
    some = rfm.head(30)
    got = predict_with_interval(model, "expected_probability_alive", some)
    r, alpha, _, _, gamma = model.params_
    p, x, t_x = got.values, some["frequency"], some["recency"]
    alpha = alpha * np.exp(-gamma * some["z"])
    by_log_alpha = -p * (1 - p) * alpha * (r + x) * (1 / (alpha + 40) - 1 / (alpha + t_x))
    np.testing.assert_allclose(got.jacobian[:, 1], by_log_alpha, rtol=1e-6, atol=1e-10)
    np.testing.assert_allclose(
        got.jacobian[:, 4] / unit, -some["z"] * by_log_alpha / unit, rtol=1e-5, atol=1e-9
    )


@pytest.mark.parametrize(
    "model", [ModifiedBetaGeoModel(), ParetoNBDModel(), BetaGeoModel(k="auto")]
)
def test_every_model_of_purchases_has_intervals(model, cdnow_sample):
    rfm = rfm_summary(cdnow_sample, "1997-09-30", time_unit="W", litt=True)
    model.fit(rfm)
    got = predict_with_interval(model, "expected_purchases", rfm.head(50), future_t=26)
    frame = got.to_frame()
    assert (frame["low"] < frame["expected_purchases"]).all()
    assert (frame["expected_purchases"] < frame["high"]).all()
    assert (frame["std_error"] < frame["expected_purchases"]).all()
