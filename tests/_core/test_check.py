import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segml._core.check import nearest, number, one_of
from segml._core.errors import ParameterError


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("frequenzy", "frequency"),
        ("FREQUENCY", "frequency"),
        ("recenci", "recency"),
        ("zzz", None),
        ("", None),
        (7, None),
    ],
)
def test_nearest(value: object, found: str | None) -> None:
    assert nearest(value, ["frequency", "recency"]) == found


def test_nearest_returns_the_choice_as_it_is_spelt() -> None:
    assert nearest("customer id", ["Customer-ID"]) == "Customer-ID"


def test_nearest_of_nothing() -> None:
    assert nearest("a", []) is None


def test_one_of_returns_the_value() -> None:
    assert one_of("D", ("D", "W"), "period") == "D"


def test_one_of_says_what_is_allowed_and_what_is_near() -> None:
    with pytest.raises(ParameterError) as caught:
        one_of("monthly", iter(["daily", "Monthly"]), "period")
    problem = caught.value.problem
    assert problem.what == "unknown value for period"
    assert problem.where == "period"
    assert problem.got == "monthly"
    assert problem.expected == "one of daily, Monthly"
    assert problem.nearest == "Monthly"


def test_one_of_without_a_near_choice() -> None:
    with pytest.raises(ParameterError) as caught:
        one_of(None, ["a"], "x")
    assert caught.value.problem.nearest is None


@pytest.mark.parametrize("value", [3, 3.0, np.int64(3), np.float64(3)])
def test_whole_numbers_become_int(value: object) -> None:
    assert number(value, "n", low=1, whole=True) == 3
    assert type(number(value, "n", whole=True)) is int
    assert type(number(value, "n")) is float


@pytest.mark.parametrize(
    "value", [True, "3", None, math.nan, math.inf, -math.inf, 3.5, 0, 11, [3], np.nan]
)
def test_what_is_not_a_whole_number_within_bounds(value: object) -> None:
    with pytest.raises(ParameterError) as caught:
        number(value, "n_segments", low=1, high=10, whole=True)
    problem = caught.value.problem
    assert problem.what == "n_segments is out of range"
    assert problem.where == "n_segments"
    assert problem.expected == "a whole number of at least 1 and of at most 10"


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({}, "a finite number"),
        ({"low": 0, "open_low": True}, "a finite number greater than 0"),
        ({"high": 1}, "a finite number of at most 1"),
    ],
)
def test_expected_says_the_bounds(bounds: dict, expected: str) -> None:
    with pytest.raises(ParameterError) as caught:
        number("x", "p", **bounds)
    assert caught.value.problem.expected == expected


def test_an_open_bound_excludes_itself() -> None:
    assert number(1e-9, "p", low=0, open_low=True) == 1e-9
    with pytest.raises(ParameterError):
        number(0, "p", low=0, open_low=True)
    assert number(0, "p", low=0) == 0


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_finite_numbers_pass_unchanged(value: float) -> None:
    assert number(value, "x") == value
