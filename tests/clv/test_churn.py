import mpmath
import numpy as np
import pandas as pd
import pytest

import segml.clv
from segml._core.errors import ParameterError
from segml.clv import BetaGeoBetaBinomModel, churn_table


def test_columns_and_values(model, cdnow):
    table = churn_table(model, cdnow, future_t=26)
    columns = ["p_alive", "p_no_purchase", "next_purchase", "churn_band"]
    assert table.columns.tolist() == columns
    pd.testing.assert_index_equal(table.index, cdnow.index)
    np.testing.assert_array_equal(table["p_alive"], model.expected_probability_alive(cdnow))
    np.testing.assert_array_equal(
        table["p_no_purchase"], model.expected_probability_no_purchase(cdnow, 26)
    )
    assert (table["p_no_purchase"] >= 1 - table["p_alive"]).all()


def test_bands_are_ordered_and_follow_the_bounds(model, cdnow):
    table = churn_table(model, cdnow, 26, bands=(0.3, 0.8))
    band = table["churn_band"]
    assert band.cat.ordered
    assert band.cat.categories.tolist() == ["likely lost", "at risk", "active"]
    assert (table.loc[band == "likely lost", "p_alive"] < 0.3).all()
    assert table.loc[band == "at risk", "p_alive"].between(0.3, 0.8, inclusive="left").all()
    assert (table.loc[band == "active", "p_alive"] >= 0.8).all()
    assert (band.value_counts() > 0).all()


def test_a_chance_on_a_bound_belongs_to_the_better_band(model, cdnow):
    alive = sorted(set(model.expected_probability_alive(cdnow)))
    low, high = alive[100], alive[200]
    table = churn_table(model, cdnow, 26, bands=(low, high))
    assert (table.loc[table["p_alive"] == low, "churn_band"] == "at risk").all()
    assert (table.loc[table["p_alive"] == high, "churn_band"] == "active").all()


@pytest.mark.parametrize("bands", [(0.8, 0.3), (0.5, 0.5), (0.1, 1.2), (-0.1, 0.5), (0.5,), 0.5])
def test_bad_bands(model, cdnow, bands):
    with pytest.raises(ParameterError, match="bands"):
        churn_table(model, cdnow, 26, bands=bands)


def test_bad_period(model, cdnow):
    with pytest.raises(ParameterError, match="future_t"):
        churn_table(model, cdnow, -1)


def test_next_purchase_in_closed_form(model, cdnow):
    table = churn_table(model, cdnow, 26)
    r, alpha = model.params_[["r", "alpha"]]
    alive = table["p_alive"]
    bought_again = alive > 0.5
    grows = (alive / (alive - 0.5)) ** (1 / (r + cdnow["frequency"]))
    expected = ((alpha + cdnow["T"]) * (grows - 1)).where(bought_again)
    assert (table["next_purchase"].notna() == bought_again).all()
    np.testing.assert_allclose(table["next_purchase"], expected, rtol=1e-9)


@pytest.mark.parametrize("kind", ["BetaGeoModel", "ModifiedBetaGeoModel", "ParetoNBDModel"])
def test_next_purchase_is_where_half_have_bought(kind, cdnow):
    model = getattr(segml.clv, kind)().fit(cdnow)
    some = cdnow.sample(60, random_state=5)
    median = churn_table(model, some, 26)["next_purchase"]
    assert 10 < median.notna().sum() < 60
    for customer, t in median.items():
        one = some.loc[[customer]]
        if np.isfinite(t):
            none = model.expected_probability_no_purchase(one, t).iloc[0]
            assert none == pytest.approx(0.5, abs=1e-10)
        else:
            assert model.expected_probability_no_purchase(one, 1e60).iloc[0] >= 0.5


def test_next_purchase_of_extreme_customers(with_parameters):
    model = with_parameters(0.02, 1e-3, 0.1, 5.0)
    one = pd.DataFrame(
        {"frequency": [0.0, 0, 2000], "recency": [0.0, 0, 38.86], "T": [0.0, 1e4, 38.86]}
    )
    with mpmath.workdps(50):
        r, alpha, a, b = (mpmath.mpf(float(value)) for value in model.params_)
        for x, T, got in zip(
            one["frequency"], one["T"], churn_table(model, one, 1)["next_purchase"], strict=True
        ):
            p = 1 / (1 + a / (b + x - 1)) if x else mpmath.mpf(1)
            grows = (p / (p - mpmath.mpf("0.5"))) ** (1 / (r + x))
            assert got == pytest.approx(float((alpha + mpmath.mpf(T)) * (grows - 1)), rel=1e-10)


def test_half_of_simulated_customers_have_bought_by_then(with_parameters):
    r, alpha, a, b = 2.0, 8.0, 1.0, 6.0
    rng = np.random.default_rng(3)
    n, T = 150_000, 20.0
    rate, leave = rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n)
    gaps = rng.exponential(1 / rate[:, None], (n, 12))
    times = np.cumsum(gaps, axis=1)
    stays = np.cumprod(rng.random((n, 12)) > leave[:, None], axis=1).astype(bool)
    stays = np.column_stack([np.ones(n, dtype=bool), stays[:, :-1]])  # before each purchase
    bought = stays & (times <= T)
    x = bought.sum(axis=1)
    twice = (x == 2) & (np.abs(times[:, 1] - 15) < 1)
    again = np.where(stays[:, 2], times[:, 2] - T, np.inf)[twice]
    model = with_parameters(r, alpha, a, b)
    customers = pd.DataFrame({"frequency": 2.0, "recency": times[twice, 1], "T": T})
    t = churn_table(model, customers, 1)["next_purchase"].to_numpy()
    share = np.mean(again <= t)
    assert share == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(twice.sum()))


def test_opportunities_are_whole():
    names = ["alpha", "beta", "gamma", "delta"]
    model = BetaGeoBetaBinomModel.from_dict(
        {
            "format": "segml.clv", "version": 1, "model": "BetaGeoBetaBinomModel", "options": {},
            "parameters": dict(zip(names, [1.2, 0.75, 0.66, 2.78], strict=True)),
            "covariance": np.eye(4).tolist(), "log_likelihood": -1.0, "n_customers": 10,
        }
    )  # fmt: skip
    customers = pd.DataFrame({"frequency": [0.0, 4, 6], "recency": [0.0, 5, 6], "T": [6.0, 6, 6]})
    got = churn_table(model, customers, 1)["next_purchase"]
    assert np.isnan(got[0])
    for i in (1, 2):
        n = int(got[i])
        one = customers.iloc[[i]]
        assert model.expected_probability_no_purchase(one, n).iloc[0] <= 0.5
        assert n == 0 or model.expected_probability_no_purchase(one, n - 1).iloc[0] > 0.5
