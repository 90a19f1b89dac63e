import numpy as np
import pytest

from segml._core.errors import ConvergenceError
from segml.clv._fit import maximise, numeric_hessian


def gamma_sample(seed=3, n=400):
    from scipy.special import digamma, gammaln, polygamma

    data = np.random.default_rng(seed).gamma(2.5, 1 / 0.03, n)
    logs, total = np.log(data).sum(), data.sum()

    def function(parameters):
        k, rate = parameters
        value = n * (k * np.log(rate) - gammaln(k)) + (k - 1) * logs - rate * total
        gradient = np.array([n * (np.log(rate) - digamma(k)) + logs, n * k / rate - total])
        hessian = n * np.array([[-polygamma(1, k), 1 / rate], [1 / rate, -k / rate**2]])
        return value, gradient, hessian

    return function, data


def test_gamma_sample_against_scipy():
    from scipy import stats

    function, data = gamma_sample()
    found = maximise(function, [[1.0, 0.01], [20.0, 5.0]], ["k", "rate"])
    k, _, scale = stats.gamma.fit(data, floc=0)
    np.testing.assert_allclose(found.parameters, [k, 1 / scale], rtol=1e-5)
    assert np.abs(found.gradient).max() < 1e-9 * len(data)
    _, _, hessian = function(found.parameters)
    np.testing.assert_allclose(found.covariance, np.linalg.inv(-hessian), rtol=1e-9)


def test_starts_do_not_matter():
    function, _ = gamma_sample()
    a = maximise(function, [[1e-2, 1e2]], ["k", "rate"])
    b = maximise(function, [[1e3, 1.0]], ["k", "rate"])
    np.testing.assert_allclose(a.parameters, b.parameters, rtol=1e-10)


def test_highest_of_two_optima_is_taken():
    def two(parameters):
        u = np.log(parameters[0])
        value = -((u**2 - 4) ** 2) + u
        by_u = -4 * u * (u**2 - 4) + 1
        by_uu = -12 * u**2 + 16
        p = parameters[0]
        return value, np.array([by_u / p]), np.array([[(by_uu - by_u) / p**2]])

    for starts in ([[0.1], [8.0]], [[8.0], [0.1]]):
        found = maximise(two, starts, ["p"])
        assert np.log(found.parameters[0]) == pytest.approx(2.03, abs=0.01)


def test_numeric_hessian():
    function, _ = gamma_sample()
    at = np.array([2.0, 0.02])
    numeric = numeric_hessian(lambda p: function(p)[:2])(at)
    np.testing.assert_allclose(numeric[2], function(at)[2], rtol=1e-8)


@pytest.mark.parametrize(("sign", "where"), [(1, "infinity"), (-1, "zero")])
def test_run_off_names_the_parameter_and_the_end(sign, where):
    def rising(parameters):
        k = parameters[0] ** sign
        value = -1000 / (1 + k)
        by_k, by_kk = 1000 / (1 + k) ** 2, -2000 / (1 + k) ** 3
        slope = sign * parameters[0] ** (sign - 1)
        bend = 0.0 if sign == 1 else 2 / parameters[0] ** 3
        return value, np.array([by_k * slope]), np.array([[by_kk * slope**2 + by_k * bend]])

    with pytest.raises(ConvergenceError) as caught:
        maximise(rising, [[1.0], [2.0]], ["shape"])
    assert caught.value.problem.where == f"shape to {where}"
    assert caught.value.problem.hint


def test_flat_likelihood():
    def flat(parameters):
        return -1.0, np.zeros(2), np.zeros((2, 2))

    with pytest.raises(ConvergenceError, match="the likelihood is flat"):
        maximise(flat, [[1.0, 1.0]], ["a", "b"])


def test_not_a_number_is_not_an_optimum():
    def broken(parameters):
        return np.nan, np.full(1, np.nan), np.full((1, 1), np.nan)

    with pytest.raises(ConvergenceError, match="no optimum of the likelihood was reached"):
        maximise(broken, [[1.0]], ["a"])


def test_gradient_that_points_the_wrong_way_is_not_followed():
    def lying(parameters):
        u = np.log(parameters)
        return -float(u @ u), 2 * u / parameters, -4 * np.eye(1) / parameters**2

    with pytest.raises(ConvergenceError, match="no optimum of the likelihood was reached"):
        maximise(lying, [[2.0]], ["a"])
