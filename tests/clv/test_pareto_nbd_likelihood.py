import mpmath as mp
import numpy as np
import pytest

from segml.clv._covariates import Effect
from segml.clv._pareto_nbd_likelihood import ParetoNBDLikelihood, log_odds_left
from segml.clv._rfm import HISTORY

from .pareto_nbd_reference import exact_past, simulate

POINTS = [
    (0.55, 10.6, 0.61, 11.7),
    (3.0, 0.7, 1.0, 0.7),
    (0.05, 30.0, 4.0, 0.02),
    (12.0, 2.0, 0.01, 2000.0),
]
HISTORIES = [
    (0, 0, 0), (0, 0, 39), (0, 0, 1e5), (1, 39, 39), (1, 0.001, 0.01), (26, 30.857, 31),
    (300, 38, 39), (700, 1, 365), (2000, 38, 38.86), (2000, 730, 730),
]  # fmt: skip


def one(history, **covariates):
    values = dict(zip(HISTORY, history, strict=True)) | covariates
    return {name: np.array([value], dtype=float) for name, value in values.items()}


@pytest.fixture(scope="module")
def columns():
    rfm = simulate(0.5, 10, 0.6, 12, np.random.default_rng(5).integers(0, 40, 300) / 1.0, 5)
    columns = {name: np.array(rfm[name], dtype=float) for name in HISTORY}
    columns["recency"][:20] = np.where(columns["frequency"][:20] > 0, columns["T"][:20], 0)
    return columns


@pytest.fixture(scope="module")
def weights():
    return np.random.default_rng(6).integers(1, 5, 300) / 2


@pytest.mark.parametrize("at", POINTS)
@pytest.mark.parametrize("history", HISTORIES)
def test_value_against_mpmath(at, history):
    expected = exact_past(at, history)[0]
    got = ParetoNBDLikelihood(one(history), np.ones(1))(np.array(at))[0]
    assert got == pytest.approx(float(expected), rel=1e-12, abs=1e-11)


def test_odds_against_mpmath():
    for at in POINTS[:2]:
        for history in HISTORIES:
            x, t_x, T = (np.array([value], dtype=float) for value in history)
            with mp.workdps(60):
                alive = exact_past(at, history)[1]
                expected = float(mp.log(1 / alive - 1)) if alive < 1 else -np.inf
            r, alpha, s, beta = at
            got = log_odds_left(x, t_x, T, r, np.array([alpha]), s, np.array([beta]))[0]
            assert got == pytest.approx(expected, rel=1e-13, abs=1e-13), (at, history)


@pytest.mark.parametrize("at", POINTS)
def test_derivatives_against_finite_differences(columns, weights, at):
    check_derivatives(ParetoNBDLikelihood(columns, weights), np.array(at))


@pytest.mark.parametrize("history", [(26, 30.857, 31), (2000, 38, 38.86), (0, 0, 39)])
@pytest.mark.parametrize("at", [POINTS[0], POINTS[2]])
def test_derivatives_against_mpmath(at, history):
    _, gradient, hessian = ParetoNBDLikelihood(one(history), np.ones(1))(np.array(at))
    h = mp.mpf(10) ** -20

    def value(moves):
        moved = [mp.mpf(p) * (1 + m) for p, m in zip(at, moves, strict=True)]
        return exact_past(moved, history, 90)[0]

    with mp.workdps(90):
        for j in range(4):
            up, down = ([h * way * (i == j) for i in range(4)] for way in (1, -1))
            above, here, below = (value(moves) for moves in (up, [0] * 4, down))
            slope = (above - below) / (2 * h * mp.mpf(at[j]))
            bend = (above - 2 * here + below) / (h * mp.mpf(at[j])) ** 2
            assert gradient[j] == pytest.approx(float(slope), rel=1e-11, abs=1e-12 / at[j])
            assert hessian[j, j] == pytest.approx(float(bend), rel=1e-11, abs=1e-12 / at[j] ** 2)


def test_derivatives_with_covariates(columns, weights):
    columns = columns | {"z": np.random.default_rng(7).normal(size=300)}
    effects = [Effect("purchase[z]", "z", 1, -1.0), Effect("dropout[z]", "z", 3, -1.0)]
    likelihood = ParetoNBDLikelihood(columns, weights, effects)
    check_derivatives(likelihood, np.array([0.55, 10.6, 0.61, 11.7, 0.3, -0.6]))


def test_covariates_move_alpha_and_beta():
    effects = [Effect("purchase[z]", "z", 1, -1.0), Effect("dropout[y]", "y", 3, -1.0)]
    row = one((2, 30, 39), z=2.0, y=-1.0)
    got = ParetoNBDLikelihood(row, np.ones(1), effects)(np.array([0.5, 9, 0.6, 12, 0.4, 0.7]))[0]
    moved = np.array([0.5, 9 * np.exp(-0.8), 0.6, 12 * np.exp(0.7)])
    assert got == pytest.approx(ParetoNBDLikelihood(row, np.ones(1))(moved)[0], rel=1e-13)


def test_parts_agree(columns, weights, monkeypatch):
    at = np.array(POINTS[0])
    whole = ParetoNBDLikelihood(columns, weights)(at)
    monkeypatch.setattr("segml.clv._pareto_nbd_likelihood._ROWS", 7)
    monkeypatch.setattr("segml.clv._pareto_quadrature._BLOCK", 50)
    for part, expected in zip(ParetoNBDLikelihood(columns, weights)(at), whole, strict=True):
        np.testing.assert_allclose(part, expected, rtol=1e-10)


def test_nobody_was_silent():
    row = one((3, 39, 39))
    value, gradient, hessian = ParetoNBDLikelihood(row, np.ones(1))(np.array(POINTS[0]))
    assert np.isfinite([value, *gradient, *hessian.ravel()]).all()


def test_against_lifetimes(cdnow, lifetimes):
    at = np.array(POINTS[0])
    some = cdnow[cdnow["T"] > cdnow["recency"]]  # theirs takes the logarithm of 0 for the others
    columns = {name: some[name].to_numpy(dtype=float) for name in HISTORY}
    theirs = lifetimes.ParetoNBDFitter._conditional_log_likelihood(at, *columns.values())
    ours = ParetoNBDLikelihood(columns, np.ones(len(some)))(at)[0]
    assert ours == pytest.approx(theirs.sum(), rel=1e-12)


def check_derivatives(likelihood, at):
    _, gradient, hessian = likelihood(at)
    for j in range(len(at)):
        move = np.zeros(len(at))
        move[j] = 1e-6 * at[j]
        above, below = likelihood(at + move), likelihood(at - move)
        slope = (above[0] - below[0]) / (2 * move[j])
        assert gradient[j] == pytest.approx(slope, rel=1e-5)
        bend = (above[1] - below[1]) / (2 * move[j])
        np.testing.assert_allclose(hessian[j], bend, rtol=1e-5, atol=1e-7 * np.abs(bend).max())
