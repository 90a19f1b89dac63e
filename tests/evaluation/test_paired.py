"""Errors over customers and dates: against statsmodels, by hand, and by their coverage."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.stats import norm, t
from statsmodels.stats.sandwich_covariance import cov_cluster, cov_cluster_2groups

from segml.evaluation.paired import at_these_dates, covariance, losses, uncertainty
from segml.evaluation.paired_set import confidence_set


def draw(rng, n=200, dates=3, gap=0.0, customers=1.0, each=1.0, of_dates=0.0):
    """Draw losses of two models by date and customer, the second worse by `gap` on average."""
    who, when = rng.normal(0, customers, (n, 1)), rng.normal(0, of_dates, (1, dates))
    apart = gap + who + when + rng.normal(0, each, (n, dates))
    base = rng.normal(5, 1, (n, dates))
    return np.stack([base, base + apart], axis=2)  # customers, dates, models


def found_in(lost, overlap=0):
    n, dates, models = lost.shape
    names = [f"m{i}" for i in range(models)]
    values = lost.mean(axis=0)
    tables = [
        pd.DataFrame(lost[:, d] - values[d], index=[f"c{i}" for i in range(n)], columns=names)
        for d in range(dates)
    ]
    return losses(names, values, tables, overlap)


def test_two_way_errors_are_those_of_statsmodels():
    n, dates = 200, 3
    lost = draw(np.random.default_rng(1), n, dates, of_dates=0.3)
    found = found_in(lost)
    apart = lost[:, :, 1] - lost[:, :, 0]
    fit = sm.OLS(apart.ravel(), np.ones(n * dates)).fit()
    who, when = np.repeat(np.arange(n), dates), np.tile(np.arange(dates), n)
    _, by_customer, by_date = cov_cluster_2groups(fit, who, when, use_correction=False)
    weights = np.array([-1.0, 1.0])
    over = weights @ found.covariance_customers @ weights
    assert over == pytest.approx(by_customer[0, 0] * n / (n - 1), rel=1e-9)
    of_dates = weights @ found.covariance_dates @ weights
    assert of_dates == pytest.approx(by_date[0, 0] * dates / (dates - 1), rel=1e-9)
    cells = cov_cluster(fit, np.arange(n * dates), use_correction=False)[0, 0]
    within = weights @ found.covariance_within @ weights
    # About each date's own mean here, about the mean of all there.
    between = (apart.mean(axis=0) - apart.mean()) ** 2
    expected = (cells - between.sum() / (n * dates**2)) * n / (n - 1)
    assert within == pytest.approx(expected, rel=1e-9)


def test_overlapping_horizons_by_diebold_mariano_and_harvey():
    lost = draw(np.random.default_rng(5), 50, 8, of_dates=1.0)
    apart = (lost[:, :, 1] - lost[:, :, 0]).mean(axis=0)
    d, dates, h = apart - apart.mean(), 8, 2
    gammas = [(d[k:] * d[: dates - k]).sum() / dates for k in range(h)]
    plain = (gammas[0] + 2 * gammas[1]) / dates
    factor = (dates + 1 - 2 * h + h * (h - 1) / dates) / dates
    weights = np.array([-1.0, 1.0])
    found = weights @ found_in(lost, overlap=1).covariance_dates @ weights
    # Where the matrix of both models is no covariance, h times what dates by themselves say.
    alone = weights @ found_in(lost).covariance_dates @ weights
    assert found == pytest.approx(plain / factor) or found == pytest.approx(h * alone)
    same = np.repeat(lost[:, :, :1], 2, axis=2)
    same[:, :, 1] = 0
    base = lost[:, :, 0].mean(axis=0) - lost[:, :, 0].mean()
    gammas = [(base[k:] * base[: dates - k]).sum() / dates for k in range(h)]
    expected = (gammas[0] + 2 * gammas[1]) / dates / factor
    one = found_in(same, overlap=1).covariance_dates[0, 0]
    if expected > 0:
        assert one == pytest.approx(expected)
    else:
        assert one == pytest.approx(h * gammas[0] / (dates - 1))


def test_one_date_tells_of_customers_alone():
    lost = draw(np.random.default_rng(2), 300, 1)
    found = found_in(lost)
    apart = lost[:, 0, 1] - lost[:, 0, 0]
    sure = uncertainty(found, np.array([-1.0, 1.0]))
    assert sure.customers == pytest.approx(apart.std(ddof=1) / np.sqrt(300))
    assert np.isnan(sure.both)
    assert np.isnan(sure.half_width(0.95, dates=True))
    ratio = abs(apart.mean()) / sure.customers
    assert sure.p_value(apart.mean()) == pytest.approx(2 * norm.sf(ratio))
    np.testing.assert_array_equal(covariance(found), found.covariance_customers)


def test_few_dates_leave_few_degrees_of_freedom():
    sure = uncertainty(
        found_in(draw(np.random.default_rng(3), 2000, 3, of_dates=3.0)), np.array([-1.0, 1.0])
    )
    assert sure.degrees == pytest.approx(2, rel=0.01)
    assert sure.half_width(0.95, dates=True) == pytest.approx(
        t.ppf(0.975, sure.degrees) * sure.both
    )
    assert sure.customers < sure.both / 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("customers", "of_dates", "dates", "low"),
    [(1.0, 0.3, 4, 0.92), (0.2, 1.0, 3, 0.92), (0.0, 0.05, 6, 0.92)],
)
def test_intervals_cover(customers, of_dates, dates, low):
    rng, weights, inside = np.random.default_rng(11), np.array([-1.0, 1.0]), 0
    for _ in range(300):
        found = found_in(draw(rng, 60, dates, 0.5, customers, 1.0, of_dates))
        sure = uncertainty(found, weights)
        half = sure.half_width(0.95, dates=True)
        inside += abs(weights @ found.means - 0.5) <= half
    assert low <= inside / 300 <= 0.995


@pytest.mark.slow
def test_the_confidence_set_holds_the_best():
    rng, kept, false = np.random.default_rng(7), 0, 0
    for _ in range(100):
        who, base = rng.normal(0, 1, (150, 1, 5)), rng.normal(5, 1, (150, 4, 1))
        lost = base + who * 0.5 + rng.normal(0, 1, (150, 4, 5)) + rng.normal(0, 0.1, (1, 4, 5))
        p_values = confidence_set(found_in(lost))  # all are equally good
        kept += p_values[0] > 0.05
        false += (p_values <= 0.05).any()
    assert kept / 100 >= 0.95
    assert false / 100 <= 0.1


def test_a_worse_model_is_left_out_and_the_same_one_is_not():
    lost = draw(np.random.default_rng(9), 400, 4, gap=0.0, customers=0.1)
    lost = np.concatenate([lost[:, :, :1], lost[:, :, :1], lost[:, :, :1] + 1], axis=2)
    lost[:, :, 2] += np.random.default_rng(1).normal(0, 0.5, lost.shape[:2])
    p_values = confidence_set(found_in(lost))
    assert p_values[:2].tolist() == [1, 1]
    assert p_values[2] < 0.001
    np.testing.assert_array_equal(p_values, confidence_set(found_in(lost)))
    assert uncertainty(found_in(lost), np.array([1.0, -1, 0])).p_value(0.0) == 1


def test_dates_make_less_sure():
    lost = draw(np.random.default_rng(10), 1000, 3, customers=0.1)
    lost[:, :, 1] += np.array([0.1, 0.3, 0.9])
    found = found_in(lost)
    assert confidence_set(at_these_dates(found)).min() < 0.001
    assert confidence_set(found).min() > 0.1
