import itertools

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segml.clv._alive_purchases import alive_purchases

RTOL = 1e-10


def closed_form(R, a, B, z):
    """Equation 10 of the paper at 60 digits; its poles are passed at a distance of 1e-20."""
    R, a, B, z = map(mp.mpf, (R, a, B, z))
    if a == 1:
        a += mp.mpf(10) ** -20
    if a + B == 1:
        B += mp.mpf(10) ** -20
    w = z / (1 + z)
    inside = (1 - w) ** R * mp.hyp2f1(R, B, a + B - 1, w, maxterms=10**6)
    return float((a + B - 1) / (a - 1) * (1 - inside))


@pytest.mark.parametrize("R", [1e-3, 0.25, 1, 200, 2000])
def test_grid_of_extremes_against_mpmath(R):
    grid = list(
        itertools.product(
            [1e-3, 0.05, 0.8, 1, 1.2, 5, 100],
            [0.01, 0.4, 2.4, 1, 30, 2000],
            [1e-6, 0.1, 0.9] + [30] * (R <= 1),
        )
    )
    if R <= 1:  # mpmath needs minutes where both are large
        grid += [(a, B, 1e4) for a in (1e-3, 0.8, 1, 100) for B in (0.2, 1, 2000)]
    for a, B, z in grid:
        with mp.workdps(60):
            exact = closed_form(R, a, B, z)
        got = alive_purchases(np.array([float(R)]), np.ones(1), a, np.array([float(B)]), z)[0]
        assert got == pytest.approx(exact, rel=RTOL), (R, a, B, z)


@pytest.mark.parametrize(
    ("R", "a", "B", "z", "kappa"),
    [
        (0.25, 0.79, 2.4, 10, 1e-3),
        (0.05, 0.05, 0.1, 100, 1),
        (1, 1, 200, 100, 100),
        (200, 5, 2.4, 1, 0.1),
        (200, 0.05, 200, 100, 1e-3),
        (2000, 0.8, 2002, 1, 0.05),
        (3, 50, 0.1, 30, 0.1),
    ],
)
def test_discounted_against_mpmath(R, a, B, z, kappa):
    with mp.workdps(20):
        end = min(z, 60 / kappa)
        points = [0, *(mp.mpf(end) * mp.mpf(10) ** -j for j in (4, 3, 2, 1)), end]
        exact = mp.quad(
            lambda y: mp.exp(-kappa * y) * R * mp.hyp2f1(R + 1, a, mp.mpf(a) + B, -y), points
        )
    got = alive_purchases(np.array([float(R)]), np.ones(1), a, np.array([float(B)]), z, kappa)[0]
    assert got == pytest.approx(float(exact), rel=RTOL)


def test_tiny_rate_of_discount_is_no_discount():
    R, A, B = np.array([0.3, 40.0]), np.array([5.0, 60.0]), np.array([2.0, 41.0])
    discounted = alive_purchases(R, A, 0.8, B, 52.0, 1e-15)
    np.testing.assert_allclose(discounted, alive_purchases(R, A, 0.8, B, 52.0), rtol=1e-12)


def test_rows_and_times_do_not_mix():
    rng = np.random.default_rng(2)
    R, A, B = rng.gamma(1, 5, 500), rng.gamma(4, 10, 500), rng.integers(1, 9, 500) / 2.0
    t = rng.gamma(1, 50, 500)
    for delta in (0.0, 0.01):
        together = alive_purchases(R, A, 0.8, B, t, delta)
        for i in range(0, 500, 61):
            one = slice(i, i + 1)
            alone = alive_purchases(R[one], A[one], 0.8, B[one], t[one], delta)
            np.testing.assert_allclose(alone, together[one], rtol=1e-11)


def test_blocks_of_rows_agree(monkeypatch):
    R, A, B = np.linspace(0.1, 40, 97), np.linspace(1, 90, 97), np.linspace(0.2, 40, 97)
    whole = alive_purchases(R, A, 0.8, B, 30.0, 0.01)
    monkeypatch.setattr("segml.clv._alive_purchases._BLOCK", 10_000)
    np.testing.assert_allclose(alive_purchases(R, A, 0.8, B, 30.0, 0.01), whole, rtol=1e-12)


@given(
    st.floats(1e-3, 1e4), st.floats(1e-3, 1e3), st.floats(1e-2, 1e2), st.floats(1e-2, 1e4),
    st.just(0.0) | st.floats(1e-6, 1e3), st.just(0.0) | st.floats(1e-9, 1),
)  # fmt: skip
def test_bounds_and_order(R, A, a, B, t, delta):
    def at(time, rate):
        return alive_purchases(np.array([R]), np.array([A]), a, np.array([B]), time, rate)[0]

    value = at(t, delta)
    tolerance = 1 + 1e-9
    assert 0 <= value <= R / A * t * tolerance
    assert value <= at(t, 0.0) * tolerance
    assert value <= at(1.5 * t, delta) * tolerance


@pytest.mark.parametrize(
    ("R", "a", "B", "kappa"), [(0.25, 0.79, 2.4, 0.01), (30, 0.3, 0.5, 2.0), (3, 5, 4, 1e-3)]
)
def test_infinite_horizon_against_mpmath(R, a, B, kappa):
    # over time in closed form, given p: (R / p) e^c c^R Gamma(-R, c) with c = kappa / p
    with mp.workdps(30):

        def given_logit(w):
            p = 1 / (1 + mp.exp(-w))
            c = kappa / p
            inside = R / p * mp.exp(c) * mp.expint(R + 1, c)
            return p**a * (1 - p) ** B * inside

        points = [-80 / a, -40, -20, -10, -5, -2, 0, 2, 5, 10, 40, 80 / B]
        exact = float(mp.quad(given_logit, sorted(points)) / mp.beta(a, B))
    got = alive_purchases(np.array([float(R)]), np.ones(1), a, np.array([float(B)]), np.inf, kappa)
    assert got[0] == pytest.approx(exact, rel=RTOL)


@pytest.mark.parametrize("delta", [0.0, 0.01])
def test_first_parameter_by_row(delta):
    rng = np.random.default_rng(4)
    R, A, B = rng.gamma(1, 5, 40), rng.gamma(4, 10, 40), rng.integers(1, 5, 40) / 2.0
    a = rng.choice([0.3, 1.0, 4.0], 40)
    together = alive_purchases(R, A, a, B, 30.0, delta)
    for i in range(40):
        one = slice(i, i + 1)
        alone = alive_purchases(R[one], A[one], float(a[i]), B[one], 30.0, delta)
        assert alone[0] == pytest.approx(together[i], rel=1e-11)
