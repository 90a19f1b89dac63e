"""Customers of the BG/CNBD-k and MBG/CNBD-k models, drawn purchase by purchase."""

import numpy as np
import pandas as pd


def simulate_regular(r, alpha, a, b, T, k, at_once, seed, future_t=0.0):
    """Draw histories of len(T) customers, and their purchases in (T, T + future_t]."""
    rng = np.random.default_rng(seed)
    n = len(T)
    rate, leave = rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n)
    x, t_x, now, litt, later = np.zeros((5, n))
    living = np.arange(n)
    if at_once:
        living = living[rng.random(n) > leave]
    while len(living):
        gap = rng.gamma(k, 1 / rate[living])
        now[living] += gap
        seen = now[living] < T[living]
        before = living[seen]
        x[before] += 1
        t_x[before] = now[before]
        litt[before] += np.log(gap[seen])
        living = living[now[living] < T[living] + future_t]
        later[living] += now[living] >= T[living]
        living = living[rng.random(len(living)) > leave[living]]
    return pd.DataFrame(
        {"frequency": x, "recency": t_x, "T": T, "litt": litt, "frequency_holdout": later}
    )
