import numpy as np
import pytest
from scipy.integrate import quad

from segml._core.errors import ParameterError
from segml.clv import customer_lifetime_value, predict_with_interval


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
        ({"horizon": np.inf}, "horizon"),
        ({"horizon": 52, "discount_rate": -0.1}, "discount_rate"),
        ({"horizon": 52, "discount_rate": np.nan}, "discount_rate"),
        ({"horizon": 52, "margin": 0}, "margin"),
        ({"horizon": 52, "margin": "30%"}, "margin"),
    ],
)
def test_bad_arguments(model, spend, some, arguments, name):
    with pytest.raises(ParameterError, match=f"{name} is out of range"):
        customer_lifetime_value(model, spend, some, **arguments)


def test_models_of_the_wrong_kind(model, spend, some):
    with pytest.raises(ParameterError, match="model is of another kind"):
        customer_lifetime_value(spend, spend, some, 52)
    with pytest.raises(ParameterError, match="spend is of another kind"):
        customer_lifetime_value(model, model, some, 52)
