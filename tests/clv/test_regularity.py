import itertools

import mpmath as mp
import numpy as np
import pandas as pd
import pytest

from segml._core.errors import DataError, MissingTableError, ParameterError
from segml.clv import BetaGeoModel, ModifiedBetaGeoModel
from segml.clv._alive_purchases import alive_purchases
from segml.clv._beta_geo_likelihood import BetaGeoLikelihood
from segml.clv._regular_purchases import regular_purchases

from .regular_simulation import simulate_regular

TRUTH = np.array([0.85, 1.45, 0.79, 2.42])


def simulated(k, at_once, n=4000, seed=5, future_t=30.0):
    T = np.random.default_rng(seed).integers(20, 60, n) / 1.0
    return simulate_regular(*TRUTH, T, k, at_once, seed, future_t)


def purchases_by_sum(R, A, j, k, a, B, t):
    """E[C(floor((N + j) / k))] term by term, N negative binomial."""
    R, A, a, B, t = map(mp.mpf, (R, A, a, B, t))
    stop = t / (A + t)
    chance, total, done, stays, m = (1 - stop) ** R, mp.mpf(0), mp.mpf(0), mp.mpf(1), 0
    n = 0
    while True:
        while m < (n + j) // k:
            done, stays, m = done + stays, stays * (B + m) / (a + B + m), m + 1
        total += chance * done
        # beyond, the terms fall at least as fast as a geometric series
        ratio = stop * (R + n) / (n + 1) * (1 + mp.mpf(1) / (m + 1))
        if done and ratio < 1 and chance * done / (1 - ratio) < 1e-18 * total:
            return float(total)
        chance *= (R + n) / (n + 1) * stop
        n += 1


@pytest.mark.parametrize(("n", "k"), [(0.05, 2), (0.05, 3), (12.0, 2), (12.0, 5), (300.0, 3)])
def test_purchases_against_the_sum(n, k):
    leaving = [(0.8, 2.4), (50.0, 0.05)]
    if n == 12:
        leaving += [(0.01, 0.3), (1.0, 1.0), (0.8, 2000.0)]
    times = [(4.4, 26.0 if n < 100 else 2.0), (44.0, 3.0), (400.0, 0.01)]
    for (a, B), (A, t), j in itertools.product(leaving, times, (0, k - 1)):
        share = np.zeros((k, 1))
        share[j] = 1
        with mp.workdps(40):
            exact = purchases_by_sum(n + j, A, j, k, a, B, t)
        got = regular_purchases(n, np.array([A]), share, a, B, t)[0]
        assert got == pytest.approx(exact, rel=1e-11), (a, B, A, t, j)


@pytest.mark.parametrize("delta", [0.0, 0.02])
@pytest.mark.parametrize(("n", "t"), [(0.3, 0.5), (0.3, 1e5), (25.0, 30.0), (2000.0, 30.0)])
def test_one_event_is_the_other_method(n, t, delta):
    A = np.array([2.0, 40.0])
    got = regular_purchases(n, A, np.ones((1, 2)), 0.8, 2.4, t, delta)
    two = np.full(2, 2.4)
    np.testing.assert_allclose(
        got, alive_purchases(np.full(2, n), A, 0.8, two, t, delta), rtol=1e-11
    )


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize(
    ("n", "A", "delta"), [(0.3, 4.0, 0.002), (30.0, 40.0, 0.05), (3.0, 9.0, 2)]
)
def test_infinite_horizon_against_mpmath(n, A, delta, k):
    # given rate and chance p: u^(k - j) / (1 - q u^k) with u = rate / (rate + delta)
    a, B, j = 0.8, 2.4, 1
    share = np.zeros((k, 1))
    share[j] = 1
    with mp.workdps(30):

        def given_rate(w):
            rate = mp.exp(w)
            u = rate / (rate + delta)
            # the mean of 1 / (1 - q u^k) over q from Beta(B, a)
            mean = mp.hyp2f1(1, B, a + B, u**k)
            return mp.exp((n + j) * w - A * rate) * u ** (k - j) * mean

        points = np.log(n / A) + np.sort([-90 / (n + 2), -20 / (n + 2), -2, -0.5, 0, 0.5, 1, 4.5])
        scale = mp.mpf(A) ** (n + j) / mp.gamma(n + j)
        exact = float(scale * mp.quad(given_rate, points.tolist()))
    got = regular_purchases(n, np.array([A]), share, a, B, np.inf, delta)[0]
    assert got == pytest.approx(exact, rel=1e-10)


def test_discount_by_parts():
    # int e^(-delta s) dM(s) = delta int e^(-delta s) M(s) ds + e^(-delta t) M(t)
    A, share, delta, t = np.array([20.0]), np.array([[0.3], [0.7]]), 0.05, 26.0
    nodes, weights = np.polynomial.legendre.leggauss(40)

    def mean(s):
        return regular_purchases(8.5, A, share, 0.8, 2.4, s)[0]

    s = t * (nodes + 1) / 2
    inner = sum(w * np.exp(-delta * u) * mean(u) for u, w in zip(s, t / 2 * weights, strict=True))
    exact = delta * inner + np.exp(-delta * t) * mean(t)
    got = regular_purchases(8.5, A, share, 0.8, 2.4, t, delta)[0]
    assert got == pytest.approx(exact, rel=1e-12)


def test_customers_do_not_mix():
    A, share = np.linspace(1.5, 80, 60), np.random.default_rng(0).dirichlet([1, 1, 1], 60).T
    together = regular_purchases(6.5, A, share, 0.8, 2.4, 26.0, 0.01)
    for i in range(0, 60, 13):
        alone = regular_purchases(6.5, A[i : i + 1], share[:, i : i + 1], 0.8, 2.4, 26.0, 0.01)
        assert alone[0] == pytest.approx(together[i], rel=1e-12)


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize(
    "history", [(0, 0, 0), (0, 0, 39), (1, 39, 39), (7, 20, 39), (400, 38, 39), (2000, 1, 39)]
)
def test_likelihood_and_alive_against_mpmath(history, at_once, k):
    d, (x, t_x, T), at = int(at_once), history, (0.24, 4.4, 0.79, 2.4)
    t = 10
    with mp.workdps(50):
        r, alpha, a, b = map(mp.mpf, at)

        def survives(T):  # fewer than k events since t_x
            return sum(
                mp.mpf(T - t_x) ** j / mp.factorial(j) * mp.rf(r, k * x + j)
                * (alpha + T) ** -(r + k * x + j) for j in range(k)
            )  # fmt: skip

        stays = mp.beta(a, b + x + d) / mp.beta(a, b) * alpha**r
        leaves = 0
        if x + d:
            leaves = mp.beta(a + 1, b + x + d - 1) / mp.beta(a, b) * alpha**r
            leaves *= mp.rf(r, k * x) * (alpha + t_x) ** -(r + k * x)
        likelihood = stays * survives(T) + leaves
        alive = stays * survives(T) / likelihood
        none = (leaves + stays * survives(T + t)) / likelihood
    one = BetaGeoLikelihood(*np.array([[x], [t_x], [T]], dtype=float), np.ones(1), at_once, k)
    exact = float(mp.log(likelihood))
    assert one(np.array(at))[0] == pytest.approx(exact, rel=1e-11, abs=1e-12)
    model = (ModifiedBetaGeoModel if at_once else BetaGeoModel)()
    model.k_, model.params_ = k, pd.Series(at, ["r", "alpha", "a", "b"])
    columns = tuple(np.array([float(value)]) for value in history)
    assert model._alive(columns)[0] == pytest.approx(float(alive), rel=1e-11)
    assert model._no_purchase(columns, t)[0] == pytest.approx(float(none), rel=1e-11)


@pytest.mark.parametrize("k", [1, 2, 6])
@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("at", [(0.24, 4.4, 0.79, 2.4), (3.0, 0.7, 1.0, 0.4), (0.05, 30, 4, 9)])
def test_derivatives_against_finite_differences(at, at_once, k):
    rfm = simulated(k, at_once, n=300)
    columns = (rfm[name].to_numpy() for name in ("frequency", "recency", "T"))
    likelihood = BetaGeoLikelihood(
        *columns, np.random.default_rng(6).integers(1, 5, 300) / 2, at_once, k
    )
    at = np.array(at, dtype=float)
    _, gradient, hessian = likelihood(at)
    for j in range(4):
        move = np.zeros(4)
        move[j] = 1e-6 * at[j]
        above, below = likelihood(at + move), likelihood(at - move)
        assert gradient[j] == pytest.approx((above[0] - below[0]) / (2 * move[j]), rel=1e-6)
        slope = (above[1] - below[1]) / (2 * move[j])
        np.testing.assert_allclose(hessian[j], slope, rtol=1e-6, atol=1e-6 * np.abs(slope).max())


@pytest.mark.parametrize("kind", [BetaGeoModel, ModifiedBetaGeoModel])
@pytest.mark.parametrize("k", [1, 3])
def test_finds_the_regularity_and_foretells(kind, k):
    rfm = simulated(k, kind is ModifiedBetaGeoModel)
    model = kind(k="auto").fit(rfm)
    assert model.k_ == k
    given = kind(k=k).fit(rfm)
    assert model.log_likelihood_ == given.log_likelihood_
    if k > 1:
        other = kind(k=k + 1).fit(rfm).log_likelihood_, kind(k=k - 1).fit(rfm).log_likelihood_
        assert max(other) < model.log_likelihood_
    table = model.summary()
    assert (np.abs(table["estimate"] - TRUTH) < 3 * table["std_error"]).all()
    actual = rfm["frequency_holdout"]
    for some in (actual.index >= 0, rfm["frequency"] == 0, rfm["frequency"] > 2):
        expected = model.expected_purchases(rfm[some], 30).sum()
        error = np.sqrt(actual[some].var() * some.sum())
        assert abs(expected - actual[some].sum()) < 3 * error
        none = model.expected_probability_no_purchase(rfm[some], 30).mean()
        assert abs(none - (actual[some] == 0).mean()) < 3 * np.sqrt(0.25 / some.sum())


def test_new_customer_is_a_customer_without_a_past():
    rfm = simulated(3, True, n=1000)
    model = ModifiedBetaGeoModel(k=3).fit(rfm)
    nobody = rfm.iloc[:1] * 0
    for t in (0.0, 2.0, 500.0):
        by_history = model.expected_purchases(nobody, t).iloc[0]
        assert model.expected_purchases_new_customer(t) == pytest.approx(by_history, rel=1e-12)


def test_k_is_saved():
    model = BetaGeoModel(k="auto").fit(simulated(2, False, n=1000))
    again = BetaGeoModel.from_dict(model.to_dict())
    assert again.k_ == model.k_ == 2
    assert again.expected_purchases_new_customer(9) == model.expected_purchases_new_customer(9)


def test_litt_is_for_the_fit_only():
    rfm = simulated(2, False, n=1000)
    model = BetaGeoModel(k=2).fit(rfm)
    assert model.expected_purchases(rfm.drop(columns="litt"), 3).sum() > 0
    for k in (2, "auto"):
        with pytest.raises(MissingTableError, match="no column litt") as caught:
            BetaGeoModel(k=k).fit(rfm.drop(columns="litt"))
        assert "litt=True" in str(caught.value)
    with pytest.raises(DataError, match="litt is missing or infinite in 1 row"):
        BetaGeoModel(k=2).fit(rfm.assign(litt=rfm["litt"].where(rfm.index != 3)))
    assert BetaGeoModel(k=1).fit(rfm.drop(columns="litt")).k_ == 1


@pytest.mark.parametrize("k", [0, -1, 1.5, True, "two", None, np.nan, 10**6])
def test_bad_k(k):
    with pytest.raises(ParameterError) as caught:
        BetaGeoModel(k=k).fit(simulated(1, False, n=100))
    assert caught.value.problem.where == "k"


def test_weights_are_repeated_rows():
    rfm = simulated(2, False, n=500)
    w = np.random.default_rng(1).integers(1, 4, 500)
    weighted = BetaGeoModel(k=2).fit(rfm, weights=w)
    whole = BetaGeoModel(k=2).fit(rfm.loc[rfm.index.repeat(w)])
    np.testing.assert_allclose(weighted.params_, whole.params_, rtol=1e-10)
    assert weighted.log_likelihood_ == pytest.approx(whole.log_likelihood_, rel=1e-12)


def test_any_time_unit():
    rfm = simulated(2, False, n=1000)
    days = rfm.assign(
        recency=7 * rfm["recency"],
        T=7 * rfm["T"],
        litt=rfm["litt"] + rfm["frequency"] * np.log(7),
    )
    weekly, daily = BetaGeoModel(k=2).fit(rfm), BetaGeoModel(k=2).fit(days)
    np.testing.assert_allclose(daily.params_ / weekly.params_, [1, 7, 1, 1], rtol=1e-8)
    purchases = daily.expected_purchases(days, 70).sum()
    assert purchases == pytest.approx(weekly.expected_purchases(rfm, 10).sum(), rel=1e-8)
