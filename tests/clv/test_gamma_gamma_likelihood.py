import mpmath as mp
import numpy as np
import pytest

from segml.clv._gamma_gamma_likelihood import GammaGammaLikelihood

POINTS = [(6.25, 3.74, 15.4), (0.3, 0.8, 900.0), (40.0, 12.0, 0.02)]


@pytest.mark.parametrize("at", POINTS)
def test_derivatives_against_finite_differences(at):
    rng = np.random.default_rng(1)
    x, m = rng.integers(1, 9, 60).astype(float), rng.gamma(2, 20, 60)
    likelihood = GammaGammaLikelihood(x, m, rng.integers(1, 5, 60) / 2)
    at = np.array(at)
    _, gradient, hessian = likelihood(at)
    for j in range(3):
        move = np.zeros(3)
        move[j] = 1e-6 * at[j]
        above, below = likelihood(at + move), likelihood(at - move)
        assert gradient[j] == pytest.approx((above[0] - below[0]) / (2 * move[j]), rel=1e-6)
        slope = (above[1] - below[1]) / (2 * move[j])
        np.testing.assert_allclose(hessian[j], slope, rtol=1e-6, atol=1e-6 * np.abs(slope).max())


@pytest.mark.parametrize("at", POINTS)
@pytest.mark.parametrize(("x", "m"), [(1, 35.0), (1, 1e-6), (26, 1e7), (2000, 3.0)])
def test_value_against_mpmath(at, x, m):
    with mp.workdps(50):
        p, q, v, m_ = map(mp.mpf, (*at, m))
        density = (
            mp.gamma(p * x + q) / (mp.gamma(p * x) * mp.gamma(q))
            * v**q * m_ ** (p * x - 1) * x ** (p * x) / (v + m_ * x) ** (p * x + q)
        )  # fmt: skip
        exact = float(mp.log(density))
    one = GammaGammaLikelihood(np.array([float(x)]), np.array([m]), np.ones(1))
    assert one(np.array(at))[0] == pytest.approx(exact, rel=1e-10)
