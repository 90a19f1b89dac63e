import warnings

import mpmath as mp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.exceptions import NotFittedError

from segml._core.errors import (
    ConvergenceError,
    DataError,
    MissingTableError,
    NotEnoughDataError,
    ParameterError,
)
from segml.clv import BetaGeoModel
from segml.clv._beta_geo_likelihood import BetaGeoLikelihood

from .simulation import simulate_history


def rows(*histories):
    return pd.DataFrame(histories, columns=["frequency", "recency", "T"], dtype=float)


# --- published numbers: Fader, Hardie & Lee (2005) and their note on the model in R ---------


def test_cdnow_estimates(model):
    np.testing.assert_allclose(model.params_, [0.242595, 4.413602, 0.792922, 2.425907], atol=5e-7)
    assert model.params_.index.tolist() == ["r", "alpha", "a", "b"]
    assert model.log_likelihood_ == pytest.approx(-9582.42921, abs=1e-5)
    assert model.n_customers_ == 2357


def test_cdnow_standard_errors(model):
    errors = model.summary()["std_error"]
    np.testing.assert_allclose(errors, [0.01256, 0.3782, 0.1857, 0.7053], rtol=5e-4)


def test_cdnow_predictions(model):
    # The published figures rest on estimates that agree with these to 4 or 5 digits.
    assert model.expected_purchases_new_customer(52) == pytest.approx(1.444004, rel=1e-5)
    best = rows((26, 30.857, 31))
    assert model.expected_purchases(best, 52)[0] == pytest.approx(25.75659, rel=5e-5)
    assert model.expected_probability_alive(best)[0] == pytest.approx(0.9688523, abs=5e-6)
    assert model.expected_purchases(rows((2, 30.43, 38.86)), 39)[0] == pytest.approx(
        1.226, abs=5e-4
    )


def test_expected_purchases_at_the_optimum(model):
    # Equation 9 at 50 digits; 1.444004 was published, at estimates not quite at the optimum.
    with mp.workdps(50):
        r, alpha, a, b = map(mp.mpf, model.params_)
        t = mp.mpf(52)
        inside = (alpha / (alpha + t)) ** r * mp.hyp2f1(r, b, a + b - 1, t / (alpha + t))
        exact = (a + b - 1) / (a - 1) * (1 - inside)
    assert model.expected_purchases_new_customer(52) == pytest.approx(float(exact), rel=1e-12)
    assert model.expected_purchases_new_customer(52) == pytest.approx(1.44401, abs=5e-6)


def test_paper_parameters(with_parameters):
    paper = with_parameters(0.243, 4.414, 0.793, 2.426)
    assert paper.expected_purchases(rows((2, 30.43, 38.86)), 39)[0] == pytest.approx(
        1.226, abs=5e-4
    )


def test_where_a_plus_b_is_below_one(with_parameters):
    made = with_parameters(0.11, 2.24, 0.31, 0.5)
    got = made.expected_purchases(rows((0, 0, 1)), 30)[0]
    assert got == pytest.approx(0.564588615533, abs=5e-13)


def test_two_thousand_purchases(with_parameters):
    made = with_parameters(0.2426, 4.4136, 0.7929, 2.4259)
    got = made.expected_purchases(rows((2000, 38, 38.86)), 39)[0]
    assert got == pytest.approx(1.26617112383e-11, rel=1e-11)


# --- mpmath ------------------------------------------------------------------------------


@pytest.mark.parametrize("a", [0.31, 1.0, 3.0])
@pytest.mark.parametrize(
    "history", [(0, 0, 0), (0, 0, 39), (1, 39, 39), (26, 5, 31), (400, 38, 39)]
)
def test_predictions_against_mpmath(with_parameters, a, history):
    r, alpha, b, t = 0.25, 4.4, 2.5, 26
    x, t_x, T = history
    with mp.workdps(50):
        lost = mp.mpf(a) / (b + x - 1) * (mp.mpf(alpha + T) / (alpha + t_x)) ** (r + x) if x else 0
        alive = 1 / (1 + lost)
        end = mp.mpf(t) / (alpha + T)
        purchases = alive * mp.quad(
            lambda y: (r + x) * mp.hyp2f1(r + x + 1, a, a + b + x, -y), [0, end / 9, end]
        )
        none = 1 - alive * (1 - (1 + end) ** -(r + x))
    made, one = with_parameters(r, alpha, a, b), rows(history)
    assert made.expected_probability_alive(one)[0] == pytest.approx(float(alive), rel=1e-11)
    assert made.expected_purchases(one, t)[0] == pytest.approx(float(purchases), rel=1e-10)
    assert made.expected_probability_no_purchase(one, t)[0] == pytest.approx(float(none), rel=1e-11)


def test_no_purchase_of_one_time_buyers(model):
    r, alpha = model.params_["r"], model.params_["alpha"]
    got = model.expected_probability_no_purchase(rows((0, 0, 30)), 20)[0]
    assert got == pytest.approx(((alpha + 30) / (alpha + 50)) ** r, rel=1e-14)


# --- lifetimes as a reference --------------------------------------------------------------


def test_against_lifetimes(model, cdnow, lifetimes):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy's, within lifetimes
        theirs = lifetimes.BetaGeoFitter().fit(cdnow["frequency"], cdnow["recency"], cdnow["T"])
        theirs.params_ = model.params_  # theirs stop at 4 to 5 digits
        columns = cdnow["frequency"], cdnow["recency"], cdnow["T"]
        alive = theirs.conditional_probability_alive(*columns)
        purchases = theirs.conditional_expected_number_of_purchases_up_to_time(26, *columns)
    np.testing.assert_allclose(model.expected_probability_alive(cdnow), alive, rtol=1e-10)
    np.testing.assert_allclose(model.expected_purchases(cdnow, 26), purchases, rtol=1e-9)


# --- estimation --------------------------------------------------------------------------


def test_recovers_parameters_of_a_simulation():
    truth = np.array([0.5, 6.0, 1.2, 3.0])
    T = np.random.default_rng(0).uniform(26, 52, 8000)
    table = BetaGeoModel().fit(simulate_history(*truth, T, seed=7)).summary()
    assert (np.abs(table["estimate"] - truth) < 3 * table["std_error"]).all()
    assert (table["std_error"] < 0.3 * truth).all()


def test_any_time_unit(model, cdnow):
    days = BetaGeoModel().fit(cdnow.assign(recency=cdnow["recency"] * 7, T=cdnow["T"] * 7))
    years = BetaGeoModel().fit(cdnow.assign(recency=cdnow["recency"] / 52, T=cdnow["T"] / 52))
    np.testing.assert_allclose(days.params_ / model.params_, [1, 7, 1, 1], rtol=1e-9)
    np.testing.assert_allclose(years.params_ / model.params_, [1, 1 / 52, 1, 1], rtol=1e-9)
    np.testing.assert_allclose(
        days.summary()["std_error"] / model.summary()["std_error"], [1, 7, 1, 1], rtol=1e-7
    )


def test_weights_are_repeated_rows(cdnow):
    kinds = cdnow.groupby(["frequency", "recency", "T"]).size().reset_index(name="n")
    weighted = BetaGeoModel().fit(kinds, weights=kinds["n"])
    whole = BetaGeoModel().fit(cdnow)
    pd.testing.assert_series_equal(weighted.params_, whole.params_, check_exact=True)
    assert weighted.n_customers_ == 2357
    assert weighted.log_likelihood_ == whole.log_likelihood_


def test_rows_of_weight_zero_do_not_count(model, cdnow):
    extra = pd.concat([cdnow, rows((500, 10, 39))])
    weighted = BetaGeoModel().fit(extra, weights=np.r_[np.ones(len(cdnow)), 0])
    pd.testing.assert_series_equal(weighted.params_, model.params_, check_exact=True)


def test_order_of_rows_does_not_matter(model, cdnow):
    shuffled = cdnow.sample(frac=1, random_state=1)
    again = BetaGeoModel().fit(shuffled)
    pd.testing.assert_series_equal(again.params_, model.params_, check_exact=True)
    pd.testing.assert_series_equal(
        again.expected_purchases(shuffled, 10).sort_index(),
        model.expected_purchases(cdnow, 10).sort_index(),
        check_exact=True,
    )


def test_everyone_a_one_time_buyer():
    with pytest.raises(NotEnoughDataError, match="no customer bought again") as caught:
        BetaGeoModel().fit(rows(*[(0, 0, T) for T in range(1, 40)]))
    assert "all of 39 customers" in str(caught.value)


def test_one_customer():
    with pytest.raises(NotEnoughDataError, match="too few distinct purchase histories"):
        BetaGeoModel().fit(rows((3, 10, 12)))


def test_nobody_leaves():
    T = np.full(400, 39.0)
    rfm = simulate_history(2.0, 4.0, 1e-9, 50.0, T, seed=1)
    with pytest.raises(ConvergenceError) as caught:
        BetaGeoModel().fit(rfm)
    assert "runs off" in str(caught.value)
    assert (
        "a to zero" in caught.value.problem.where or "b to infinity" in caught.value.problem.where
    )


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ((1.5, 3, 9), "frequency is not a whole number"),
        ((1, 10, 9), "recency is greater than T"),
        ((np.nan, 3, 9), "frequency is missing or infinite"),
        ((1, 3, np.inf), "T is missing or infinite"),
        ((1, -3, 9), "recency is negative"),
    ],
)
def test_bad_rows_are_named(cdnow, bad, message):
    table = pd.concat([cdnow.head(7), rows(bad)])
    with pytest.raises(DataError, match=message) as caught:
        BetaGeoModel().fit(table)
    assert "row 7" in str(caught.value)


def test_hundreds_of_daily_purchases():
    # customers who bought on most days, beside ordinary ones
    T = np.random.default_rng(2).integers(200, 400, 3000) / 1.0
    rfm = simulate_history(0.3, 0.5, 0.4, 8.0, T, seed=2)
    assert rfm["frequency"].max() > 500
    model = BetaGeoModel().fit(rfm)
    table = model.summary()
    assert (np.abs(table["estimate"] - [0.3, 0.5, 0.4, 8.0]) < 3 * table["std_error"]).all()
    assert np.isfinite(model.expected_purchases(rfm, 365)).all()


# --- predictions -------------------------------------------------------------------------

history = st.tuples(st.integers(0, 500), st.floats(0.01, 1), st.floats(0.1, 1e3)).map(
    lambda h: (h[0], h[1] * h[2] if h[0] else 0.0, h[2])
)
positive = st.floats(0.02, 50)


@given(st.tuples(positive, positive, positive, positive), history, st.floats(0, 1e3))
def test_predictions_stay_in_range(with_parameters, parameters, past, t):
    made, one = with_parameters(*parameters), rows(past)
    alive = made.expected_probability_alive(one)[0]
    none = made.expected_probability_no_purchase(one, t)[0]
    later = made.expected_probability_no_purchase(one, t + 5)[0]
    purchases = made.expected_purchases(one, t)[0]
    assert 0 <= alive <= 1
    assert 0 <= later <= none * (1 + 1e-12) <= 1 + 1e-12
    assert 0 <= purchases <= made.expected_purchases(one, t + 5)[0] * (1 + 1e-9)
    assert 1 - none <= purchases * (1 + 1e-9) + 1e-12  # P(X >= 1) <= E[X]


@given(history, st.floats(0, 1e3))
def test_silence_lowers_the_chance_of_being_alive(model, past, longer):
    x, t_x, T = past
    alive = model.expected_probability_alive(rows(past, (x, t_x, T + longer)))
    assert alive[1] <= alive[0]


def test_series_are_named_and_indexed_by_customer(model, cdnow):
    few = cdnow.iloc[[5, 3, 8]]
    for name, series in {
        "expected_purchases": model.expected_purchases(few, 10),
        "probability_alive": model.expected_probability_alive(few),
        "probability_no_purchase": model.expected_probability_no_purchase(few, 10),
    }.items():
        assert series.name == name
        pd.testing.assert_index_equal(series.index, few.index)


def test_no_time_no_purchases(model, cdnow):
    assert (model.expected_purchases(cdnow.head(), 0) == 0).all()
    assert (model.expected_probability_no_purchase(cdnow.head(), 0) == 1).all()
    assert model.expected_purchases_new_customer(0) == 0


def test_new_customer_is_a_customer_without_a_past(model):
    times = np.array([[1.0, 10.0], [52.0, 0.0]])
    got = model.expected_purchases_new_customer(times)
    assert got.shape == (2, 2)
    for t, value in zip(times.ravel(), got.ravel(), strict=True):
        assert value == pytest.approx(model.expected_purchases(rows((0, 0, 0)), t)[0], rel=1e-12)


@pytest.mark.parametrize("t", [-1, np.nan, np.inf, [1, -1]])
def test_bad_time_of_a_new_customer(model, t):
    with pytest.raises(ParameterError, match="t is out of range"):
        model.expected_purchases_new_customer(t)


@pytest.mark.parametrize("t", [-1, np.nan, np.inf, "10", None])
def test_bad_future_t(model, cdnow, t):
    with pytest.raises(ParameterError, match="future_t is out of range"):
        model.expected_purchases(cdnow, t)
    with pytest.raises(ParameterError, match="future_t is out of range"):
        model.expected_probability_no_purchase(cdnow, t)


def test_bad_tables_are_refused_everywhere(model, cdnow):
    late = cdnow.assign(recency=cdnow["recency"] + 50)
    for use in (BetaGeoModel().fit, model.expected_probability_alive):
        with pytest.raises(DataError, match="recency is greater than T"):
            use(late)
        with pytest.raises(MissingTableError, match="no column T"):
            use(cdnow.drop(columns="T"))


def test_not_fitted(cdnow):
    for use in (
        lambda: BetaGeoModel().expected_probability_alive(cdnow),
        lambda: BetaGeoModel().expected_purchases(cdnow, 1),
        lambda: BetaGeoModel().expected_purchases_new_customer(1),
    ):
        with pytest.raises(NotFittedError):
            use()


@pytest.mark.parametrize("seed", [20, 21, 22, 23])
def test_highest_optimum_of_a_surface_with_two(seed):
    # Where a and b are small there is a second optimum, with most customers never leaving.
    T = np.random.default_rng(seed).uniform(60, 300, 400)
    rfm = simulate_history(0.25, 30, 0.1, 0.3, T, seed)
    columns = (rfm[name].to_numpy() for name in ("frequency", "recency", "T"))
    likelihood = BetaGeoLikelihood(*columns, np.ones(400))
    ends = [
        minimize(
            lambda u: -likelihood(np.exp(u))[0],
            np.log([0.5, 30, 1, 1]) + 1.5 * np.random.default_rng(start).normal(size=4),
            jac=lambda u: -likelihood(np.exp(u))[1] * np.exp(u),
            method="L-BFGS-B",
            bounds=[(-7, 7)] * 4,
        ).fun
        for start in range(6)
    ]
    assert BetaGeoModel().fit(rfm).log_likelihood_ >= -min(ends) - 1e-6
