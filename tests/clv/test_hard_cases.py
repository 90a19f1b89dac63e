"""Where other implementations overflow, return NaN or take what makes no sense.

What holds for every model of repeat purchases is asked of every one that `segml.clv` has.
"""

import mpmath as mp
import numpy as np
import pandas as pd
import pytest

import segml.clv
from segml._core.errors import (
    ConvergenceError,
    DataError,
    MissingTableError,
    NotEnoughDataError,
    ParameterError,
)
from segml.clv import GammaGammaModel, customer_lifetime_value, predict_with_interval

from .simulation import simulate_history

#: Estimates of each model on the data of its paper.
PARAMETERS = {
    "BetaGeoModel": {"r": 0.2426, "alpha": 4.4136, "a": 0.7929, "b": 2.4259},
    "ModifiedBetaGeoModel": {"r": 0.5248, "alpha": 6.1831, "a": 0.8914, "b": 1.614},
    "ParetoNBDModel": {"r": 0.5533, "alpha": 10.5777, "s": 0.6062, "beta": 11.6687},
    "BetaGeoBetaBinomModel": {"alpha": 1.2035, "beta": 0.7497, "gamma": 0.6567, "delta": 2.7834},
}
CONTINUOUS = [name for name in PARAMETERS if name != "BetaGeoBetaBinomModel"]
DISCRETE = ["BetaGeoBetaBinomModel"]
all_models = pytest.mark.parametrize("name", PARAMETERS)


def made(name, **parameters):
    """Return a model with given parameters, the others as in its paper."""
    values = PARAMETERS[name] | parameters
    covariance = np.diag((0.05 * np.array(list(values.values()))) ** 2)
    return getattr(segml.clv, name).from_dict(
        {
            "format": "segml.clv", "version": 1, "model": name, "options": {}, "k": 1,
            "parameters": values, "covariance": covariance.tolist(),
            "log_likelihood": -1.0, "n_customers": 100,
        }
    )  # fmt: skip


def rows(*histories):
    ids = pd.Index([f"person{i}" for i in range(len(histories))], name="customer_id")
    return pd.DataFrame(histories, ids, ["frequency", "recency", "T"], dtype=float)


def uses(name):
    """Return everything that reads a table: fitting and all predictions by customer."""
    model = made(name)
    return [
        type(model)().fit,
        model.expected_probability_alive,
        lambda rfm: model.expected_purchases(rfm, 3),
        lambda rfm: model.expected_probability_no_purchase(rfm, 3),
        lambda rfm: predict_with_interval(model, "expected_probability_alive", rfm),
    ]


def test_every_model_of_purchases_is_asked():
    models = {name for name in segml.clv.__all__ if hasattr(getattr(segml.clv, name), "from_dict")}
    assert {name for name in models if hasattr(getattr(segml.clv, name), "expected_purchases")} == (
        set(PARAMETERS)
    )


# --- numbers ---------------------------------------------------------------------------------


def test_bg_nbd_where_a_plus_b_is_below_one():
    model = made("BetaGeoModel", r=0.11, alpha=2.24, a=0.31, b=0.5)
    got = model.expected_purchases(rows((0, 0, 1)), 30).iloc[0]
    assert got == pytest.approx(0.564588615533, abs=5e-13)


def test_bg_nbd_of_two_thousand_purchases():
    got = made("BetaGeoModel").expected_purchases(rows((2000, 38, 38.86)), 39).iloc[0]
    assert got == pytest.approx(1.26617112383e-11, rel=1e-11)


def test_bg_nbd_silence_of_one_time_buyers():
    r, alpha = (PARAMETERS["BetaGeoModel"][name] for name in ("r", "alpha"))
    T, t = np.array([0.0, 1.0, 39.0, 1e6]), 39.0
    got = made("BetaGeoModel").expected_probability_no_purchase(rows(*[(0, 0, T) for T in T]), t)
    np.testing.assert_allclose(got, ((alpha + T) / (alpha + T + t)) ** r, rtol=1e-14)


def reference(name, p, x, t_x, T, t):
    """Return P(alive), expected purchases and P(no purchase), by mpmath.

    Pareto/NBD as integrals over the time u of leaving or buying; BG/NBD and MBG/NBD with
    equation 10 of Fader, Hardie & Lee (2005) for the living.
    """
    p = {key: mp.mpf(value) for key, value in p.items()}
    x, t_x, T, t = map(mp.mpf, (x, t_x, T, t))
    R, A = p["r"] + x, p["alpha"] + T
    if name == "ParetoNBDModel":
        s, B = p["s"], p["beta"] + T
        odds = s * mp.quad(
            lambda u: (A / (p["alpha"] + u)) ** R * (B / (p["beta"] + u)) ** s / (p["beta"] + u),
            split(t_x, T, R, p["alpha"]),
        )
        stays = mp.quad(lambda u: (B / (B + u)) ** s, [0, t])
        first = mp.quad(lambda u: (A / (A + u)) ** (R + 1) * (B / (B + u)) ** s, split(0, t, R, A))
        bought, any_bought = R / A * stays, R / A * first
    else:
        survived = x + (name == "ModifiedBetaGeoModel")
        a = p["a"] + mp.mpf(10) ** -35  # equation 10 has a pole at 1, which no value has
        B = p["b"] + survived
        odds = a / (B - 1) * (A / (p["alpha"] + t_x)) ** R if survived else mp.mpf(0)
        silent = (A / (A + t)) ** R
        bought = (a + B - 1) / (a - 1)
        bought *= 1 - silent * mp.hyp2f1(R, B, a + B - 1, t / (A + t))
        any_bought = 1 - silent
    alive = 1 / (1 + odds)
    return alive, alive * bought, 1 - alive * any_bought


def split(low, high, R, A):
    """Return where to cut the range of an integrand that falls as (A + u)^-R from its start."""
    cuts = [low + (A + low) * mp.mpf(step) / (R + 1) for step in (1, 5, 25)]
    return [low, *[cut for cut in cuts if cut < high], high]


HISTORIES = [
    (0, 0, 0), (0, 0, 39), (1, 39, 39), (26, 5, 31), (300, 38, 38.86), (365, 365, 365), (1, 1, 1),
    (2000, 38, 38.86),
]  # fmt: skip
SPECIAL = [
    ("BetaGeoModel", {"a": 1.0}),
    ("BetaGeoModel", {"a": 0.31, "b": 0.5}),
    ("ModifiedBetaGeoModel", {"a": 1.0}),
    ("ModifiedBetaGeoModel", {"a": 0.31, "b": 0.5}),
    ("ParetoNBDModel", {"s": 1.0}),
    ("ParetoNBDModel", {"s": 1.0 + 1e-9}),
    ("ParetoNBDModel", {"alpha": 11.6687}),  # equal to beta
    ("ParetoNBDModel", {"alpha": 0.5, "beta": 50.0}),
]


@pytest.mark.parametrize(("name", "special"), SPECIAL, ids=str)
def test_special_parameters_against_mpmath(name, special):
    model, t = made(name, **special), 39
    histories = HISTORIES if name != "ParetoNBDModel" else HISTORIES[1::3]  # mpmath takes long
    table = rows(*histories)
    with mp.workdps(50 if name == "ParetoNBDModel" else 90):  # the pole at a = 1 costs 40 of 90
        p = PARAMETERS[name] | special
        expected = [[float(one) for one in reference(name, p, *row, t)] for row in histories]
    alive, purchases, none = np.array(expected).T
    np.testing.assert_allclose(model.expected_probability_alive(table), alive, rtol=1e-10)
    np.testing.assert_allclose(model.expected_purchases(table, t), purchases, rtol=1e-9)
    np.testing.assert_allclose(model.expected_probability_no_purchase(table, t), none, rtol=1e-10)


EDGES = {
    "continuous": [
        (0, 0, 0), (0, 0, 1e-9), (0, 0, 1e6), (1, 1e-9, 1e-9), (1, 1e-9, 1e6), (300, 300, 300),
        (2000, 38, 38.86), (100_000, 1, 1), (100_000, 1, 1e5),
    ],
    "discrete": [(0, 0, 0), (0, 0, 1), (0, 0, 200), (1, 1, 1), (1, 1, 200), (200, 200, 200)],
}  # fmt: skip


@all_models
@pytest.mark.parametrize("scale", [0.02, 1.0, 50.0])
@pytest.mark.filterwarnings("error")
def test_predictions_are_in_range_at_the_edges(name, scale):
    kind = "discrete" if name in DISCRETE else "continuous"
    table = rows(*EDGES[kind])
    for moved in PARAMETERS[name]:
        model = made(name, **{moved: PARAMETERS[name][moved] * scale})
        alive = model.expected_probability_alive(table)
        assert alive.between(0, 1).all()
        for t in (0, 1, 200):
            none = model.expected_probability_no_purchase(table, t)
            purchases = model.expected_purchases(table, t)
            assert none.between(0, 1).all()
            assert np.isfinite(purchases).all()
            assert (purchases >= 0).all()
            assert (1 - none <= purchases * (1 + 1e-9) + 1e-12).all()  # P(X >= 1) <= E[X]


@all_models
def test_intervals_are_finite_at_the_edges(name):
    table = rows(*EDGES["discrete"])
    model = made(name)
    for method, arguments in {
        "expected_probability_alive": {},
        "expected_purchases": {"future_t": 10},
        "expected_probability_no_purchase": {"future_t": 10},
    }.items():
        frame = predict_with_interval(model, method, table, **arguments).to_frame()
        assert np.isfinite(frame).all().all(), method
        assert (frame["low"] <= frame.iloc[:, 0] * (1 + 1e-12)).all()
        assert (frame["high"] >= frame.iloc[:, 0] * (1 - 1e-12)).all()


@pytest.mark.parametrize("name", CONTINUOUS)
def test_hundreds_of_daily_purchases_are_fitted(name):
    T = np.full(600, 365.0)
    rfm = simulate_history(1.5, 1.5, 0.5, 30.0, T, seed=3)
    assert rfm["frequency"].max() > 700
    model = getattr(segml.clv, name)().fit(rfm)
    assert np.isfinite(model.summary()).all().all()
    assert model.expected_probability_alive(rfm).between(0, 1).all()


# --- tables that make no sense ---------------------------------------------------------------

GOOD = [(0, 0, 6), (1, 3, 6), (2, 5, 6), (4, 6, 6), (1, 1, 6), (3, 4, 6), (0, 0, 5)]


@all_models
@pytest.mark.parametrize("column", ["frequency", "recency", "T"])
@pytest.mark.parametrize(
    ("value", "what"),
    [(np.nan, "missing or infinite"), (np.inf, "missing or infinite"),
     (-np.inf, "missing or infinite"), (-1.0, "negative")],
)  # fmt: skip
def test_values_that_are_no_numbers(name, column, value, what):
    table = rows(*GOOD)
    table.iloc[[2, 5], table.columns.get_loc(column)] = value
    for use in uses(name):
        with pytest.raises(DataError, match=rf"{column} is {what} in 2 rows") as caught:
            use(table)
        assert caught.value.problem.where == "rows 2, 5 (counted from 0)"
        assert "person" not in str(caught.value)


@all_models
@pytest.mark.parametrize(
    ("history", "what"),
    [
        ((1.5, 3, 6), "frequency is not a whole number in 1 row"),
        ((2, 7, 6), "recency is greater than T in 1 row"),
        ((0, 3, 6), "recency is greater than 0 though frequency is 0 in 1 row"),
        ((2, 0, 6), "recency is 0 though frequency is not in 1 row"),
    ],
)
def test_histories_that_cannot_be(name, history, what):
    table = rows(*GOOD, history)
    for use in uses(name):
        with pytest.raises(DataError, match=what) as caught:
            use(table)
        assert caught.value.problem.where == "row 7 (counted from 0)"
        assert caught.value.problem.expected


@pytest.mark.parametrize("name", DISCRETE)
@pytest.mark.parametrize("history", [(1, 2.5, 6), (1, 2, 6.5), (3, 2, 6)])
def test_discrete_histories_that_cannot_be(name, history):
    for use in uses(name):
        with pytest.raises(DataError) as caught:
            use(rows(*GOOD, history))
        assert caught.value.problem.where == "row 7 (counted from 0)"


@all_models
def test_many_bad_rows_are_counted_and_the_first_are_named(name):
    table = rows(*[(1, 9, 6)] * 20)
    for use in uses(name):
        with pytest.raises(DataError, match="in 20 rows") as caught:
            use(table)
        assert caught.value.problem.where == "rows 0, 1, 2, 3, 4, ... (counted from 0)"


@all_models
def test_zero_customers(name):
    for use in uses(name):
        with pytest.raises(NotEnoughDataError, match="has no rows"):
            use(rows())


@all_models
def test_a_column_that_is_not_there_or_no_number(name):
    table = rows(*GOOD)
    for use in uses(name):
        with pytest.raises(MissingTableError, match="no column T"):
            use(table.drop(columns="T"))
        with pytest.raises(MissingTableError) as caught:
            use(table.rename(columns={"recency": "recensy"}))
        assert caught.value.problem.nearest == "recensy"
        with pytest.raises(DataError, match="T is not a column of numbers"):
            use(table.astype({"T": str}))
        with pytest.raises(DataError, match="not a table"):
            use([1, 2, 3])


@all_models
def test_one_customer(name):
    with pytest.raises(NotEnoughDataError) as caught:
        getattr(segml.clv, name)().fit(rows((3, 5, 6)))
    assert "1 distinct row" in str(caught.value)
    assert made(name).expected_purchases(rows((3, 5, 6)), 3).shape == (1,)


@all_models
def test_everyone_the_same_customer(name):
    with pytest.raises(NotEnoughDataError, match="too few distinct"):
        getattr(segml.clv, name)().fit(rows(*[(3, 5, 6)] * 100))


@all_models
def test_everyone_a_one_time_buyer(name):
    with pytest.raises(NotEnoughDataError, match="no customer bought again") as caught:
        getattr(segml.clv, name)().fit(rows(*[(0, 0, T) for T in range(1, 40)]))
    assert "39 customers" in str(caught.value)
    assert caught.value.problem.hint


@all_models
def test_everyone_buys_at_every_chance(name):
    table = rows(*[(T, T, T) for T in range(1, 12)])
    with pytest.raises(ConvergenceError, match=r"keeps rising|flat|no optimum") as caught:
        getattr(segml.clv, name)().fit(table)
    assert caught.value.problem.hint


@all_models
@pytest.mark.parametrize(
    "weights", [[1.0] * 6, [np.nan] + [1.0] * 6, [-1.0] + [1.0] * 6, [np.inf] + [1.0] * 6, [0] * 7]
)
def test_bad_weights(name, weights):
    with pytest.raises(DataError, match="weight"):
        getattr(segml.clv, name)().fit(rows(*GOOD), weights=weights)


@all_models
@pytest.mark.parametrize("t", [-1, np.nan, -np.inf, "10", None, True])
def test_bad_times(name, t):
    model = made(name)
    for use in (model.expected_purchases, model.expected_probability_no_purchase):
        with pytest.raises(ParameterError, match="future_t"):
            use(rows(*GOOD), t)


@all_models
def test_a_table_is_left_as_it_was(name):
    table = rows(*GOOD)
    before = table.copy()
    for use in uses(name)[1:]:
        use(table)
    pd.testing.assert_frame_equal(table, before)


@all_models
def test_kinds_of_columns_do_not_matter(name):
    model, table = made(name), rows(*GOOD)
    expected = model.expected_purchases(table, 3)
    for other in (
        table.astype(int), table.astype("Int64"), table.astype("float64[pyarrow]"),
        table.reset_index(), table.assign(note="x"), table[["T", "recency", "frequency"]],
    ):  # fmt: skip
        pd.testing.assert_series_equal(model.expected_purchases(other, 3), expected)


# --- spend -----------------------------------------------------------------------------------


def gamma_gamma(q, **options):
    return GammaGammaModel.from_dict(
        {
            "format": "segml.clv", "version": 1, "model": "GammaGammaModel", "options": options,
            "parameters": {"p": 6.25, "q": q, "v": 15.44},
            "covariance": (0.01 * np.eye(3)).tolist(), "log_likelihood": -1.0,
            "n_customers": 10, "n_left_out": 0,
        }
    )  # fmt: skip


def bought(*values):
    """Return buyers of two purchases each, of these mean values."""
    return pd.DataFrame({"frequency": [2.0] * len(values), "monetary_value": values})


@pytest.mark.parametrize("q", [0.2, 0.99, 1.0])
def test_no_mean_spend_and_never_a_negative_one(q):
    model = gamma_gamma(q)
    table = rows((0, 0, 6), (2, 5, 6)).assign(monetary_value=[np.nan, 20.0])
    for use in (
        model.expected_spend_new_customer,
        lambda: model.expected_customer_spend(table),
        lambda: customer_lifetime_value(made("BetaGeoModel"), model, table, 52),
    ):
        with pytest.raises(DataError, match="mean spend does not exist") as caught:
            use()
        assert caught.value.problem.where == "q"
        assert caught.value.problem.hint


def test_spend_just_above_the_edge_is_large_and_positive():
    got = gamma_gamma(1 + 1e-9).expected_customer_spend(bought(5.0, 1e-9, 1e9))
    assert np.isfinite(got).all()
    assert (got > 0).all()


@pytest.mark.parametrize("value", [0.0, -3.0, np.nan, -np.inf, np.inf])
def test_spend_that_is_not_positive(value):
    # 0 is what refunds that net a purchase to nothing leave.
    rng = np.random.default_rng(0)
    table = bought(*(100 / rng.gamma(4, 1, 300)))
    table.loc[[7, 11], "monetary_value"] = value
    with pytest.raises(DataError, match="in 2 rows") as caught:
        GammaGammaModel().fit(table)
    assert caught.value.problem.where == "rows 7, 11 (counted from 0)"
    if np.isinf(value):
        return
    model = GammaGammaModel(non_positive="leave_out").fit(table)
    assert (model.n_customers_, model.n_left_out_) == (298, 2)
    spend = model.expected_customer_spend(table)
    np.testing.assert_allclose(spend[[7, 11]], model.expected_spend_new_customer(), rtol=1e-12)
    assert (spend > 0).all()


def test_customers_without_a_repeat_purchase_get_the_mean_of_all():
    model = gamma_gamma(3.74)
    table = pd.DataFrame({"frequency": [0, 0, 0], "monetary_value": [np.nan, 0.0, 99.0]})
    got = model.expected_customer_spend(table)
    np.testing.assert_allclose(got, 6.25 * 15.44 / 2.74, rtol=1e-14)


def test_spend_of_nobody_or_of_one_time_buyers():
    with pytest.raises(NotEnoughDataError, match="has no rows"):
        GammaGammaModel().fit(bought())
    with pytest.raises(NotEnoughDataError, match="too few repeat buyers"):
        GammaGammaModel().fit(bought(*[20.0] * 50).assign(frequency=0.0))
    with pytest.raises(NotEnoughDataError, match="too few repeat buyers"):
        GammaGammaModel().fit(bought(20.0))


@pytest.mark.parametrize("bad", [1.5, np.nan, np.inf, -1.0])
def test_frequency_of_spend(bad):
    table = bought(20.0, 30.0, 40.0, 50.0)
    table.loc[2, "frequency"] = bad
    for use in (GammaGammaModel().fit, gamma_gamma(3.0).expected_customer_spend):
        with pytest.raises(DataError, match=r"frequency is .* in 1 row") as caught:
            use(table)
        assert caught.value.problem.where == "row 2 (counted from 0)"
