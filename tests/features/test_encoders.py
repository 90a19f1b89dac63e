import datetime as dt

import numpy as np
import pandas as pd
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from segml._core.errors import DataError, NotEnoughDataError, SegmlWarning
from segml.features.encoders import LevelEncoder, as_numbers, as_ranks, circle_names, on_circle


@parametrize_with_checks([LevelEncoder(), LevelEncoder(min_share=0.0)])
@pytest.mark.filterwarnings("ignore::segml._core.errors.SegmlWarning")  # random floats: all rare
def test_level_encoder_as_an_estimator(estimator, check) -> None:
    check(estimator)


@pytest.mark.parametrize(
    "values",
    [
        pd.array([1, None, 3], dtype="Int64"),
        pd.array([1, None, 3], dtype="Float64"),
        np.array([1, np.nan, 3], dtype=np.float32),
        pd.array(["1", None, "3.0"], dtype="string"),
        pd.Series([1, None, 3], dtype="int64[pyarrow]"),
        np.array([True, None, 3], dtype=object),
        pd.Categorical([1, None, 3]),
    ],
)
def test_numbers_of_any_type(values) -> None:
    frame = pd.DataFrame({"x": values})
    np.testing.assert_array_equal(as_numbers(frame), [[1.0], [np.nan], [3.0]])
    np.testing.assert_array_equal(as_numbers(frame, fill=0.0), [[1.0], [0.0], [3.0]])


def test_truth_values_are_numbers() -> None:
    frame = pd.DataFrame({"x": [True, False], "y": pd.array([True, None], dtype="boolean")})
    np.testing.assert_array_equal(as_numbers(frame), [[1.0, 1.0], [0.0, np.nan]])
    np.testing.assert_array_equal(
        as_numbers(pd.DataFrame({"x": [True, None, False]}, dtype=object)), [[1], [np.nan], [0]]
    )


@pytest.mark.parametrize("infinity", [np.inf, -np.inf, "inf"])
def test_infinite_values_are_refused(infinity) -> None:
    with pytest.raises(DataError, match="infinite values") as caught:
        as_numbers(pd.DataFrame({"x": [1.0, 2.0], "aov": [1.0, infinity]}))
    assert caught.value.problem.where == "column aov"
    assert caught.value.problem.got == "1 of 2 values"


@pytest.mark.parametrize("wrong", ["many", dt.datetime(2026, 1, 1), "nan"])
def test_what_is_not_a_number_is_refused(wrong) -> None:
    with pytest.raises(DataError, match="is not numbers") as caught:
        as_numbers(pd.DataFrame({"orders": pd.Series([1, wrong], dtype=object)}))
    assert caught.value.problem.where == "column orders"
    assert str(wrong) in caught.value.problem.got


def test_dates_are_not_numbers() -> None:
    with pytest.raises(DataError, match="is not numbers"):
        as_numbers(pd.DataFrame({"orders": pd.to_datetime(["2026-01-01"])}))


def test_a_circle_closes() -> None:
    hours = np.arange(24.0)[:, None]
    points = on_circle(hours, 24)
    np.testing.assert_allclose(np.hypot(*points.T), 1)
    steps = np.hypot(*(points - np.roll(points, 1, axis=0)).T)
    np.testing.assert_allclose(steps, 2 * np.sin(np.pi / 24))  # 23 h is as near 0 h as 1 h is
    np.testing.assert_allclose(on_circle(hours + 24, 24), points, atol=1e-12)
    assert np.isnan(on_circle([[np.nan]], 24)).all()
    assert circle_names(None, ["hour"]).tolist() == ["hour (sin)", "hour (cos)"]


def test_ranks() -> None:
    values = pd.DataFrame({"income": pd.Categorical(["high", "low", None, "middle"])})
    found = as_ranks(values, ["low", "middle", "high"])
    np.testing.assert_array_equal(found, [[1], [0], [np.nan], [0.5]])


def test_ranks_of_codes() -> None:
    values = pd.DataFrame({"income": [3.0, np.nan, 1.0]})
    np.testing.assert_array_equal(as_ranks(values, ["1", "2", "3"]), [[1], [np.nan], [0]])


def test_unknown_levels_are_missing_and_said_to_be() -> None:
    values = pd.DataFrame({"income": ["low", "hgih", None]})
    with pytest.warns(SegmlWarning, match="unknown levels") as caught:
        found = as_ranks(values, ["low", "high"])
    np.testing.assert_array_equal(found, [[0], [np.nan], [np.nan]])
    problem = caught[0].message.problem
    assert (problem.where, problem.got) == ("column income", "hgih")


def encode(values, **parameters):
    encoder = LevelEncoder(**parameters).set_output(transform="pandas")
    return encoder, encoder.fit_transform(pd.DataFrame({"x": values}))


def test_levels_against_counting() -> None:
    rng = np.random.default_rng(0)
    values = rng.choice(list("abcdefgh"), 500, p=np.array([40, 30, 15, 10, 2, 1, 1, 1]) / 100)
    _, found = encode(values, min_share=0.05)
    shares = {level: np.mean(values == level) for level in "abcdefgh"}
    common = [level for level, share in shares.items() if share >= 0.05]
    assert found.columns.tolist() == [f"x: {level}" for level in [*common, "other"]]
    for level in common:
        np.testing.assert_array_equal(found[f"x: {level}"], values == level)
    np.testing.assert_array_equal(found["x: other"], ~np.isin(values, common))


def test_a_level_at_the_least_share_stays() -> None:
    encoder, _ = encode(["a"] * 8 + ["b"] * 2, min_share=0.2)
    assert encoder.levels_ == [["a", "b"]]


def test_nothing_is_folded_where_nothing_is_rare() -> None:
    encoder, _ = encode(["b", "a", "c"], min_share=0.0)
    assert encoder.levels_ == [["a", "b", "c"]]


def test_a_level_called_other_is_the_other_levels() -> None:
    encoder, found = encode(["a"] * 5 + ["other"] * 4 + ["z"], min_share=0.2)
    assert encoder.levels_ == [["a", "other"]]
    assert found["x: other"].tolist() == [0] * 5 + [1] * 5


def test_missing_is_a_level() -> None:
    encoder, found = encode(["a", None, np.nan, pd.NA, "unknown"], min_share=0.0)
    assert encoder.levels_ == [["a", "unknown"]]
    assert found["x: unknown"].tolist() == [0, 1, 1, 1, 1]
    encoder, _ = encode(["a", None], missing="not applicable")
    assert encoder.levels_ == [["a", "not applicable"]]


@pytest.mark.parametrize(("rows", "expected"), [(["a"] * 9 + ["z"], [0, 1]), (["a", "b"], [0, 0])])
def test_unseen_levels(rows, expected) -> None:
    encoder, _ = encode(rows, min_share=0.2)
    found = encoder.transform(pd.DataFrame({"x": ["new", None]}))
    assert found.to_numpy().tolist() == [expected, expected]


def test_codes_are_the_same_beside_missing_values() -> None:
    encoder, _ = encode([3, 5, 3])
    found = encoder.transform(pd.DataFrame({"x": [3.0, np.nan, 5.0]}))
    assert found.columns.tolist() == ["x: 3", "x: 5"]
    assert found.to_numpy().tolist() == [[1, 0], [0, 0], [0, 1]]


def test_truth_values_are_named() -> None:
    assert encode([True, False])[0].levels_ == [["no", "yes"]]


def test_two_columns() -> None:
    frame = pd.DataFrame({"x": ["a", "b"], "y": [1, 1]})
    encoder = LevelEncoder().fit(frame)
    assert encoder.get_feature_names_out().tolist() == ["x: a", "x: b", "y: 1"]
    assert encoder.transform(frame).tolist() == [[1, 0, 1], [0, 1, 1]]


def test_an_infinite_level() -> None:
    with pytest.raises(DataError, match="infinite"):
        encode([1.0, np.inf])


def test_nothing_known() -> None:
    with pytest.raises(NotEnoughDataError, match="every value is missing") as caught:
        encode([None, None])
    assert caught.value.problem.where == "column x"


def test_every_level_is_rare() -> None:
    with pytest.warns(SegmlWarning, match="every level is rare"):
        _, found = encode([str(j) for j in range(30)], min_share=0.1)
    assert found.columns.tolist() == ["x: other"]
