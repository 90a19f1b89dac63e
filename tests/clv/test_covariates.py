import numpy as np
import pandas as pd
import pytest

from segml._core.errors import DataError, MissingTableError, ParameterError
from segml.clv import BetaGeoModel
from segml.clv._beta_geo_likelihood import BetaGeoLikelihood
from segml.clv._beta_geo_rows import BetaGeoRows
from segml.clv._covariates import CovariateLikelihood, Effect, row_parameters

from .simulation import simulate_history

TRUTH = np.array([0.6, 5.0, 0.9, 2.8])
COEFFICIENTS = np.array([0.5, -0.7, -0.3, -0.2, 0.4, 0.1])
EFFECTS = [
    Effect("purchase[x1]", "x1", 1, -1.0),
    Effect("purchase[x2]", "x2", 1, -1.0),
    Effect("dropout_a[x1]", "x1", 2, 1.0),
    Effect("dropout_a[x2]", "x2", 2, 1.0),
    Effect("dropout_b[x1]", "x1", 3, 1.0),
    Effect("dropout_b[x2]", "x2", 3, 1.0),
]


def simulated(n, seed=0):
    """Draw customers whose parameters depend on two covariates."""
    rng = np.random.default_rng(seed)
    x = {"x1": rng.integers(0, 2, n) / 1.0, "x2": rng.normal(size=n)}
    r, alpha, a, b = row_parameters([*TRUTH, *COEFFICIENTS], EFFECTS, x)
    T = rng.integers(26, 78, n) / 1.0
    return simulate_history(r, alpha, a, b, T, seed).assign(**x)


@pytest.fixture(scope="module")
def rfm():
    return simulated(1500)


@pytest.fixture(scope="module")
def fitted(rfm):
    both = ["x1", "x2"]
    return BetaGeoModel(purchase_covariates=both, dropout_covariates=both).fit(rfm)


def test_rows_sum_to_the_likelihood_without_covariates(rfm):
    columns = [rfm[name].to_numpy() for name in ("frequency", "recency", "T")]
    w = np.random.default_rng(1).integers(1, 4, len(rfm)) / 2
    for at_once in (False, True):
        rows = CovariateLikelihood(BetaGeoRows(*columns, at_once), [], {}, w)
        whole = BetaGeoLikelihood(*columns, w, at_once)
        for at in (TRUTH, np.array([3.0, 0.7, 1.0, 0.4]), np.array([0.05, 30.0, 4.0, 9.0])):
            for got, expected in zip(rows(at), whole(at), strict=True):
                scale = np.abs(expected).max()
                np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-13 * scale)


def test_coefficients_of_zero_change_nothing(rfm):
    columns = [rfm[name].to_numpy() for name in ("frequency", "recency", "T")]
    w = np.ones(len(rfm))
    covariates = {"x1": rfm["x1"].to_numpy(), "x2": rfm["x2"].to_numpy()}
    with_effects = CovariateLikelihood(BetaGeoRows(*columns, False), EFFECTS, covariates, w)
    value = with_effects(np.r_[TRUTH, np.zeros(6)])[0]
    assert value == pytest.approx(BetaGeoLikelihood(*columns, w)(TRUTH)[0], rel=1e-13)


def test_derivatives_against_finite_differences(rfm):
    columns = [rfm[name].to_numpy() for name in ("frequency", "recency", "T")]
    covariates = {"x1": rfm["x1"].to_numpy(), "x2": rfm["x2"].to_numpy()}
    likelihood = CovariateLikelihood(
        BetaGeoRows(*columns, False), EFFECTS, covariates, np.ones(len(rfm))
    )
    at = np.r_[TRUTH * 1.1, COEFFICIENTS / 2]
    _, gradient, hessian = likelihood(at)
    size = 1e-6 * np.abs(gradient).max()
    for j in range(len(at)):
        move = np.zeros(len(at))
        move[j] = 1e-6
        above, below = likelihood(at + move), likelihood(at - move)
        assert gradient[j] == pytest.approx((above[0] - below[0]) / 2e-6, abs=size)
        slope = (above[1] - below[1]) / 2e-6
        np.testing.assert_allclose(hessian[j], slope, rtol=1e-6, atol=1e-6 * np.abs(slope).max())


def test_recovers_parameters_and_coefficients():
    both = ["x1", "x2"]
    model = BetaGeoModel(purchase_covariates=both, dropout_covariates=both).fit(simulated(8000, 3))
    table = model.summary()
    assert table.index.tolist() == ["r", "alpha", "a", "b", *(effect.name for effect in EFFECTS)]
    truth = np.r_[TRUTH, COEFFICIENTS]
    assert (np.abs(table["estimate"] - truth) < 3 * table["std_error"]).all()
    assert (table["std_error"].iloc[4:] < 0.5).all()


def test_two_groups_are_two_models(rfm):
    # A binary covariate on all but r, and models of the groups that share nothing but r.
    group = ["x1"]
    joint = BetaGeoModel(purchase_covariates=group, dropout_covariates=group).fit(rfm)
    apart = [BetaGeoModel().fit(rfm[rfm["x1"] == value]) for value in (0, 1)]
    gap = sum(model.log_likelihood_ for model in apart) - joint.log_likelihood_
    assert -1e-8 < gap < 8  # twice the gap is chi-square with one degree of freedom
    _, alpha, a, b, *effects = joint.params_
    for value in (0.0, 1.0):
        moved = np.exp(np.array(effects) * value)
        alone = joint._with_parameters(joint.params_.to_numpy())._of_covariates({"x1": value})
        expected = [joint.params_["r"], alpha / moved[0], a * moved[1], b * moved[2]]
        np.testing.assert_allclose(alone.params_, expected, rtol=1e-13)
        some = rfm[rfm["x1"] == value]
        for got, same in (
            (joint.expected_purchases(some, 26), alone.expected_purchases(some, 26)),
            (joint.expected_probability_alive(some), alone.expected_probability_alive(some)),
            (
                joint.expected_probability_no_purchase(some, 26),
                alone.expected_probability_no_purchase(some, 26),
            ),
        ):
            np.testing.assert_allclose(got, same, rtol=1e-10)
        new = joint.expected_purchases_new_customer([5.0, 50.0], covariates={"x1": value})
        np.testing.assert_allclose(
            new, alone.expected_purchases_new_customer([5.0, 50.0]), rtol=1e-12
        )


def test_units_of_covariates_do_not_matter(rfm, fitted):
    both = ["x1", "x2"]
    other = rfm.assign(x1=rfm["x1"] == 1, x2=3e4 + 1e4 * rfm["x2"])
    model = BetaGeoModel(purchase_covariates=both, dropout_covariates=both).fit(other)
    assert model.log_likelihood_ == pytest.approx(fitted.log_likelihood_, abs=1e-7)
    scale = np.tile([1.0, 1e-4], 3)
    np.testing.assert_allclose(model.params_[4:], fitted.params_[4:] * scale, rtol=1e-4)
    errors = fitted.summary()["std_error"][4:] * scale
    np.testing.assert_allclose(model.summary()["std_error"][4:], errors, rtol=1e-4)
    g1, g2, g3 = model.params_[["purchase[x2]", "dropout_a[x2]", "dropout_b[x2]"]] * 3e4
    at_mean = model.params_[["alpha", "a", "b"]] * np.exp([-g1, g2, g3])
    np.testing.assert_allclose(at_mean, fitted.params_[["alpha", "a", "b"]], rtol=1e-4)


def test_standard_errors_are_those_of_the_hessian(rfm, fitted):
    columns = [rfm[name].to_numpy() for name in ("frequency", "recency", "T")]
    covariates = {"x1": rfm["x1"].to_numpy(), "x2": rfm["x2"].to_numpy()}
    likelihood = CovariateLikelihood(
        BetaGeoRows(*columns, False), EFFECTS, covariates, np.ones(len(rfm))
    )
    value, gradient, hessian = likelihood(fitted.params_.to_numpy())
    assert value == pytest.approx(fitted.log_likelihood_, rel=1e-13)
    assert np.abs(gradient).max() < 1e-4
    errors = np.sqrt(np.diag(np.linalg.inv(-hessian)))
    np.testing.assert_allclose(fitted.summary()["std_error"], errors, rtol=1e-6)


def test_saved_and_loaded(rfm, fitted):
    again = BetaGeoModel.from_dict(fitted.to_dict())
    pd.testing.assert_series_equal(
        again.expected_purchases(rfm, 9), fitted.expected_purchases(rfm, 9)
    )


def test_what_a_coefficient_means(fitted):
    assert "alpha is multiplied by exp(-coefficient)" in fitted._repr_html_()


def bad_columns(rfm):
    first = rfm["x2"] == rfm["x2"].min()
    return {
        "not a column of numbers": rfm.assign(x1=np.where(rfm["x1"] > 0, "yes", "no")),
        "x1 is missing or infinite in 1 row": rfm.assign(x1=rfm["x1"].mask(first)),
        "the covariate x1 is constant": rfm.assign(x1=3.0),
    }


def test_bad_columns(rfm):
    model = BetaGeoModel(purchase_covariates=["x1"])
    for message, table in bad_columns(rfm).items():
        with pytest.raises(DataError, match=message):
            model.fit(table)
    with pytest.raises(DataError) as caught:
        model.fit(bad_columns(rfm)["not a column of numbers"])
    assert "get_dummies" in str(caught.value)
    with pytest.raises(MissingTableError, match="no column x1") as caught:
        model.fit(rfm.rename(columns={"x1": "x_1"}))
    assert caught.value.problem.nearest == "x_1"
    with pytest.raises(DataError, match="far from 0"):
        model.fit(rfm.assign(x1=1e6 + 1e-2 * rfm["x2"]))


def test_one_customer_is_predicted_though_its_covariates_are_constant(rfm, fitted):
    assert fitted.expected_purchases(rfm.iloc[:1], 9).iloc[0] > 0
    with pytest.raises(MissingTableError, match="no column x2"):
        fitted.expected_purchases(rfm.drop(columns="x2"), 9)


@pytest.mark.parametrize("names", ["x1", ["x1", "x1"], ["T"], [1], None, 3])
@pytest.mark.parametrize("argument", ["purchase_covariates", "dropout_covariates"])
def test_bad_names(rfm, names, argument):
    with pytest.raises(ParameterError, match=argument):
        BetaGeoModel(**{argument: names}).fit(rfm)


def test_covariates_and_regularity_do_not_go_together(rfm):
    for k in (2, "auto"):
        with pytest.raises(ParameterError, match="do not go together"):
            BetaGeoModel(k=k, purchase_covariates=["x1"]).fit(rfm.assign(litt=0.0))


@pytest.mark.parametrize("covariates", [None, {}, {"x1": 1}, {"x1": 1, "x2": 0, "x3": 0}, 3])
def test_new_customer_needs_the_covariates(fitted, covariates):
    with pytest.raises(ParameterError, match="covariates of the new customer"):
        fitted.expected_purchases_new_customer(10, covariates)
    with pytest.raises(ParameterError, match="is out of range"):
        fitted.expected_purchases_new_customer(10, {"x1": np.nan, "x2": 0})


def test_no_covariates_where_the_model_has_none(model):
    with pytest.raises(ParameterError, match="covariates of the new customer") as caught:
        model.expected_purchases_new_customer(10, {"x1": 1})
    assert "no covariates" in str(caught.value)
