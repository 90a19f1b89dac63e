from __future__ import annotations

import mpmath
import numpy as np
import pandas as pd
import pytest

from segml._core.errors import DataError, NotEnoughDataError
from segml.clv import GammaGammaModel
from segml.clv.spend import _cumulated, _median, spend_fit


def with_spend(p: float, q: float, v: float) -> GammaGammaModel:
    values = np.array([p, q, v])
    return GammaGammaModel.from_dict(
        {
            "format": "segml.clv",
            "version": 1,
            "model": "GammaGammaModel",
            "options": {"non_positive": "raise"},
            "parameters": dict(zip("pqv", values.tolist(), strict=True)),
            "covariance": np.diag((0.01 * values) ** 2).tolist(),
            "log_likelihood": -1.0,
            "n_customers": 100,
            "n_left_out": 0,
        }
    )


def density(p, q, v, x, m):
    """Equation 1a of Fader & Hardie (2013)."""
    logs = (
        mpmath.loggamma(p * x + q)
        - mpmath.loggamma(p * x)
        - mpmath.loggamma(q)
        + q * mpmath.log(v)
        + (p * x - 1) * mpmath.log(m)
        + p * x * mpmath.log(x)
        - (p * x + q) * mpmath.log(v + m * x)
    )
    return mpmath.exp(logs)


def test_expected_numbers_are_integrals_of_the_density():
    p, q, v = 6.25, 3.74, 15.4
    ends = np.array([5.0, 9.0, 40.0])
    with mpmath.workdps(20):
        for x in (1, 4):
            found = np.diff(_cumulated(with_spend(p, q, v), np.array([x]), np.array([5.0]), ends))
            for got, low, high in zip(found, ends[:-1], ends[1:], strict=True):
                exact = 5 * mpmath.quad(lambda m, one=x: density(p, q, v, one, m), [low, high])
                assert got == pytest.approx(float(exact), rel=1e-12)


@pytest.mark.parametrize(
    ("p", "q", "v"), [(6.25, 3.74, 15.4), (0.3, 0.6, 2.0), (50.0, 20.0, 300.0), (2.0, 1e-2, 1e4)]
)
def test_distribution_at_fifty_digits(p, q, v):
    at = v * np.array([1e-6, 0.1, 1.0, 10.0, 1e8])
    for x in (1.0, 7.0, 300.0):
        found = _cumulated(with_spend(p, q, v), np.array([x]), np.array([1.0]), at)
        with mpmath.workdps(50):
            for got, m in zip(found, at, strict=True):
                spent = mpmath.mpf(m) * x
                exact = mpmath.betainc(
                    mpmath.mpf(p) * x, q, 0, spent / (v + spent), regularized=True
                )
                assert got == pytest.approx(float(exact), rel=1e-11, abs=1e-300)


@pytest.mark.parametrize(("p", "q", "v"), [(6.25, 3.74, 15.4), (0.3, 0.6, 2.0), (1e3, 0.05, 1e-3)])
def test_half_spend_less_than_the_median(p, q, v):
    model, x, n = with_spend(p, q, v), np.array([1.0, 7.0]), np.array([3.0, 1.0])
    middle = _median(model, x, n)
    assert _cumulated(model, x, n, np.array([middle]))[0] == pytest.approx(2.0, rel=1e-9)


def test_cdnow(spend, cdnow_spend):
    fit = spend_fit(spend, cdnow_spend)
    repeat = cdnow_spend[cdnow_spend["frequency"] > 0]
    assert fit.n_customers == 946
    assert fit.bins["observed"].sum() == 946
    assert fit.bins["expected"].sum() + fit.n_outside == pytest.approx(946)
    assert fit.median["observed"] == repeat["monetary_value"].median()
    assert fit.bins["from"].iloc[0] == repeat["monetary_value"].min()
    assert fit.bins["to"].iloc[-1] == repeat["monetary_value"].max()
    rng = np.random.default_rng(1)  # what the model draws for these customers
    p, q, v = spend.params_
    x = np.repeat(repeat["frequency"].to_numpy(), 200)
    drawn = rng.gamma(p * x) / (rng.gamma(q, 1 / v, len(x)) * x)
    assert fit.median["expected"] == pytest.approx(np.median(drawn), rel=0.01)
    counts, _ = np.histogram(drawn, np.append(fit.bins["from"], fit.bins["to"].iloc[-1]))
    error = 4 * np.sqrt(np.maximum(counts, 1)) / 200
    assert (np.abs(counts / 200 - fit.bins["expected"]) < error).all()


def test_interval_of_the_median_is_that_of_simulated_parameters(spend, cdnow_spend):
    few = cdnow_spend[cdnow_spend["frequency"].between(1, 3)]
    fit = spend_fit(spend, few)
    logs = spend._log_covariance()
    rng = np.random.default_rng(5)
    draws = np.exp(rng.multivariate_normal(np.log(spend.params_), logs, 400))
    x = few["frequency"]
    kinds, n = np.unique(x.to_numpy(dtype=float), return_counts=True)
    medians = [_median(spend._with_parameters(one), kinds, n.astype(float)) for one in draws]
    width = np.log(fit.median["high"] / fit.median["low"])
    assert width == pytest.approx(2 * 1.96 * np.std(np.log(medians)), rel=0.1)


def test_recovers_its_own_model():
    rng = np.random.default_rng(2)
    x = rng.integers(1, 9, 20_000)
    m = rng.gamma(6.0 * x) / (rng.gamma(4.0, 1 / 15, len(x)) * x)
    fit = spend_fit(with_spend(6, 4, 15), pd.DataFrame({"frequency": x, "monetary_value": m}))
    bins = fit.bins[fit.bins["expected"] > 30]
    z = (bins["observed"] - bins["expected"]) / np.sqrt(bins["expected"])
    assert (z**2).mean() == pytest.approx(1, abs=0.6)


def test_everyone_of_one_spend_and_customers_without_any():
    rfm = pd.DataFrame({"frequency": [1, 2, 0], "monetary_value": [8.0, 8.0, np.nan]})
    fit = spend_fit(with_spend(6, 4, 15), rfm)
    assert fit.bins["observed"].sum() == fit.n_customers == 2


def test_bad_input():
    model = with_spend(6, 4, 15)
    with pytest.raises(NotEnoughDataError, match="nobody bought again"):
        spend_fit(model, pd.DataFrame({"frequency": [0], "monetary_value": [0.0]}))
    with pytest.raises(DataError, match="not positive"):
        spend_fit(model, pd.DataFrame({"frequency": [1], "monetary_value": [0.0]}))


def test_html_has_both_medians(spend, cdnow_spend):
    page = spend_fit(spend, cdnow_spend)._repr_html_()
    for said in ("946", "expected", "95% interval"):
        assert said in page
