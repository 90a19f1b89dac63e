import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segml.clv._pareto_quadrature import integral, node_blocks, scale_and_reach

GRID = [
    # p, A, q, B, end, delta
    (0.001, 0.001, 1.001, 1e4, 1e4, 0.0),
    (0.5, 50, 1.6, 11.7, 39, 0.0),
    (26, 1, 1.001, 11.7, 1.0, 0.001),
    (2000, 50, 40, 0.01, 1e4, 0.0),
    (2000, 1, 1.001, 1e4, 1e-6, 1.0),
    (1, 1, 1, 1, 1e-9, 0.0),
    (0.02, 3, 0.02, 400, 1e6, 1e-7),
    (0, 1, 30, 0.01, 1e4, 1e-3),
]


def one(*values):
    return [np.array([value], dtype=float) for value in values]


@pytest.mark.parametrize(("p", "A", "q", "B", "end", "delta"), GRID)
def test_against_mpmath(p, A, q, B, end, delta):
    with mp.workdps(30):
        c = 1 / (mp.mpf(delta) + (p + 1) / mp.mpf(A) + (q + 1) / mp.mpf(B))
        length = mp.log1p(end / c)

        def f(w):
            y = c * mp.expm1(w)
            return (y + c) * mp.exp(-delta * y) * (1 + y / A) ** -p * (1 + y / B) ** -q

        n = 2 * int(length) + 2
        exact = mp.quad(f, [length * i / n for i in range(n + 1)])
    assert integral(*one(p, A, q, B, end), delta)[0] == pytest.approx(float(exact), rel=1e-14)


def test_infinite_end():
    small = integral(*one(0, 1, 0.1, 7, np.inf), 0.2)[0]
    with mp.workdps(30):
        exact = 7 * mp.hyperu(1, mp.mpf(2) - mp.mpf(0.1), mp.mpf(0.2) * 7)
    assert small == pytest.approx(float(exact), rel=1e-13)


@given(st.floats(1e-3, 1e4), st.floats(1e-3, 1e4), st.floats(1, 1e3), st.floats(1e-3, 1e4),
       st.just(0.0) | st.floats(1e-9, 1e9), st.just(0.0) | st.floats(1e-9, 1))  # fmt: skip
def test_bounds(p, A, q, B, end, delta):
    value = integral(*one(p, A, q, B, end), delta)[0]
    assert 0 <= value <= end * (1 + 1e-13)
    assert value <= integral(*one(p, A, q, B, 2 * end), delta)[0] * (1 + 1e-13)


def test_every_row_comes_once_and_blocks_are_small():
    rng = np.random.default_rng(0)
    n = 30_000
    A, B, end = rng.gamma(2, 10, n), rng.gamma(2, 10, n), np.r_[0.0, rng.gamma(0.2, 1e3, n - 1)]
    rows = []
    for some, y, weight in node_blocks(*scale_and_reach(np.full(n, 3.0), A, A * 0 + 2, B, end)):
        rows.append(some)
        assert y.shape == weight.shape
        assert y.size <= 50_000
        assert (y <= end[some, None] * (1 + 1e-12)).all()
    np.testing.assert_array_equal(np.sort(np.concatenate(rows)), np.arange(n))


def test_no_rows():
    empty = np.empty(0)
    assert integral(empty, empty, empty, empty, empty).shape == (0,)
