import json
import warnings

import mpmath as mp
import numpy as np
import pandas as pd
import pytest

from segml._core.errors import ConvergenceError, DataError, NotEnoughDataError, ParameterError
from segml.clv import BetaGeoBetaBinomModel, predict_with_interval
from segml.clv._beta_geo_beta_binom_likelihood import BetaGeoBetaBinomLikelihood
from segml.clv._beta_geometric import discounted_survival
from segml.data import load_donations

NAMES = ["alpha", "beta", "gamma", "delta"]
POINTS = [(1.2, 0.75, 0.66, 2.8), (0.01, 30.0, 1.0, 400.0), (50.0, 0.02, 5.0, 0.1), (3, 2, 1e-4, 9)]
HISTORIES = [(0, 0, 0), (0, 0, 6), (6, 6, 6), (1, 1, 6), (4, 5, 6), (1, 3, 1000), (700, 800, 1000)]


def rows(*histories):
    return pd.DataFrame(histories, columns=["frequency", "recency", "T"], dtype=float)


def likelihood(*histories, weights=None):
    columns = rows(*histories).to_numpy().T
    return BetaGeoBetaBinomLikelihood(
        *columns, np.ones(len(histories)) if weights is None else weights
    )


def simulate(parameters, n, seed):
    rng = np.random.default_rng(seed)
    alpha, beta, gamma, delta = parameters
    size = len(n)
    buy, leave = rng.beta(alpha, beta, size), rng.beta(gamma, delta, size)
    alive = np.ones(size, dtype=bool)
    x, t_x = np.zeros(size), np.zeros(size)
    for j in range(1, int(n.max()) + 1):
        alive &= rng.random(size) >= leave
        bought = alive & (rng.random(size) < buy) & (j <= n)
        x += bought
        t_x[bought] = j
    return pd.DataFrame({"frequency": x, "recency": t_x, "T": n})


def exact(parameters, history):
    """Likelihood as the sum of the paper (equation 5), and its part of those alive at n."""
    alpha, beta, gamma, delta = map(mp.mpf, parameters)
    x, t_x, n = history
    before = mp.beta(alpha, beta) * mp.beta(gamma, delta)
    alive = mp.beta(alpha + x, beta + n - x) * mp.beta(gamma, delta + n) / before
    term = mp.beta(alpha + x, beta + t_x - x) * mp.beta(gamma + 1, delta + t_x)
    dead = mp.mpf(0)
    for j in range(t_x, n):
        dead += term
        term *= (beta + j - x) / (alpha + beta + j) * (delta + j) / (gamma + 1 + delta + j)
    return alive + dead / before, alive


def made(parameters):
    return BetaGeoBetaBinomModel.from_dict(
        {
            "format": "segml.clv",
            "version": 1,
            "model": "BetaGeoBetaBinomModel",
            "options": {},
            "parameters": dict(zip(NAMES, map(float, parameters), strict=True)),
            "covariance": np.diag((0.01 * np.array(parameters)) ** 2).tolist(),
            "log_likelihood": -1.0,
            "n_customers": 100,
        }
    )


@pytest.fixture(scope="module")
def donations():
    return load_donations().rename(columns={"periods": "T"})


@pytest.fixture(scope="module")
def donors(donations):
    return BetaGeoBetaBinomModel().fit(donations, weights=donations["weights"])


# --- published numbers: Fader, Hardie & Shang (2010) -----------------------------------------


def test_donations_estimates(donors):
    np.testing.assert_allclose(donors.params_, [1.203522, 0.749716, 0.656718, 2.783443], atol=2e-6)
    assert donors.params_.index.tolist() == NAMES
    assert donors.log_likelihood_ == pytest.approx(-33225.5813, abs=1e-4)
    assert donors.n_customers_ == 11_104


def test_donations_predictions(donors):
    # The published figures rest on estimates that agree with these to 4 or 5 digits.
    assert donors.expected_purchases_new_customer(10) == pytest.approx(3.179805, rel=1e-5)
    got = donors.expected_purchases(rows((0, 0, 6), (4, 5, 6)), 10)
    np.testing.assert_allclose(got, [0.1302169, 3.627858], rtol=5e-5)


# --- mpmath ----------------------------------------------------------------------------------


@pytest.mark.parametrize("parameters", POINTS)
@pytest.mark.parametrize("history", HISTORIES)
def test_against_mpmath(parameters, history):
    x, _, n = history
    m = 9
    with mp.workdps(50):
        whole, alive = exact(parameters, history)
        longer, _ = exact(parameters, (*history[:2], n + m))
        alpha, beta, gamma, delta = map(mp.mpf, parameters)
        stay = [mp.beta(gamma, delta + n + j) / mp.beta(gamma, delta + n) for j in range(1, m + 1)]
        p = alive / whole
        purchases = p * (alpha + x) / (alpha + beta + n) * mp.fsum(stay)
        rate = mp.mpf("0.3")
        discounted = (
            purchases
            / mp.fsum(stay)
            * mp.fsum(s * mp.exp(-rate * (j + 1)) for j, s in enumerate(stay))
        )
    model, one = made(parameters), rows(history)
    value = float(mp.log(whole))
    if history[2] and history[1]:
        got = likelihood(history)(np.array(parameters, dtype=float))[0]
        assert got == pytest.approx(value, rel=1e-12, abs=1e-12)
    for method, arguments, expected in (
        ("expected_probability_alive", {}, p),
        ("expected_probability_alive", {"future_t": m}, p * stay[-1]),
        ("expected_probability_no_purchase", {"future_t": m}, longer / whole),
        ("expected_purchases", {"future_t": m}, purchases),
        ("_discounted_purchases", {"future_t": m, "delta": 0.3}, discounted),
    ):
        got = getattr(model, method)(one, **arguments)[0]
        assert got == pytest.approx(float(expected), rel=1e-11, abs=0), method


@pytest.mark.parametrize("a", [0.001, 0.3, 1.0, 2.0, 50.0])
@pytest.mark.parametrize("b", [0.001, 0.5, 3.0, 40.0])
@pytest.mark.parametrize("delta", [0.1, 1.0, 20.0])
def test_endless_sum_against_its_terms(a, b, delta):
    with mp.workdps(30):
        term, total, k = mp.mpf(1), mp.mpf(0), 0
        d = mp.exp(-mp.mpf(delta))
        while term > mp.mpf(10) ** -24 * (total + mp.mpf(10) ** -24):
            term *= d * (b + mp.mpf(k)) / (a + b + mp.mpf(k))
            total += term
            k += 1
    got = discounted_survival(a, np.array([b]), np.inf, delta)[0]
    assert got == pytest.approx(float(total), rel=1e-12, abs=0)


@pytest.mark.parametrize(("a", "b"), [(0.001, 0.001), (0.3, 3.0), (3.5, 40.0), (2.5, 1000.0)])
@pytest.mark.parametrize("delta", [1e-8, 1e-4])
def test_endless_sum_of_a_small_discount_against_2f1(a, b, delta):
    with mp.workdps(40):
        d = mp.exp(-mp.mpf(delta))
        total = d * b / (mp.mpf(a) + b) * mp.hyp2f1(1, mp.mpf(b) + 1, mp.mpf(a) + b + 1, d)
    got = discounted_survival(a, np.array([b]), np.inf, delta)[0]
    assert got == pytest.approx(float(total), rel=1e-11)


def test_endless_purchases_are_the_limit(donors, donations):
    endless = donors._discounted_purchases(donations, np.inf, 0.01)
    np.testing.assert_allclose(
        endless, donors._discounted_purchases(donations, 5000, 0.01), rtol=1e-11
    )
    assert np.isinf(donors._discounted_purchases(donations, np.inf, 0.0)).all()  # gamma < 1


@pytest.mark.parametrize("at", POINTS)
def test_derivatives_against_finite_differences(at):
    n = np.random.default_rng(1).integers(1, 30, 400).astype(float)
    some = simulate((1, 2, 0.8, 9), n, 2)
    function = BetaGeoBetaBinomLikelihood(*some.to_numpy().T, np.full(400, 1.5))
    at = np.array(at, dtype=float)
    _, gradient, hessian = function(at)
    for j in range(4):
        move = np.zeros(4)
        move[j] = 1e-6 * at[j]
        above, below = function(at + move), function(at - move)
        value_slope = (above[0] - below[0]) / (2 * move[j])
        assert gradient[j] == pytest.approx(value_slope, rel=1e-5, abs=1e-4)
        slope = (above[1] - below[1]) / (2 * move[j])
        np.testing.assert_allclose(
            (hessian[j] * at)[:], slope * at, rtol=2e-6, atol=2e-6 * np.abs(slope * at).max()
        )
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-12, atol=1e-9)


def test_rows_of_many_ages_are_the_sum_of_each():
    histories = [(1, 2, 3), (1, 1, 9), (2, 9, 9), (1, 3, 4), (0, 0, 40)]
    at = np.array(POINTS[0])
    weights = np.array([1.0, 2.0, 3.0, 0.5, 4.0])
    together = likelihood(*histories, weights=weights)(at)
    apart = [
        likelihood(h, weights=np.array([w]))(at)
        for h, w in zip(histories, weights, strict=True)
        if h[1]
    ]
    none = likelihood((0, 0, 40), (1, 1, 1), weights=np.array([4.0, 1e-300]))(at)
    for part in range(3):
        np.testing.assert_allclose(
            together[part], sum(one[part] for one in apart) + none[part], rtol=1e-12
        )


# --- lifetimes as a reference ----------------------------------------------------------------


def test_against_lifetimes(donors, donations, lifetimes):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy's, within lifetimes
        theirs = lifetimes.BetaGeoBetaBinomFitter().fit(
            *(donations[name] for name in ("frequency", "recency", "T", "weights"))
        )
        np.testing.assert_allclose(theirs.params_, donors.params_, rtol=1e-4)
        np.testing.assert_allclose(
            theirs.standard_errors_, donors.summary()["std_error"], rtol=1e-3
        )
        theirs.params_ = donors.params_
        columns = [donations[name].to_numpy() for name in ("frequency", "recency", "T")]
        purchases = theirs.conditional_expected_number_of_purchases_up_to_time(7, *columns)
        alive = theirs.conditional_probability_alive(2, *columns)
    np.testing.assert_allclose(donors.expected_purchases(donations, 7), purchases, rtol=1e-9)
    np.testing.assert_allclose(
        donors.expected_probability_alive(donations, future_t=2), alive, rtol=1e-9
    )


# --- estimation ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("truth", "longest"), [((1.5, 3.0, 0.8, 8.0), 40), ((0.8, 40.0, 1.0, 300.0), 1000)]
)
def test_recovers_parameters_of_a_simulation(truth, longest):
    n = np.random.default_rng(3).choice([longest // 2, longest], 4000).astype(float)
    table = BetaGeoBetaBinomModel().fit(simulate(truth, n, 4)).summary()
    assert (np.abs(table["estimate"] - np.array(truth)) < 3 * table["std_error"]).all()
    assert (table["std_error"] < 0.3 * np.array(truth)).all()


def test_weights_are_repeated_rows_in_any_order(donors, donations):
    everyone = donations.loc[donations.index.repeat(donations["weights"])]
    shuffled = everyone.sample(frac=1, random_state=1)
    again = BetaGeoBetaBinomModel().fit(shuffled)
    pd.testing.assert_series_equal(again.params_, donors.params_, check_exact=True)
    assert again.n_customers_ == 11_104


def test_everyone_a_one_time_buyer():
    with pytest.raises(NotEnoughDataError, match="no customer bought again"):
        BetaGeoBetaBinomModel().fit(rows(*[(0, 0, n) for n in range(9)]))


def test_no_opportunities():
    with pytest.raises(NotEnoughDataError, match="no customer bought again"):
        BetaGeoBetaBinomModel().fit(rows((0, 0, 0)))


def test_one_customer():
    with pytest.raises(NotEnoughDataError, match="too few distinct purchase histories"):
        BetaGeoBetaBinomModel().fit(rows((3, 5, 6)))


def test_everyone_buys_always():
    with pytest.raises(ConvergenceError):
        BetaGeoBetaBinomModel().fit(rows(*[(n, n, n) for n in range(1, 9)]))


# --- bad input -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ((3, 2, 6), "frequency is greater than recency in 1 row\n  where: row 1"),
        ((1, 1.5, 6), "recency is not a whole number in 1 row\n  where: row 1"),
        ((1, 1, 6.5), "T is not a whole number in 1 row\n  where: row 1"),
        ((1.5, 2, 6), "frequency is not a whole number in 1 row\n  where: row 1"),
        ((1, 7, 6), "recency is greater than T in 1 row\n  where: row 1"),
        ((1, 2, np.nan), "T is missing or infinite in 1 row\n  where: row 1"),
        ((1, 2, np.inf), "T is missing or infinite in 1 row\n  where: row 1"),
        ((-1, 2, 6), "frequency is negative in 1 row\n  where: row 1"),
        ((1, 2, 10_001), "T is greater than 10,000 in 1 row\n  where: row 1"),
    ],
)
def test_bad_rows_are_named(donors, history, message):
    table = rows((1, 2, 6), history)
    for use in (BetaGeoBetaBinomModel().fit, donors.expected_probability_alive):
        with pytest.raises(DataError) as caught:
            use(table)
        assert message in str(caught.value)


@pytest.mark.parametrize("t", [-1, 2.5, np.nan, np.inf, "10", None, 10_001])
def test_bad_future_t(donors, donations, t):
    for use in (
        donors.expected_purchases,
        donors.expected_probability_no_purchase,
        donors.expected_probability_alive,
    ):
        with pytest.raises(ParameterError, match="future_t is out of range"):
            use(donations, t)


def test_bad_time_of_a_new_customer(donors):
    with pytest.raises(ParameterError, match="t is out of range"):
        donors.expected_purchases_new_customer(2.5)


# --- predictions -----------------------------------------------------------------------------


def test_silence_over_many_opportunities(donors):
    t = np.arange(0, 60, 7)
    one = rows((4, 5, 6))
    none = np.array([donors.expected_probability_no_purchase(one, int(m))[0] for m in t])
    assert none[0] == 1
    assert (np.diff(none) < 0).all()
    alive = donors.expected_probability_alive(rows(*[(4, 5, 5 + m) for m in t]))
    assert alive[0] == 1
    assert (np.diff(alive) < 0).all()


def test_a_customer_without_opportunities_is_new(donors):
    got = donors.expected_purchases(rows((0, 0, 0)), 10)[0]
    assert got == pytest.approx(donors.expected_purchases_new_customer([[10]])[0, 0], rel=1e-14)
    assert donors.expected_probability_alive(rows((0, 0, 0)))[0] == 1


def test_extreme_parameters_give_numbers():
    for parameters in [(1e-6, 1e6, 1e-6, 1e6), (1e6, 1e-6, 1e6, 1e-6), (1e6,) * 4, (1e-6,) * 4]:
        model, table = made(parameters), rows(*HISTORIES, (2000, 2000, 2000), (1, 1, 500))
        for got in (
            model.expected_probability_alive(table, future_t=3),
            model.expected_probability_no_purchase(table, 50),
            model._discounted_purchases(table, np.inf, 0.01),
        ):
            assert np.isfinite(got).all()
            assert (got >= 0).all()
        for part in likelihood(*HISTORIES)(np.array(parameters)):
            assert np.isfinite(part).all()


def test_intervals(donors, donations):
    for method, arguments in (
        ("expected_purchases", {"future_t": 5}),
        ("expected_probability_alive", {"future_t": 1}),
        ("expected_probability_no_purchase", {"future_t": 5}),
    ):
        table = predict_with_interval(donors, method, donations, **arguments).to_frame()
        assert (table["low"] < table.iloc[:, 0]).all()
        assert (table["high"] > table.iloc[:, 0]).all()
    whole = predict_with_interval(donors, "expected_probability_alive", donations)
    assert (whole.values[donations["recency"] == donations["T"]] == 1).all()


def test_json_round_trip(donors, donations):
    back = BetaGeoBetaBinomModel.from_dict(json.loads(json.dumps(donors.to_dict())))
    assert back.to_dict() == donors.to_dict()
    pd.testing.assert_series_equal(
        back.expected_purchases(donations, 3), donors.expected_purchases(donations, 3)
    )
    pd.testing.assert_frame_equal(back.summary(), donors.summary())
