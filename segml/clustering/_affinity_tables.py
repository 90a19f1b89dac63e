"""Counts of purchases by segment and item as lifts, and as what could be recommended."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ._shrinkage import prior_strength, shrunk_ratios


def design_effects(counts: pd.DataFrame, totals: pd.DataFrame) -> pd.Series:
    """Return by segment the variance between customers over that of independent purchases."""
    of = totals.loc[counts["segment"]].reset_index(drop=True)
    p = counts["orders"] / of["m"]
    found = pd.DataFrame(
        {
            "segment": counts["segment"],
            "between": counts["yy"] - 2 * p * counts["ym"] + p**2 * of["mm"],
            "independent": of["m"] * p * (1 - p),
        }
    )
    sums = found.groupby("segment").sum()
    n = totals["buyers"].astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = sums["between"] / sums["independent"] * (n / (n - 1))
    return effect.where(np.isfinite(effect), 1.0).clip(lower=1.0)


def lift_table(
    counts: pd.DataFrame, totals: pd.DataFrame, effects: pd.Series, confidence: float
) -> pd.DataFrame:
    """Return the lift of each item in each segment, with its interval."""
    orders = counts.pivot(index="segment", columns="item", values="orders").fillna(0.0)
    customers = counts.pivot(index="segment", columns="item", values="customers").fillna(0.0)
    m = totals["m"].reindex(orders.index).to_numpy(dtype=float)
    per_item = orders.sum(axis=0).to_numpy()
    share_all = per_item / per_item.sum()
    effect = effects.reindex(orders.index).to_numpy()[:, None]
    observed = orders.to_numpy() / effect
    expected = m[:, None] * share_all / effect
    strength = prior_strength(observed.ravel(), expected.ravel())
    lift, low, high = shrunk_ratios(observed, expected, strength, confidence)
    n_segments, n_items = orders.shape
    return pd.DataFrame(
        {
            "segment": np.repeat(orders.index.to_numpy(), n_items),
            "item": np.tile(orders.columns.to_numpy(dtype=object), n_segments),
            "customers": customers.to_numpy().ravel().astype(int),
            "orders": orders.to_numpy().ravel().astype(int),
            "share": (orders.to_numpy() / m[:, None]).ravel(),
            "share_all": np.tile(share_all, n_segments),
            "lift": lift.ravel(),
            "low": low.ravel(),
            "high": high.ravel(),
        }
    )


def not_yet_table(found: pd.DataFrame, counts: pd.DataFrame, totals: pd.DataFrame) -> pd.DataFrame:
    """Return what segments buy less than similar customers elsewhere, the most first."""
    found = found[found["lacking"] > 0]
    have = counts.set_index(["segment", "item"])["customers"]
    at = pd.MultiIndex.from_frame(found[["segment", "item"]])
    buyers = totals["buyers"].reindex(found["segment"]).to_numpy()
    made = pd.DataFrame(
        {
            "segment": found["segment"].to_numpy(),
            "item": found["item"].to_numpy(),
            "reach": have.reindex(at).fillna(0).to_numpy() / buyers,
            "lacking": found["lacking"].to_numpy(),
            "similar": (found["expected"] / found["lacking"]).to_numpy(),
            "expected": found["expected"].to_numpy(),
        }
    )
    made = made[made["similar"] > made["reach"]]
    order = np.lexsort((made["item"], -made["expected"].round(9), made["segment"]))
    return made.iloc[order].reset_index(drop=True)
