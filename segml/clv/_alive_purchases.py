r"""Purchases expected from a BG/NBD customer who is alive now, discounted or not.

Alive after x purchases in T, a customer's purchase rate is Gamma(R, A) with
R = r + x and A = alpha + T, and the chance to leave after a purchase is
Beta(a, B) with B = b + x.  Given that chance p, purchases come at the rate

.. math:: E[\lambda e^{-\lambda p s}] = \frac{R}{A}\left(1 + \frac{p s}{A}\right)^{-(R+1)}

after a further time s.  The usual closed form of the integral over p and s
(Fader, Hardie & Lee 2005, equation 10) divides by a - 1, takes the difference of
two numbers that agree in many digits when s is small, and needs 2F1 where it
overflows.  Here the integral over p is taken as it stands: all terms are
positive, nothing cancels, and no parameter is special.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from ._unique import Floats, unique_rows

_CUT = 50.0  # the weight left out at either end is of the order exp(-50)
_STEP = 0.2  # between nodes, in standard deviations of logit(p) at most
_PANEL = 1.5  # length of a panel in log time
_GAUSS_NODES, _GAUSS_WEIGHTS = np.polynomial.legendre.leggauss(16)
_TINY = 1e-100
_BLOCK = 2_000_000  # numbers held at a time


def alive_purchases(
    R: Floats, A: Floats, a: float | Floats, B: Floats, t: float | Floats, delta: float = 0.0
) -> Floats:
    r"""Return purchases expected in the next t of customers who are alive, discounted at delta.

    .. math:: \int_0^t e^{-\delta s} \frac{R}{A}
        {}_2F_1\left(R + 1, a; a + B; -\frac{s}{A}\right) ds

    Parameters
    ----------
    R, A : ndarray of shape (m,)
        Shape and rate of the gamma distribution of the purchase rate.
    a : float or ndarray of shape (m,)
        First parameter of the beta distribution of the chance to leave.
    B : ndarray of shape (m,)
        Second parameter of it.
    t : float or ndarray of shape (m,)
        Length of time, at least 0; it may be infinite where delta is greater than 0.
    delta : float
        Continuous discount rate, at least 0.

    Returns
    -------
    ndarray of shape (m,)

    Examples
    --------
    >>> one = np.array([1.0])
    >>> float(alive_purchases(0.11 * one, 3.24 * one, 0.31, 0.5 * one, 30.0)[0].round(12))
    0.564588615533
    """
    a = np.broadcast_to(np.asarray(a, dtype=float), R.shape)
    kappa = delta * A
    reach = np.broadcast_to(_reach(t / A, kappa), R.shape)
    kinds = unique_rows([a, B])
    order = np.argsort(kinds.inverse, kind="stable")  # rows that share nodes stand together
    knee = float(np.log1p(np.max(R * reach / B)))
    n_nodes, n_times = _n_nodes(a, B, knee), 1
    if delta > 0:
        n_times = len(_GAUSS_NODES) * _n_panels(R, reach, a, B, kappa)
    rows = max(1, _BLOCK // (n_nodes * n_times))
    expected = np.empty_like(R)
    for begin in range(0, len(R), rows):
        block = order[begin : begin + rows]
        some, kind = np.unique(kinds.inverse[block], return_inverse=True)
        one = kinds.first[some]
        w, weight = beta_nodes(a[one], B[one], knee, n_nodes)
        p = expit(w)[kind]
        if delta > 0:
            k = _time_scale(R[block], a[block], B[block], kappa[block])
            value = _discounted(p, R[block], reach[block], k, kappa[block], n_times)
        else:
            value = _undiscounted(p, R[block], reach[block])
        expected[block] = (weight[kind] * value).sum(axis=1)
    return expected


def _undiscounted(p: Floats, R: Floats, z: Floats) -> Floats:
    """Return (1 - (1 + p z)^-R) / p, which is R z at p = 0."""
    pz = p * z[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        value = -np.expm1(-R[:, None] * np.log1p(pz)) / p
    return np.where(pz > _TINY, value, (R * z)[:, None])


def _discounted(
    p: Floats, R: Floats, reach: Floats, k: Floats, kappa: Floats, n_times: int
) -> Floats:
    """Integrate e^(-kappa y) R (1 + p y)^-(R + 1) over y up to reach, in u = ln(1 + k y)."""
    n_panels = n_times // len(_GAUSS_NODES)
    fractions = ((_GAUSS_NODES + 1) / 2 + np.arange(n_panels)[:, None]).ravel() / n_panels
    shares = np.tile(_GAUSS_WEIGHTS / 2, n_panels) / n_panels
    length = np.log1p(k * reach)
    y = np.expm1(length[:, None] * fractions) / k[:, None]
    width = length[:, None] * shares * (y + 1 / k[:, None])
    now = width * R[:, None] * np.exp(-kappa[:, None] * y)
    decay = np.exp(-(R + 1)[:, None, None] * np.log1p(p[:, :, None] * y[:, None, :]))
    return np.einsum("ijk,ik->ij", decay, now)


def _time_scale(R: Floats, a: Floats, B: Floats, kappa: Floats) -> Floats:
    return 1 + kappa + (R + 1) * a / (a + B)


def _reach(z: Floats, kappa: Floats) -> Floats:
    """Return where to end: the discount has left nothing after e^-50."""
    return np.minimum(z, _CUT / np.maximum(kappa, _TINY))


def _n_panels(R: Floats, reach: Floats, a: Floats, B: Floats, kappa: Floats) -> int:
    length = np.log1p(_time_scale(R, a, B, kappa) * reach)
    return max(1, int(np.ceil(length.max() / _PANEL)))


def _n_nodes(a: Floats, B: Floats, knee: float) -> int:
    _, width, scale, left, right = _span(a, B, knee)
    step = _STEP * width / np.hypot(scale, knee)
    return int(np.ceil(((left + right) / step).max())) + 1


def beta_nodes(
    a: Floats, B: Floats, knee: float, n_nodes: int | None = None
) -> tuple[Floats, Floats]:
    """Return nodes logit(p) and weights of the mean over p from Beta(a, B), for each a and B.

    The trapezoidal rule in v, with logit(p) = centre + scale sinh(v): weights
    fall off doubly exponentially at both ends, where the rule is exact up to
    rounding (Takahasi & Mori 1974).

    Parameters
    ----------
    a, B : ndarray of shape (m,)
    knee : float
        How far left of the centre, in logit(p), what is averaged may still change.
    n_nodes : int, optional
        As many as are needed by default.

    Returns
    -------
    logits, weights : ndarray of shape (m, n_nodes)

    Examples
    --------
    >>> logits, weights = beta_nodes(np.array([1.0]), np.array([3.0]), 0.0)
    >>> (weights * expit(logits)).sum().round(12)
    np.float64(0.25)
    """
    n_nodes = n_nodes or _n_nodes(a, B, knee)
    centre, _, scale, left, right = _span(a, B, knee)
    v = -left[:, None] + (left + right)[:, None] * np.linspace(0, 1, n_nodes)
    w = centre[:, None] + scale[:, None] * np.sinh(v)
    log_weight = a[:, None] * w - (a + B)[:, None] * np.logaddexp(0, w) + np.log(np.cosh(v))
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    return w, weight / weight.sum(axis=1, keepdims=True)


def _span(a: Floats, B: Floats, knee: float) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return centre, width and scale in logit(p), and how far v goes left and right."""
    centre = np.log(a / B)
    width = np.minimum(1.0, np.sqrt(1 / a + 1 / B))
    scale = 4 * width
    left = np.arcsinh((_CUT / a + 10 * width + np.maximum(0, centre) + knee) / scale)
    right = np.arcsinh((_CUT / B + 10 * width + np.maximum(0, -centre)) / scale)
    return centre, width, scale, left, right
