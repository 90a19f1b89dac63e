import mpmath as mp
import numpy as np
import pytest

from segml.clv._beta_geo_likelihood import BetaGeoLikelihood

from .simulation import simulate_history

POINTS = [(0.24, 4.4, 0.79, 2.4), (3.0, 0.7, 1.0, 0.4), (0.05, 30.0, 4.0, 9.0), (12.0, 9, 0.02, 20)]


@pytest.fixture(scope="module")
def likelihood():
    rfm = simulate_history(0.4, 4, 0.8, 2, np.random.default_rng(5).integers(0, 40, 300) / 1.0, 5)
    columns = (rfm[name].to_numpy() for name in ("frequency", "recency", "T"))
    return BetaGeoLikelihood(*columns, np.random.default_rng(6).integers(1, 5, 300) / 2)


@pytest.mark.parametrize("at", POINTS)
def test_derivatives_against_finite_differences(likelihood, at):
    at = np.array(at, dtype=float)
    _, gradient, hessian = likelihood(at)
    step = 1e-6
    for j in range(4):
        move = np.zeros(4)
        move[j] = step * at[j]
        above, below = likelihood(at + move), likelihood(at - move)
        assert gradient[j] == pytest.approx((above[0] - below[0]) / (2 * move[j]), rel=1e-6)
        slope = (above[1] - below[1]) / (2 * move[j])
        np.testing.assert_allclose(hessian[j], slope, rtol=1e-6, atol=1e-6 * np.abs(slope).max())


@pytest.mark.parametrize("at", POINTS)
@pytest.mark.parametrize(
    "history", [(0, 0, 0), (0, 0, 39), (1, 20, 39), (7, 39, 39), (300, 38, 39), (2000, 1, 39)]
)
def test_value_against_mpmath(at, history):
    x, t_x, T = history
    with mp.workdps(50):
        r, alpha, a, b = map(mp.mpf, at)
        stays = mp.beta(a, b + x) / mp.beta(a, b) * (alpha + T) ** -(r + x)
        leaves = mp.beta(a + 1, b + x - 1) / mp.beta(a, b) * (alpha + t_x) ** -(r + x) if x else 0
        exact = mp.log(mp.rf(r, x) * alpha**r * (stays + leaves))
    one = BetaGeoLikelihood(*np.array([[x], [t_x], [T]], dtype=float), np.ones(1))
    assert one(np.array(at, dtype=float))[0] == pytest.approx(float(exact), rel=1e-11, abs=1e-12)


def test_against_lifetimes(likelihood, lifetimes):
    at = np.array(POINTS[0])
    rfm = simulate_history(0.4, 4, 0.8, 2, np.full(200, 39.0), 8)
    x, t_x, T = (rfm[name].to_numpy() for name in ("frequency", "recency", "T"))
    theirs = -lifetimes.BetaGeoFitter._negative_log_likelihood(
        np.log(at), x, t_x, T, np.ones(200), 0
    )
    assert BetaGeoLikelihood(x, t_x, T, np.ones(200))(at)[0] == pytest.approx(
        200 * theirs, rel=1e-12
    )
