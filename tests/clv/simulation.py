"""Customers drawn from the models themselves, purchase by purchase."""

import numpy as np
import pandas as pd


def simulate_history(r, alpha, a, b, T, seed):
    """Draw frequency and recency of len(T) customers from the BG/NBD model."""
    rng = np.random.default_rng(seed)
    n = len(T)
    rate, leave = rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n)
    x, t_x, now, living = np.zeros(n), np.zeros(n), np.zeros(n), np.arange(n)
    while len(living):
        now[living] += rng.exponential(1 / rate[living])
        living = living[now[living] < T[living]]
        x[living] += 1
        t_x[living] = now[living]
        living = living[rng.random(len(living)) > leave[living]]
    index = pd.Index([f"c{i}" for i in range(n)], name="customer_id")
    return pd.DataFrame({"frequency": x, "recency": t_x, "T": T}, index=index)


def add_spend(rfm, p, q, v, seed):
    """Draw the mean spend of the repeat buyers from the Gamma-Gamma model."""
    rng = np.random.default_rng(seed)
    x = rfm["frequency"].to_numpy()
    bought = np.maximum(x, 1)
    rate = rng.gamma(q, 1 / v, len(x))
    spend = rng.gamma(p * bought) / (rate * bought)
    return rfm.assign(monetary_value=np.where(x > 0, spend, np.nan))
