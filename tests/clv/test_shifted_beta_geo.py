import json

import mpmath as mp
import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from segml._core.errors import (
    ConvergenceError,
    DataError,
    MissingTableError,
    NotEnoughDataError,
    ParameterError,
)
from segml.clv import ShiftedBetaGeoModel, contracts_from_survivors, predict_with_interval
from segml.clv._shifted_beta_geo_likelihood import ShiftedBetaGeoLikelihood

HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491]
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]
POINTS = [(0.67, 3.8), (0.001, 50.0), (200.0, 0.01), (5.0, 1.0)]


def contracts(*rows):
    return pd.DataFrame(rows, columns=["T", "churned"]).astype({"T": float})


def made(alpha, beta):
    return ShiftedBetaGeoModel.from_dict(
        {
            "format": "segml.clv",
            "version": 1,
            "model": "ShiftedBetaGeoModel",
            "options": {},
            "parameters": {"alpha": alpha, "beta": beta},
            "covariance": np.diag([0.01 * alpha**2, 0.01 * beta**2]).tolist(),
            "log_likelihood": -1.0,
            "n_customers": 100,
        }
    )


@pytest.fixture(scope="module")
def high_end():
    return ShiftedBetaGeoModel().fit(*contracts_from_survivors(HIGH_END))


# --- published numbers: Fader & Hardie (2007) ------------------------------------------------


@pytest.mark.parametrize(
    ("survivors", "parameters", "value"),
    [
        (HIGH_END, (0.66809, 3.80610), -1611.1581),
        (REGULAR, (0.70408, 1.18204), -1680.2652),
    ],
)
def test_published_estimates(survivors, parameters, value):
    model = ShiftedBetaGeoModel().fit(*contracts_from_survivors(survivors))
    np.testing.assert_allclose(model.params_, parameters, atol=6e-6)
    assert model.log_likelihood_ == pytest.approx(value, abs=1e-4)
    assert model.n_customers_ == 1000


# --- mpmath ----------------------------------------------------------------------------------


@pytest.mark.parametrize("parameters", POINTS)
@pytest.mark.parametrize("T", [0, 1, 7, 1000])
def test_against_mpmath(parameters, T):
    model, one, t = made(*parameters), contracts((T, False)), 12
    with mp.workdps(50):
        alpha, beta = map(mp.mpf, parameters)

        def survival(k):
            return mp.beta(alpha, beta + k) / mp.beta(alpha, beta)

        later = [survival(T + j) / survival(T) for j in range(1, t + 1)]
        discounted = mp.fsum(s / mp.mpf("1.1") ** (j + 1) for j, s in enumerate(later))
        leave = mp.beta(alpha + 1, beta + T) / mp.beta(alpha, beta)  # at opportunity T + 1
        value = mp.log(leave) + 3 * mp.log(survival(T + 1))
        value = float(value)
    for method, arguments, expected in (
        ("expected_probability_alive", {"future_t": t}, later[-1]),
        ("expected_probability_churn", {"future_t": t}, 1 - later[-1]),
        ("expected_retention_rate", {}, later[0]),
        ("expected_retention_rate", {"future_t": t}, later[-1] / later[-2]),
        ("expected_residual_lifetime", {"future_t": t, "discount_rate": 0.1}, discounted),
    ):
        got = getattr(model, method)(one, **arguments)[0]
        assert got == pytest.approx(float(expected), rel=1e-11, abs=0), method
    likelihood = ShiftedBetaGeoLikelihood(
        np.full(2, T + 1.0), np.array([1.0, 0]), np.array([1, 3.0])
    )
    assert likelihood(np.array(parameters))[0] == pytest.approx(value, rel=1e-12)


def test_residual_lifetime_is_equation_6_of_the_paper(high_end):
    alpha, beta = high_end.params_
    for renewals in (0, 1, 4, 9):
        derl = float(
            (beta + renewals)
            / (alpha + beta + renewals)
            * mp.hyp2f1(1, beta + renewals + 1, alpha + beta + renewals + 1, 1 / 1.1)
        )
        got = high_end.expected_residual_lifetime(contracts((renewals, False)), discount_rate=0.1)
        assert got[0] * 1.1 == pytest.approx(derl, rel=1e-12)


def test_mean_lifetime():
    got = made(3.0, 8.0).expected_residual_lifetime(contracts((4, False), (4, True)))
    np.testing.assert_allclose(got, [12 / 2, 0], rtol=1e-15)


def test_mean_lifetime_that_is_infinite(high_end):
    with pytest.raises(DataError, match="mean lifetime is infinite") as caught:
        high_end.expected_residual_lifetime(contracts((4, False)))
    assert "a discount_rate, or a future_t" in str(caught.value)


@pytest.mark.parametrize("at", POINTS)
def test_derivatives_against_finite_differences(at):
    table, weights = contracts_from_survivors(HIGH_END)
    columns = table["T"].to_numpy(float), table["churned"].to_numpy(float), weights.to_numpy()
    function = ShiftedBetaGeoLikelihood(*columns)
    at = np.array(at, dtype=float)
    _, gradient, hessian = function(at)
    for j in range(2):
        move = np.zeros(2)
        move[j] = 1e-6 * at[j]
        above, below = function(at + move), function(at - move)
        assert gradient[j] == pytest.approx((above[0] - below[0]) / (2 * move[j]), rel=1e-5)
        slope = (above[1] - below[1]) / (2 * move[j])
        np.testing.assert_allclose(
            hessian[j] * at, slope * at, rtol=1e-6, atol=1e-6 * np.abs(slope * at).max()
        )


# --- estimation ------------------------------------------------------------------------------


def test_recovers_parameters_of_a_simulation():
    rng = np.random.default_rng(1)
    truth = np.array([1.5, 6.0])
    observed = rng.integers(1, 15, 20_000)
    time = rng.geometric(rng.beta(*truth, 20_000))
    table = pd.DataFrame({"T": np.minimum(time, observed), "churned": time <= observed})
    found = ShiftedBetaGeoModel().fit(table).summary()
    assert (np.abs(found["estimate"] - truth) < 3 * found["std_error"]).all()
    assert (found["std_error"] < 0.2 * truth).all()


def test_weights_are_repeated_rows(high_end):
    table, weights = contracts_from_survivors(HIGH_END)
    everyone = table.loc[table.index.repeat(weights)].sample(frac=1, random_state=0)
    again = ShiftedBetaGeoModel().fit(everyone)
    pd.testing.assert_series_equal(again.params_, high_end.params_, check_exact=True)
    as_numbers = ShiftedBetaGeoModel().fit(everyone.astype(int))
    pd.testing.assert_series_equal(as_numbers.params_, high_end.params_, check_exact=True)


def test_customers_without_an_opportunity_tell_nothing(high_end):
    table, weights = contracts_from_survivors(HIGH_END)
    more = pd.concat([table, contracts((0, False))], ignore_index=True)
    got = ShiftedBetaGeoModel().fit(more, [*weights, 50])
    np.testing.assert_allclose(got.params_, high_end.params_, rtol=1e-12)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(3, False), (5, False)], "nobody churned"),
        ([(1, True)], "nobody renewed"),
        ([(0, False)], "nobody churned"),
        ([(1, True), (1, False)], "one renewal opportunity"),
    ],
)
def test_not_enough_data(rows, message):
    with pytest.raises(NotEnoughDataError, match=message):
        ShiftedBetaGeoModel().fit(contracts(*rows))


def test_one_customer_and_equal_customers_have_no_optimum():
    with pytest.raises(ConvergenceError):
        ShiftedBetaGeoModel().fit(contracts((4, True)))
    with pytest.raises(ConvergenceError):  # retention falls
        ShiftedBetaGeoModel().fit(*contracts_from_survivors([1000, 900, 700, 300]))


# --- bad input -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((0, True), "T is 0 for a customer who churned in 1 row\n  where: row 1"),
        ((1.5, True), "T is not a whole number in 1 row\n  where: row 1"),
        ((-1, False), "T is negative in 1 row\n  where: row 1"),
        ((np.nan, False), "T is missing or infinite in 1 row\n  where: row 1"),
        ((np.inf, False), "T is missing or infinite in 1 row\n  where: row 1"),
        ((20_000, False), "T is greater than 10,000 in 1 row\n  where: row 1"),
        ((3, 2.0), "churned is not a yes or no in 1 row\n  where: row 1"),
        ((3, np.nan), "churned is missing or infinite in 1 row\n  where: row 1"),
    ],
)
def test_bad_rows_are_named(high_end, row, message):
    table = contracts((3, 0.0), row).astype(float)
    for use in (ShiftedBetaGeoModel().fit, high_end.expected_probability_alive):
        with pytest.raises(DataError) as caught:
            use(table)
        assert message in str(caught.value)


def test_missing_column():
    with pytest.raises(MissingTableError, match="no column churned"):
        ShiftedBetaGeoModel().fit(pd.DataFrame({"T": [1]}))


def test_nullable_booleans():
    table = contracts((3, True), (4, False)).astype({"churned": "boolean"})
    made(1, 1).expected_probability_alive(table)
    table.loc[0, "churned"] = pd.NA
    with pytest.raises(DataError, match="churned is missing"):
        made(1, 1).expected_probability_alive(table)


@pytest.mark.parametrize("t", [-1, 2.5, np.nan, "3", None])
def test_bad_future_t(high_end, t):
    table = contracts((3, False))
    for use in (
        high_end.expected_probability_alive,
        high_end.expected_probability_churn,
        high_end.expected_retention_rate,
        high_end.expected_residual_lifetime,
    ):
        with pytest.raises(ParameterError, match="future_t is out of range"):
            use(table, t)
    with pytest.raises(ParameterError, match="future_t is out of range"):
        high_end.expected_retention_rate(table, 0)
    with pytest.raises(ParameterError, match="t is out of range"):
        high_end.expected_probability_alive_new_customer([1, t])
    with pytest.raises(ParameterError, match="discount_rate is out of range"):
        high_end.expected_residual_lifetime(table, discount_rate=-0.1)


@pytest.mark.parametrize(
    ("survivors", "message"),
    [
        ([100], "not counts of a cohort"),
        ([[100, 90]], "not counts of a cohort"),
        ([100, np.nan], "not counts of a cohort"),
        ([100, -1], "not counts of a cohort"),
        ([0, 0], "no customers"),
        ([100, 90, 95], r"increase\n  where: survivors, position 2"),
    ],
)
def test_bad_survivors(survivors, message):
    with pytest.raises(DataError, match=message):
        contracts_from_survivors(survivors)


def test_survivors_who_all_leave():
    table, weights = contracts_from_survivors([10, 10, 4, 0])
    assert table["T"].tolist() == [2, 3]
    assert table["churned"].tolist() == [True, True]
    assert weights.tolist() == [6, 4]


# --- predictions -----------------------------------------------------------------------------


def test_curves_of_a_new_cohort(high_end):
    t = np.arange(1, 9)
    survival = high_end.expected_probability_alive_new_customer(np.arange(9))
    assert survival[0] == 1
    rates = high_end.expected_retention_rate_new_customer(t)
    np.testing.assert_allclose(rates, survival[1:] / survival[:-1], rtol=1e-14)
    assert (np.diff(rates) > 0).all()
    one = high_end.expected_probability_alive_new_customer(3)
    assert isinstance(one, float)
    assert one == survival[3]
    assert high_end.expected_retention_rate_new_customer([[1], [2]]).shape == (2, 1)


def test_who_has_churned_stays_so(high_end):
    gone = contracts((3, True))
    assert high_end.expected_probability_alive(gone)[0] == 0
    assert high_end.expected_probability_churn(gone, 0)[0] == 1
    assert high_end.expected_retention_rate(gone)[0] == 0
    assert high_end.expected_residual_lifetime(gone, discount_rate=0.1)[0] == 0


def test_intervals(high_end):
    table = contracts((0, False), (3, False), (3, True))
    for method, arguments in (
        ("expected_probability_alive", {"future_t": 4}),
        ("expected_probability_churn", {"future_t": 4}),
        ("expected_retention_rate", {}),
        ("expected_residual_lifetime", {"discount_rate": 0.1}),
    ):
        got = predict_with_interval(high_end, method, table, **arguments).to_frame()
        assert (got["low"] < got.iloc[:, 0])[:2].all()
        assert (got["high"] > got.iloc[:, 0])[:2].all()
        assert got["std_error"].iloc[2] == 0
    rate = predict_with_interval(high_end, "expected_retention_rate", table)
    assert rate.scale == "probability"


def test_json_round_trip(high_end):
    back = ShiftedBetaGeoModel.from_dict(json.loads(json.dumps(high_end.to_dict())))
    assert back.to_dict() == high_end.to_dict()
    pd.testing.assert_frame_equal(back.summary(), high_end.summary())


def test_not_fitted():
    fresh = ShiftedBetaGeoModel()
    for use in (
        lambda: fresh.expected_probability_alive(contracts((3, False))),
        lambda: fresh.expected_probability_alive_new_customer(3),
    ):
        with pytest.raises(NotFittedError):
            use()
