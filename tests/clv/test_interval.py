import numpy as np
import pytest

from segml._core.errors import ParameterError
from segml.clv._interval import interval


def test_positive_is_symmetric_in_the_logarithm():
    low, high = interval(np.array([3.0]), np.array([0.6]), "positive", 0.95)
    np.testing.assert_allclose(low * high, 9.0)
    np.testing.assert_allclose(np.log(high / 3), 1.959963984540054 * 0.2)


def test_probability_is_symmetric_in_the_log_odds():
    low, high = interval(np.array([0.9]), np.array([0.1]), "probability", 0.9)
    np.testing.assert_allclose((low / (1 - low)) * (high / (1 - high)), 81.0)
    assert 0 < low[0] < 0.9 < high[0] < 1


@pytest.mark.parametrize("scale", ["positive", "probability"])
def test_no_error_or_the_edge_gives_the_estimate(scale):
    value = np.array([0.0, 0.4, 1.0])
    low, high = interval(value, np.array([0.0, 0.0, 0.0]), scale, 0.95)
    np.testing.assert_array_equal(low, value)
    np.testing.assert_array_equal(high, value)


@pytest.mark.parametrize("level", [0, 1, 95, "high", None, np.nan])
def test_level_out_of_range(level):
    with pytest.raises(ParameterError, match="level is out of range"):
        interval(np.ones(1), np.ones(1), "positive", level)
