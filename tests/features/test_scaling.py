import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import RobustScaler, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from segml._core.errors import NotEnoughDataError, ParameterError
from segml.features.scaling import FeatureScaler


@parametrize_with_checks([FeatureScaler(), FeatureScaler(scaling="robust", weight=2.0)])
def test_as_an_estimator(estimator, check) -> None:
    check(estimator)


def draw(n=200, seed=0):
    return np.random.default_rng(seed).gamma(2, 10, (n, 1))


def test_complete_numbers_are_those_of_standard_scaler_to_the_byte() -> None:
    X = draw()
    assert FeatureScaler().fit_transform(X).tobytes() == StandardScaler().fit_transform(X).tobytes()


def test_robust_is_that_of_robust_scaler() -> None:
    X = draw()
    reference = RobustScaler(unit_variance=True).fit_transform(X)
    np.testing.assert_allclose(FeatureScaler("robust").fit_transform(X), reference)


def test_extreme_customers_do_not_move_robust_scaling() -> None:
    X = draw()
    moved = np.where(X.max() == X, 1e9, X)
    scaled, again = (FeatureScaler("robust").fit(values).transform(X) for values in (X, moved))
    np.testing.assert_allclose(scaled, again)


def test_robust_where_the_quartiles_are_equal() -> None:
    X = np.array([0.0] * 9 + [5.0])[:, None]
    np.testing.assert_allclose(
        FeatureScaler("robust").fit_transform(X), StandardScaler().fit_transform(X)
    )


@given(
    arrays(float, st.tuples(st.integers(3, 40), st.integers(1, 3)), elements=st.integers(-50, 50)),
    st.lists(st.booleans(), min_size=40, max_size=40),
    st.sampled_from([0.0, 0.2, 1.0]),
    st.sampled_from([0.25, 1.0, 3.0]),
)
def test_total_variance_is_the_weight(X, gaps, least, weight) -> None:
    X[np.array(gaps)[: len(X)], 0] = np.nan
    known = X[~np.isnan(X[:, 0])]
    if not len(known):
        return
    scaler = FeatureScaler(weight=weight, min_missing_share=least).fit(X)
    scaled = scaler.transform(X)
    assert np.isfinite(scaled).all()
    constant = (np.ptp(known, axis=0) == 0).all() and not scaler.has_indicator_
    np.testing.assert_allclose(scaled.var(axis=0).sum(), 0 if constant else weight, atol=1e-12)


def reference(x, indicator):
    """Median, mean and standard deviation of known values; everything over its total spread."""
    known = x[~np.isnan(x)]
    filled = (np.where(np.isnan(x), np.median(known), x) - known.mean()) / known.std()
    columns = [filled, np.isnan(x) - np.isnan(x).mean()] if indicator else [filled]
    block = np.column_stack(columns)
    return block / np.sqrt(block.var(axis=0).sum())


@pytest.mark.parametrize(("least", "indicator"), [(0.0, True), (0.3, True), (0.31, False)])
def test_missing_values(least, indicator) -> None:
    x = draw(100)[:, 0]
    x[:30] = np.nan
    scaler = FeatureScaler(min_missing_share=least, name="age").set_output(transform="pandas")
    scaled = scaler.fit_transform(pd.DataFrame({"age": x}))
    np.testing.assert_allclose(scaled, reference(x, indicator))
    assert scaled.columns.tolist() == ["age", "age is missing"][: 1 + indicator]


def test_not_knowing_is_as_far_from_a_known_value_as_two_known_ones() -> None:
    x = np.append(np.random.default_rng(1).normal(size=1000), [np.nan] * 10)
    scaler = FeatureScaler().fit(x[:, None])
    scaled = scaler.transform(x[:, None])
    known, missing = scaled[:1000], scaled[1000:]
    among = 2 * known.var(axis=0).sum()
    across = ((known - missing[0]) ** 2).sum(axis=1).mean()
    assert across == pytest.approx(among, rel=0.01)
    assert (missing == missing[0]).all()


def test_values_that_only_new_customers_lack_are_put_in_the_middle() -> None:
    X = draw(51)
    scaler = FeatureScaler().fit(X)
    found = scaler.transform([[np.nan], [np.median(X)]])
    assert found.shape == (2, 1)
    assert found[0] == found[1]


def test_robust_with_missing_values() -> None:
    x = draw(100)[:, 0]
    x[:20] = np.nan
    known = x[20:]
    low, middle, high = np.quantile(known, [0.25, 0.5, 0.75])
    spread = (high - low) / 1.3489795003921634
    expected = np.column_stack([(np.where(np.isnan(x), middle, x) - middle) / spread, np.isnan(x)])
    expected[:, 1] -= 0.2
    scaled = FeatureScaler("robust").fit_transform(x[:, None])
    np.testing.assert_allclose(scaled, expected / np.sqrt(1 - 0.2**2))


def test_columns_are_scaled_together() -> None:
    X = np.random.default_rng(2).normal(size=(50, 3)) * [1, 2, 3]
    scaled = FeatureScaler().fit_transform(X)
    np.testing.assert_allclose(scaled, (X - X.mean(axis=0)) / np.sqrt(X.var(axis=0).sum()))


def test_a_row_that_lacks_a_column_lacks_the_feature() -> None:
    X = np.array([[0.0, 1.0], [1.0, 0.0], [np.nan, 0.0], [1.0, 1.0]])
    scaled = FeatureScaler(min_missing_share=1.0).fit_transform(X)
    assert scaled[2].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("scaling", ["standard", "robust"])
@pytest.mark.parametrize("value", [0.1, 7.0, -3e8])
def test_a_constant_is_zero(scaling, value) -> None:
    X = np.full((7, 1), value)
    assert FeatureScaler(scaling).fit_transform(X).tolist() == [[0.0]] * 7
    assert FeatureScaler(scaling).fit_transform(np.hstack([X, X])).tolist() == [[0.0, 0.0]] * 7


def test_a_constant_or_missing() -> None:
    scaled = FeatureScaler().fit_transform([[4.0], [np.nan], [4.0], [np.nan]])
    assert scaled.tolist() == [[0, -1], [0, 1], [0, -1], [0, 1]]


def test_nothing_known() -> None:
    with pytest.raises(NotEnoughDataError, match="every value is missing") as caught:
        FeatureScaler(name="age").fit([[np.nan], [np.nan]])
    assert caught.value.problem.where == "column age"
    with pytest.raises(NotEnoughDataError, match="column x0, x1"):
        FeatureScaler().fit([[np.nan, 1.0], [1.0, np.nan]])


@pytest.mark.parametrize(
    "wrong", [{"scaling": "robus"}, {"weight": -1}, {"min_missing_share": 1.5}]
)
def test_parameters(wrong) -> None:
    with pytest.raises(ParameterError):
        FeatureScaler(**wrong).fit([[1.0], [2.0]])
