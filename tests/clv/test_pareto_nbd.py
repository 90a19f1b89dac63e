import json
import warnings

import mpmath as mp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from segml._core.errors import (
    ConvergenceError,
    DataError,
    MissingTableError,
    NotEnoughDataError,
    ParameterError,
)
from segml.clv import ParetoNBDModel

from .pareto_nbd_reference import exact_count_probability, exact_future, exact_past, simulate

CDNOW = (0.553277, 10.577683, 0.60624, 11.668738)


def rows(*histories):
    return pd.DataFrame(histories, columns=["frequency", "recency", "T"], dtype=float)


def made(parameters, **options):
    model = ParetoNBDModel(**options)
    model.params_ = pd.Series(parameters, index=model._names(), dtype=float)
    return model


@pytest.fixture(scope="module")
def model(cdnow):
    return ParetoNBDModel().fit(cdnow)


# --- published numbers: Fader & Hardie (2005) and the vignette of BTYD -----------------------


def test_cdnow_estimates(model):
    np.testing.assert_allclose(model.params_[:3], CDNOW[:3], atol=6e-7)
    assert model.params_["beta"] == pytest.approx(CDNOW[3], rel=1e-6)
    assert model.params_.index.tolist() == ["r", "alpha", "s", "beta"]
    assert model.log_likelihood_ == pytest.approx(-9594.97618, abs=1e-5)
    assert model.n_customers_ == 2357


def test_cdnow_standard_errors(model):
    # The published ones are from a numerical Hessian and agree to 4 digits.
    errors = model.summary()["std_error"]
    np.testing.assert_allclose(errors, [0.0476264, 0.8427222, 0.1872594, 6.2105448], rtol=2e-4)


def test_cdnow_predictions(model):
    assert model.expected_purchases_new_customer(52) == pytest.approx(1.473434, abs=5e-7)
    best = rows((26, 30 + 6 / 7, 31))
    assert model.expected_probability_alive(best)[0] == pytest.approx(0.997874, abs=1e-6)
    # The published 25.45647 is off in the fifth digit: at these parameters it is 25.45518.
    assert model.expected_purchases(best, 52)[0] == pytest.approx(25.45647, rel=1e-4)
    exact = exact_future(model.params_, (26, 30 + 6 / 7, 31), 52, 0.01)[0]
    assert model.expected_purchases(best, 52)[0] == pytest.approx(float(exact), rel=1e-13)


# --- mpmath --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters",
    [
        CDNOW, (0.05, 2, 1.0, 2), (3, 0.01, 1 + 1e-9, 500), (20, 300, 0.01, 0.02),
        (0.01, 1e3, 30, 1e3),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "history",
    [
        (0, 0, 0), (0, 0, 39), (0, 0, 1e5), (1, 39, 39), (1, 1e-3, 1e-2), (26, 30.857, 31),
        (300, 38, 39), (2000, 38, 38.86), (2000, 730, 730),
    ],
)  # fmt: skip
def test_predictions_against_mpmath(parameters, history):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted, one = made(parameters), rows(history)
        alive = fitted.expected_probability_alive(one)[0]
        purchases = fitted.expected_purchases(one, 39)[0]
        discounted = fitted._discounted_purchases(one, np.inf, 1e-3)[0]
        none = fitted.expected_probability_no_purchase(one, 39)[0]
    exact = exact_future(parameters, history, 39, 1e-3)
    assert alive == pytest.approx(float(exact_past(parameters, history)[1]), rel=1e-12)
    assert purchases == pytest.approx(float(exact[0]), rel=1e-12)
    assert discounted == pytest.approx(float(exact[1]), rel=1e-12)
    assert none == pytest.approx(float(exact[2]), rel=1e-13)


def test_discounted_to_a_finite_horizon_against_mpmath():
    with mp.workdps(30):
        alive = exact_past(CDNOW, (2, 30, 39))[1]
        r, alpha, s, beta = map(mp.mpf, CDNOW)
        integral = mp.quad(lambda u: mp.exp(-0.01 * u) * (1 + u / (beta + 39)) ** -s, [0, 9, 52])
        exact = alive * (r + 2) / (alpha + 39) * integral
    got = made(CDNOW)._discounted_purchases(rows((2, 30, 39)), 52.0, 0.01)[0]
    assert got == pytest.approx(float(exact), rel=1e-13)
    undiscounted = made(CDNOW).expected_purchases(rows((2, 30, 39)), 52.0)[0]
    nearly = made(CDNOW)._discounted_purchases(rows((2, 30, 39)), 52.0, 1e-16)[0]
    assert nearly == pytest.approx(undiscounted, rel=1e-13)


@pytest.mark.parametrize("parameters", [CDNOW, (0.05, 2, 1.0, 2), (3, 0.5, 0.2, 1.5)])
@pytest.mark.parametrize("t", [0.5, 52])
def test_count_probabilities_against_mpmath(parameters, t):
    for n in (0, 1, 7):
        exact = exact_count_probability(parameters, n, t, 80)
        got = made(parameters).expected_probability_of_n_purchases(n, t)
        assert got == pytest.approx(float(exact), rel=1e-12)


@pytest.mark.parametrize("parameters", [CDNOW, (0.05, 2, 1.0, 2)])
def test_two_hundred_purchases_against_mpmath(parameters):
    exact = exact_count_probability(parameters, 200, 52, 200)
    got = made(parameters).expected_probability_of_n_purchases(200, 52)
    assert got == pytest.approx(float(exact), rel=1e-11)


def test_count_probabilities_against_lifetimes(lifetimes):
    theirs = lifetimes.ParetoNBDFitter()
    theirs.params_ = pd.Series(dict(zip(["r", "alpha", "s", "beta"], CDNOW, strict=True)))
    got = made(CDNOW).expected_probability_of_n_purchases(range(6), 26)
    for n in range(6):  # of a customer without a past
        exact = theirs.conditional_probability_of_n_purchases_up_to_time(n, 26, 0, 0, 0)
        assert got[n] == pytest.approx(exact, rel=1e-7)


@pytest.mark.parametrize("parameters", [CDNOW, (5, 20, 2, 30), (0.1, 100, 0.05, 0.1)])
@pytest.mark.parametrize("t", [1e-6, 1.0, 104])
def test_count_probabilities_make_a_distribution(parameters, t):
    fitted, n = made(parameters), np.arange(6000)
    p = fitted.expected_probability_of_n_purchases(n, t)
    assert p.sum() == pytest.approx(1, abs=1e-12)
    assert p @ n == pytest.approx(fitted.expected_purchases_new_customer(t), rel=1e-10)
    none = fitted.expected_probability_no_purchase(rows((0, 0, 0)), t)[0]
    assert p[0] == pytest.approx(none, rel=1e-13)


def test_shapes_of_count_probabilities():
    fitted = made(CDNOW)
    assert isinstance(fitted.expected_probability_of_n_purchases(3, 10), float)
    table = fitted.expected_probability_of_n_purchases(np.arange(4)[:, None], [0, 10, 20])
    assert table.shape == (4, 3)
    assert table[:, 0].tolist() == [1, 0, 0, 0]
    assert table[3, 1] == pytest.approx(
        fitted.expected_probability_of_n_purchases(3, 10), rel=1e-13
    )


@pytest.mark.parametrize("n", [-1, 1.5, np.nan, np.inf, 10**7, [0, -1]])
def test_bad_number_of_purchases(n):
    with pytest.raises(ParameterError, match="n is out of range"):
        made(CDNOW).expected_probability_of_n_purchases(n, 10)


@pytest.mark.parametrize("t", [-1, np.nan, np.inf])
def test_bad_time(t):
    for use in (
        lambda: made(CDNOW).expected_probability_of_n_purchases(1, t),
        lambda: made(CDNOW).expected_purchases_new_customer(t),
    ):
        with pytest.raises(ParameterError, match="t is out of range"):
            use()


# --- lifetimes as a reference ----------------------------------------------------------------


def test_against_lifetimes(model, cdnow, lifetimes):
    some = cdnow[cdnow["T"] > cdnow["recency"]].sample(300, random_state=0)
    theirs = lifetimes.ParetoNBDFitter()
    theirs.params_ = model.params_
    columns = some["frequency"], some["recency"], some["T"]
    alive = theirs.conditional_probability_alive(*columns)
    purchases = theirs.conditional_expected_number_of_purchases_up_to_time(26, *columns)
    np.testing.assert_allclose(model.expected_probability_alive(some), alive, rtol=1e-9)
    np.testing.assert_allclose(model.expected_purchases(some, 26), purchases, rtol=1e-9)


# --- estimation ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "truth", [(0.6, 8.0, 0.8, 12.0), (1.5, 0.05, 2.0, 100.0), (0.8, 10.0, 1.0, 10.0)]
)
def test_recovers_parameters_of_a_simulation(truth):
    # The second has hundreds of purchases, the third alpha = beta and s = 1.
    T = np.random.default_rng(0).uniform(26, 52, 6000)
    rfm = simulate(*truth, T, seed=7, future=30)
    fitted, truth = ParetoNBDModel().fit(rfm), np.array(truth)
    table = fitted.summary()
    assert (np.abs(table["estimate"] - truth) < 3 * table["std_error"]).all()
    assert (table["std_error"] < 0.7 * truth).all()
    missed = rfm["later"] - fitted.expected_purchases(rfm, 30)
    assert abs(missed.sum()) < 3 * missed.std() * np.sqrt(len(missed))
    none = fitted.expected_probability_no_purchase(rfm, 30)
    silent = (rfm["later"] == 0).to_numpy()
    assert abs(none.sum() - silent.sum()) < 4 * np.sqrt((none * (1 - none)).sum())


def test_daily_purchases_over_a_year():
    T = np.full(400, 365.0)
    rfm = simulate(5.0, 5.0, 0.8, 200.0, T, seed=3)
    assert rfm["frequency"].max() > 300
    fitted = ParetoNBDModel().fit(rfm)
    truth = np.array([5.0, 5.0, 0.8, 200.0])
    table = fitted.summary()
    assert (np.abs(table["estimate"] - truth) < 3 * table["std_error"]).all()
    alive = fitted.expected_probability_alive(rfm)
    assert alive.between(0, 1).all()
    assert fitted.expected_purchases(rfm, 365).notna().all()


def test_any_time_unit(model, cdnow):
    for unit in (7, 1 / 52):
        scaled = cdnow.assign(recency=cdnow["recency"] * unit, T=cdnow["T"] * unit)
        other = ParetoNBDModel().fit(scaled)
        np.testing.assert_allclose(other.params_ / model.params_, [1, unit, 1, unit], rtol=1e-8)
        errors = other.summary()["std_error"] / model.summary()["std_error"]
        np.testing.assert_allclose(errors, [1, unit, 1, unit], rtol=1e-7)


def test_weights_are_repeated_rows(model, cdnow):
    kinds = cdnow.groupby(["frequency", "recency", "T"]).size().reset_index(name="n")
    weighted = ParetoNBDModel().fit(kinds, weights=kinds["n"])
    pd.testing.assert_series_equal(weighted.params_, model.params_, check_exact=True)
    assert weighted.n_customers_ == 2357


def test_order_of_rows_does_not_matter(model, cdnow):
    shuffled = cdnow.sample(frac=1, random_state=1)
    again = ParetoNBDModel().fit(shuffled)
    pd.testing.assert_series_equal(again.params_, model.params_, check_exact=True)


def test_everyone_a_one_time_buyer():
    with pytest.raises(NotEnoughDataError, match="no customer bought again"):
        ParetoNBDModel().fit(rows(*[(0, 0, T) for T in range(1, 40)]))


def test_one_customer():
    with pytest.raises(NotEnoughDataError, match="too few distinct purchase histories"):
        ParetoNBDModel().fit(rows((3, 10, 12)))


def test_nobody_leaves():
    rfm = simulate(2.0, 4.0, 50.0, 1e9, np.full(400, 39.0), seed=1)
    with pytest.raises(ConvergenceError) as caught:
        ParetoNBDModel().fit(rfm)
    assert "beta to infinity" in caught.value.problem.where or "s to" in caught.value.problem.where


def test_everyone_bought_on_the_last_day():
    rfm = rows(*[(x, T, T) for x, T in zip([1, 2, 3, 5, 8] * 4, range(10, 30), strict=True)])
    with pytest.raises(ConvergenceError):
        ParetoNBDModel().fit(rfm)


# --- covariates ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def members():
    rng = np.random.default_rng(11)
    z, y = rng.integers(0, 2, 8000), np.round(rng.normal(1, 0.5, 8000), 1)
    T = rng.integers(26, 53, 8000).astype(float)
    alpha, beta = 8 * np.exp(-0.7 * z), 12 * np.exp(0.5 * y - 0.4 * z)
    rfm = simulate(0.6, alpha, 0.8, beta, T, seed=12, future=26)
    return rfm.assign(member=z.astype(bool), income=y)


@pytest.fixture(scope="module")
def with_covariates(members):
    return ParetoNBDModel(["member"], ["income", "member"]).fit(members)


def test_recovers_coefficients(with_covariates, members):
    table = with_covariates.summary()
    truth = pd.Series(
        {
            "r": 0.6, "alpha": 8, "s": 0.8, "beta": 12,
            "purchase[member]": 0.7, "dropout[income]": -0.5, "dropout[member]": 0.4,
        }
    )  # fmt: skip
    assert table.index.tolist() == truth.index.tolist()
    assert (np.abs(table["estimate"] - truth) < 3 * table["std_error"]).all()
    assert (table["std_error"] < 0.5 * truth.abs()).all()
    plain = ParetoNBDModel().fit(members)
    assert with_covariates.log_likelihood_ > plain.log_likelihood_ + 20
    sums = pd.DataFrame(
        {"got": members["later"], "expected": with_covariates.expected_purchases(members, 26)}
    )
    by_member = sums.groupby(members["member"]).sum()
    np.testing.assert_allclose(by_member["expected"], by_member["got"], rtol=0.06)


def test_a_customer_with_covariates_is_one_with_other_parameters(with_covariates):
    p = with_covariates.params_
    alpha = p["alpha"] * np.exp(-p["purchase[member]"])
    beta = p["beta"] * np.exp(-p["dropout[member]"] - 1.5 * p["dropout[income]"])
    plain = made([p["r"], alpha, p["s"], beta])
    past, z = rows((2, 20, 39), (0, 0, 10)), {"member": 1, "income": 1.5}
    one = past.assign(**z)
    for method, arguments in (
        ("expected_probability_alive", ()),
        ("expected_purchases", (26,)),
        ("expected_probability_no_purchase", (26,)),
        ("_discounted_purchases", (np.inf, 0.001)),
    ):
        got = getattr(with_covariates, method)(one, *arguments)
        expected = getattr(plain, method)(past, *arguments)
        np.testing.assert_allclose(got, expected, rtol=1e-12)
    for method, arguments in (
        ("expected_purchases_new_customer", (26,)),
        ("expected_probability_of_n_purchases", (2, 26)),
    ):
        got = getattr(with_covariates, method)(*arguments, covariates=z)
        assert got == pytest.approx(getattr(plain, method)(*arguments), rel=1e-12)


def test_bad_covariates(with_covariates, members):
    with pytest.raises(ParameterError, match="purchase_covariates"):
        ParetoNBDModel("member").fit(members)
    with pytest.raises(MissingTableError, match="no column incom"):
        ParetoNBDModel([], ["incom"]).fit(members)
    with pytest.raises(DataError, match="constant"):
        ParetoNBDModel(["one"]).fit(members.assign(one=1))
    for use in (
        lambda z: with_covariates.expected_probability_of_n_purchases(1, 9, z),
        lambda z: with_covariates.expected_purchases_new_customer(9, z),
    ):
        for z in (None, {"member": 1}, {"member": 1, "income": np.nan}):
            with pytest.raises(ParameterError, match="covariates"):
                use(z)


# --- predictions -----------------------------------------------------------------------------

history = st.tuples(st.integers(0, 2000), st.floats(0.01, 1), st.floats(0.01, 1e3)).map(
    lambda h: (h[0], h[1] * h[2] if h[0] else 0.0, h[2])
)
positive = st.floats(0.01, 100)


@given(st.tuples(positive, positive, positive, positive), history, st.floats(0, 1e4))
def test_predictions_stay_in_range(parameters, past, t):
    fitted, one = made(parameters), rows(past)
    alive = fitted.expected_probability_alive(one)[0]
    none = fitted.expected_probability_no_purchase(one, t)[0]
    later = fitted.expected_probability_no_purchase(one, t + 5)[0]
    purchases = fitted.expected_purchases(one, t)[0]
    assert 0 <= alive <= 1
    assert 1 - alive <= none * (1 + 1e-12)
    assert 0 <= later <= none * (1 + 1e-12) <= 1 + 1e-12
    assert 0 <= purchases <= fitted.expected_purchases(one, t + 5)[0] * (1 + 1e-12)
    assert 1 - none <= purchases * (1 + 1e-9) + 1e-12  # P(X >= 1) <= E[X]
    discounted = fitted._discounted_purchases(one, t, 0.01)[0]
    assert 0 <= discounted <= purchases * (1 + 1e-12)


def test_no_time(model, cdnow):
    few = cdnow.head()
    assert (model.expected_purchases(few, 0) == 0).all()
    assert (model.expected_probability_no_purchase(few, 0) == 1).all()
    assert model.expected_purchases_new_customer(0) == 0
    assert model.expected_probability_alive(rows((0, 0, 0), (3, 9, 9))).tolist() == [1, 1]


def test_new_customer_is_a_customer_without_a_past(model):
    times = np.array([[1.0, 10.0], [52.0, 0.0]])
    got = model.expected_purchases_new_customer(times)
    for t, value in zip(times.ravel(), got.ravel(), strict=True):
        assert value == pytest.approx(model.expected_purchases(rows((0, 0, 0)), t)[0], rel=1e-13)


def test_one_time_per_row(model):
    past = rows((0, 0, 5), (2, 30, 39), (9, 9, 30))
    columns = tuple(past[name].to_numpy() for name in past)
    t = np.array([1.0, 40.0, 1e80])
    together = model._no_purchase(columns, t)
    for i in range(3):
        alone = model._no_purchase(tuple(column[i : i + 1] for column in columns), float(t[i]))
        assert together[i] == pytest.approx(alone[0], rel=1e-13)


def test_bad_tables_are_refused_everywhere(model, cdnow):
    late = cdnow.assign(recency=cdnow["recency"] + 50)
    for use in (ParetoNBDModel().fit, model.expected_probability_alive):
        with pytest.raises(DataError, match="recency is greater than T"):
            use(late)
        with pytest.raises(MissingTableError, match="no column T"):
            use(cdnow.drop(columns="T"))
        with pytest.raises(DataError, match="not a whole number"):
            use(rows((1.5, 3, 9)))
        with pytest.raises(DataError, match="missing or infinite"):
            use(rows((1, 3, np.nan)))


def test_not_fitted(cdnow):
    for use in (
        lambda: ParetoNBDModel().expected_probability_alive(cdnow),
        lambda: ParetoNBDModel().expected_probability_of_n_purchases(1, 1),
    ):
        with pytest.raises(NotFittedError):
            use()


def test_json_round_trip(with_covariates, members):
    text = json.dumps(with_covariates.to_dict(), allow_nan=False)
    back = ParetoNBDModel.from_dict(json.loads(text))
    few = members.head(50)
    pd.testing.assert_series_equal(
        back.expected_purchases(few, 9), with_covariates.expected_purchases(few, 9)
    )
    assert clone(back).get_params() == back.get_params()
    assert "purchase[member]" in back._repr_html_()
