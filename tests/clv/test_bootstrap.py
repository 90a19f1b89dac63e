import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from segml._core.errors import ConvergenceError, ParameterError
from segml.clv import BetaGeoModel, parametric_bootstrap, predict_with_interval

from .simulation import simulate_history


@pytest.fixture(scope="module")
def rfm():
    return simulate_history(0.8, 6.0, 0.8, 2.5, np.full(1500, 40.0), seed=0)


@pytest.fixture(scope="module")
def fitted(rfm):
    return BetaGeoModel().fit(rfm)


def test_it_agrees_with_the_delta_method(fitted, rfm):
    some = rfm.head(60)
    groups = pd.Series(np.where(some["frequency"] > 2, "many", "few"), index=some.index)

    def by_group(model):
        return model.expected_purchases(some, 30).groupby(groups).sum()

    checked = parametric_bootstrap(
        fitted, rfm, lambda m: pd.concat([m.params_, by_group(m)]), n=150, seed=1
    )
    got = checked.summary()
    assert len(checked.draws) + len(checked.failed) == 150
    np.testing.assert_array_equal(got["estimate"], [*fitted.params_, *by_group(fitted)])
    wald = fitted.summary()
    totals = predict_with_interval(fitted, "expected_purchases", some, future_t=30).sum_by(groups)
    error = np.r_[wald["std_error"], totals["std_error"]]
    tolerance = [0.2, 0.2, 0.25, 0.35, 0.2, 0.2]  # a and b are skewed
    assert (np.abs(got["std_error"] / error - 1) < tolerance).all()
    for end in ("low", "high"):
        expected = np.r_[wald[end], totals[end]]
        assert (np.abs(got[end] - expected) < 0.7 * error).all()


def test_a_number_is_a_statistic(spend, cdnow_spend):
    checked = parametric_bootstrap(
        spend, cdnow_spend, lambda m: m.expected_spend_new_customer(), n=60, seed=2
    )
    row = checked.summary().loc["statistic"]
    prediction = predict_with_interval(
        spend, "expected_customer_spend", cdnow_spend[cdnow_spend["frequency"] == 0].head(1)
    )
    wald = prediction.to_frame().iloc[0]
    assert row["std_error"] == pytest.approx(wald["std_error"], rel=0.25)
    assert row["low"] < row["estimate"] < row["high"]


def test_the_seed_decides(spend, cdnow_spend):
    one, same, other = (
        parametric_bootstrap(spend, cdnow_spend, n=3, seed=seed).draws for seed in (5, 5, 6)
    )
    pd.testing.assert_frame_equal(one, same, check_exact=True)
    assert not one.equals(other)
    more = parametric_bootstrap(spend, cdnow_spend, n=4, seed=5).draws
    pd.testing.assert_frame_equal(more.head(3), one, check_exact=True)


def test_the_model_is_not_changed(fitted, rfm):
    before = fitted.params_.copy()
    parametric_bootstrap(fitted, rfm, n=2)
    pd.testing.assert_series_equal(fitted.params_, before, check_exact=True)


def test_fits_that_fail_are_counted(with_parameters):
    few = simulate_history(0.8, 6.0, 0.8, 2.5, np.full(60, 40.0), seed=0)
    checked = parametric_bootstrap(with_parameters(0.8, 6.0, 0.8, 2.5), few, n=30, seed=1)
    assert 0 < len(checked.failed) < 28
    assert len(checked.draws) == 30 - len(checked.failed)
    assert "the likelihood" in checked._repr_html_()


def test_no_fit_converges(with_parameters):
    nobody = simulate_history(0.8, 6.0, 0.8, 2.5, np.full(30, 1e-9), seed=0)
    with pytest.raises(ConvergenceError, match="hardly any fit") as caught:
        parametric_bootstrap(with_parameters(0.8, 6.0, 0.8, 2.5), nobody, n=5)
    assert "0 of 5 fits; the first failed as no customer bought again" in str(caught.value)


@pytest.mark.parametrize("arguments", [{"n": 1}, {"n": 2.5}, {"seed": -1}])
def test_bad_arguments(fitted, rfm, arguments):
    with pytest.raises(ParameterError, match="out of range"):
        parametric_bootstrap(fitted, rfm, **arguments)


def test_not_fitted(rfm):
    with pytest.raises(NotFittedError):
        parametric_bootstrap(BetaGeoModel(), rfm)


def test_html_and_level(spend, cdnow_spend):
    checked = parametric_bootstrap(spend, cdnow_spend, n=10, seed=3)
    assert "10 simulated data sets" in checked._repr_html_()
    narrow, wide = checked.summary(0.5), checked.summary(0.95)
    assert (narrow["low"] > wide["low"]).all()
    with pytest.raises(ParameterError, match="level"):
        checked.summary(1.0)
