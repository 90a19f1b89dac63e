"""The closed forms of the Pareto/NBD model in mpmath, and customers drawn from it."""

import mpmath as mp
import numpy as np
import pandas as pd


def _rest(tau, R, alpha, s, beta):
    """s times the integral of (alpha + u)^-R (beta + u)^-(s + 1) over u from tau to infinity.

    Equations 20 and 22 of Fader & Hardie (2005), "A note on deriving the Pareto/NBD model".
    """
    n = R + s
    if alpha >= beta:
        z = (alpha - beta) / (alpha + tau)
        return s / n * mp.hyp2f1(n, s + 1, n + 1, z, maxterms=10**6) * (alpha + tau) ** -n
    z = (beta - alpha) / (beta + tau)
    return s / n * mp.hyp2f1(n, R, n + 1, z, maxterms=10**6) * (beta + tau) ** -n


def exact_past(parameters, history, digits=60):
    """Log-likelihood and P(alive) of one customer."""
    with mp.workdps(digits):
        r, alpha, s, beta = map(mp.mpf, parameters)
        x, t_x, T = map(mp.mpf, history)
        stays = (alpha + T) ** -(r + x) * (beta + T) ** -s
        leaves = _rest(t_x, r + x, alpha, s, beta) - _rest(T, r + x, alpha, s, beta)
        value = mp.log(mp.rf(r, x) * alpha**r * beta**s * (stays + leaves))
        return value, stays / (stays + leaves)


def exact_future(parameters, history, t, delta, digits=60):
    """Purchases in (T, T + t], those discounted to infinity, and P(no purchase in (T, T + t])."""
    alive = exact_past(parameters, history, digits)[1]
    with mp.workdps(digits):
        r, alpha, s, beta = map(mp.mpf, parameters)
        x, _, T, t, delta = map(mp.mpf, (*history, t, delta))
        R, A, B = r + x, alpha + T, beta + T
        lives = B / (s - 1) * (1 - (B / (B + t)) ** (s - 1)) if s != 1 else B * mp.log1p(t / B)
        # Fader, Hardie & Lee (2005), "RFM and CLV", equation 2
        discounted = delta ** (s - 1) * B**s * mp.hyperu(s, s, delta * B)
        unseen = A**R * B**s * (_rest(mp.mpf(0), R, A, s, B) - _rest(t, R, A, s, B))
        unseen += (A / (A + t)) ** R * (B / (B + t)) ** s
        return (
            alive * R / A * lives,
            alive * R / A * discounted,
            1 - alive + alive * unseen,
        )


def exact_count_probability(parameters, n, t, digits):
    """P(X(t) = n), tau^n written as a sum of powers of alpha + tau, whose terms cancel."""
    with mp.workdps(digits):
        r, alpha, s, beta, t = map(mp.mpf, (*parameters, t))
        total = t**n * (alpha + t) ** -(r + n) * (beta + t) ** -s
        for k in range(n + 1):
            rest = [_rest(tau, r + k, alpha, s, beta) for tau in (mp.mpf(0), t)]
            total += mp.binomial(n, k) * (-alpha) ** k * (rest[0] - rest[1])
        return mp.rf(r, n) / mp.factorial(n) * alpha**r * beta**s * total


def simulate(r, alpha, s, beta, T, seed, future=0.0):
    """Draw histories of len(T) customers, and their purchases in the time `future` after T."""
    rng = np.random.default_rng(seed)
    n = len(T)
    rate, leave = (
        rng.gamma(r, 1 / np.broadcast_to(alpha, n)),
        rng.gamma(s, 1 / np.broadcast_to(beta, n)),
    )
    life = rng.exponential(1 / leave)
    seen = np.minimum(life, T)
    x = rng.poisson(rate * seen)
    t_x = np.where(x > 0, seen * rng.beta(np.maximum(x, 1), 1), 0.0)  # the latest of x
    later = rng.poisson(rate * np.clip(life - T, 0, future))
    index = pd.Index([f"c{i}" for i in range(n)], name="customer_id")
    return pd.DataFrame({"frequency": x, "recency": t_x, "T": T, "later": later}, index=index)
