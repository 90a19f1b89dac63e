import numpy as np
import pytest

from segml.clv._root import roots


def falling(rate):
    return lambda which, t: np.exp(-rate[which] * np.exp(t))


def test_many_scales_at_once():
    rate = np.geomspace(1e-60, 1e60, 241)
    ends = np.full(rate.size, 200.0)
    np.testing.assert_allclose(
        np.exp(roots(falling(rate), -ends, ends, 0.5)), np.log(2) / rate, rtol=1e-10
    )


def test_a_level_that_is_not_reached():
    floor = np.array([0.0, 0.4999, 0.5, 0.6])
    found = roots(
        lambda which, t: floor[which] + (1 - floor[which]) * np.exp(-t),
        np.zeros(4), np.full(4, 100.0), 0.5,
    )  # fmt: skip
    np.testing.assert_allclose(found[:2], np.log((1 - floor[:2]) / (0.5 - floor[:2])), rtol=1e-11)
    assert np.isnan(found[2:]).all()


def test_a_step_is_found_where_it_is():
    found = roots(lambda _, t: np.where(t < 3, 0.9, 0.2), np.zeros(1), np.full(1, 8.0), 0.5)
    assert found[0] == pytest.approx(3, abs=1e-11)


def test_few_evaluations():
    calls = []

    def function(which, t):
        calls.append(len(which))
        return falling(np.ones(1))(which, t)

    ends = np.full(1, 200.0)
    roots(function, -ends, ends, 0.5)
    assert len(calls) < 25


def test_nothing_to_solve():
    assert len(roots(lambda _, t: t, np.zeros(0), np.zeros(0), 0.5)) == 0
