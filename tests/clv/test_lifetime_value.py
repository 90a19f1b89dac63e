import mpmath
import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad

from segml._core.errors import ParameterError
from segml.clv import (
    BetaGeoModel,
    ModifiedBetaGeoModel,
    customer_lifetime_value,
    predict_with_interval,
)
from segml.clv.pareto_nbd import ParetoNBDModel


@pytest.fixture(scope="module")
def some(cdnow_spend):
    return cdnow_spend.sample(60, random_state=3)


def test_without_discount_it_is_purchases_times_spend(model, spend, some):
    got = customer_lifetime_value(model, spend, some, horizon=52, margin=0.3)
    expected = 0.3 * model.expected_purchases(some, 52) * spend.expected_customer_spend(some)
    np.testing.assert_allclose(got.values, expected, rtol=1e-13)
    assert (got.name, got.scale, got.values.name) == ("clv", "positive", "clv")
    assert got.values.index.equals(some.index)


def test_discount_against_numerical_integration(model, spend, some):
    weekly = 1.15 ** (1 / 52.1775) - 1
    got = customer_lifetime_value(model, spend, some, horizon=104, discount_rate=weekly)
    delta = np.log1p(weekly)
    for i in range(0, 60, 12):
        one = some.iloc[[i]]

        def integrand(s, one=one):
            return np.exp(-delta * s) * model.expected_purchases(one, s).iloc[0]

        # by parts: the integral of e^(-delta s) dE(s)
        area, _ = quad(integrand, 0, 104, epsrel=1e-11)
        end = np.exp(-delta * 104) * model.expected_purchases(one, 104).iloc[0]
        value = (end + delta * area) * spend.expected_customer_spend(one).iloc[0]
        assert got.values.iloc[i] == pytest.approx(value, rel=1e-9)


def test_more_discount_is_less_value(model, spend, some):
    values = [
        customer_lifetime_value(model, spend, some, 52, discount_rate=d).values
        for d in (0.0, 0.001, 0.1, 10.0)
    ]
    for less, more in zip(values[1:], values, strict=False):
        assert (less < more).all()


def test_uncertainty_is_that_of_both_models(model, spend, some):
    got = customer_lifetime_value(model, spend, some, horizon=52).to_frame()
    n = predict_with_interval(model, "expected_purchases", some, future_t=52).to_frame()
    m = predict_with_interval(spend, "expected_customer_spend", some).to_frame()
    relative = (n["std_error"] / n["expected_purchases"]) ** 2
    relative += (m["std_error"] / m["expected_spend"]) ** 2
    np.testing.assert_allclose(got["std_error"] / got["clv"], np.sqrt(relative), rtol=1e-9)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"horizon": 0}, "horizon"),
        ({"horizon": -1}, "horizon"),
        ({"horizon": -np.inf, "discount_rate": 0.01}, "horizon"),
        ({"horizon": np.nan, "discount_rate": 0.01}, "horizon"),
        ({"horizon": "inf", "discount_rate": 0.01}, "horizon"),
        ({"horizon": 52, "discount_rate": -0.1}, "discount_rate"),
        ({"horizon": 52, "discount_rate": np.nan}, "discount_rate"),
        ({"horizon": 52, "margin": 0}, "margin"),
        ({"horizon": 52, "margin": "30%"}, "margin"),
    ],
)
def test_bad_arguments(model, spend, some, arguments, name):
    with pytest.raises(ParameterError, match=f"{name} is out of range"):
        customer_lifetime_value(model, spend, some, **arguments)


@pytest.mark.parametrize("horizon", [np.inf, np.float64("inf"), float("inf")])
def test_an_infinite_horizon_needs_a_discount(model, spend, some, horizon):
    with pytest.raises(ParameterError, match="infinite horizon without a discount") as caught:
        customer_lifetime_value(model, spend, some, horizon)
    assert caught.value.problem.where == "horizon"
    assert "discount_rate=" in caught.value.problem.hint


@pytest.mark.parametrize("kind", [BetaGeoModel, ModifiedBetaGeoModel, ParetoNBDModel])
def test_an_infinite_horizon_is_the_limit(kind, cdnow, spend, some):
    model = kind().fit(cdnow)
    rate = 0.02
    without_end = customer_lifetime_value(model, spend, some, np.inf, rate)
    late = customer_lifetime_value(model, spend, some, 2500, rate)
    np.testing.assert_allclose(without_end.values, late.values, rtol=1e-9)
    np.testing.assert_allclose(
        without_end.to_frame()["std_error"], late.to_frame()["std_error"], rtol=1e-6
    )
    soon = customer_lifetime_value(model, spend, some, 52, rate)
    assert (soon.values < without_end.values).all()


@pytest.mark.parametrize(
    ("x", "t_x", "T", "rate"), [(0, 0, 0.5, 1e-4), (2, 30.43, 38.86, 0.003), (300, 38.0, 38.0, 0.5)]
)
def test_infinite_horizon_at_50_digits(model, spend, x, t_x, T, rate):
    one = pd.DataFrame({"frequency": [x], "recency": [t_x], "T": [T], "monetary_value": [20.0]})
    got = customer_lifetime_value(model, spend, one, np.inf, rate).values[0]
    with mpmath.workdps(50):
        r, alpha, a, b = (mpmath.mpf(float(value)) for value in model.params_)
        p, q, v = (mpmath.mpf(float(value)) for value in spend.params_)
        delta, T, t_x = mpmath.log1p(mpmath.mpf(rate)), mpmath.mpf(T), mpmath.mpf(t_x)
        R, A, B = r + x, alpha + T, b + x

        def bought(s):
            rate_then = R / A * mpmath.hyp2f1(R + 1, a, a + B, -s / A)
            return mpmath.exp(-delta * s) * rate_then

        ends = [0, *(mpmath.mpf(10) ** i for i in range(-2, 5)), mpmath.inf]
        with mpmath.workdps(25):
            dert = mpmath.quad(bought, ends)
        alive = 1 / (1 + a / (B - 1) * ((alpha + T) / (alpha + t_x)) ** R) if x else 1
        value = alive * dert * p * (v + 20 * x) / (p * x + q - 1)
    assert got == pytest.approx(float(value), rel=1e-9)


def test_models_of_the_wrong_kind(model, spend, some):
    with pytest.raises(ParameterError, match="model is of another kind"):
        customer_lifetime_value(spend, spend, some, 52)
    with pytest.raises(ParameterError, match="spend is of another kind"):
        customer_lifetime_value(model, model, some, 52)
