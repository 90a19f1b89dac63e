"""How many customers a comparison needs, and which difference those there are would show."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm


class Sizes:
    """Customers that one segment needs, or all together.

    Parameters
    ----------
    inside : DataFrame
        The segments: ``mean``, ``sd`` and ``correlation``.
    weights : ndarray, shape (n_segments,)
        Their shares of customers.
    kind, effect, relative, power
        As for `plan_experiment`.
    alpha : float
        Chance of a false finding that the comparison may have.
    """

    def __init__(
        self,
        inside: pd.DataFrame,
        weights: np.ndarray,
        kind: str,
        effect: float,
        relative: bool,
        alpha: float,
        power: float,
    ) -> None:
        self.kind, self.relative = kind, relative
        self.means, self.weights = inside["mean"].to_numpy(), weights
        self.deviations = inside["sd"].to_numpy() if kind != "share" else np.zeros(len(inside))
        self.left = 1 - inside["correlation"].fillna(0).to_numpy() ** 2
        self.mean = float(weights @ self.means)
        self.effect = effect * abs(self.mean) if relative else effect
        self.z_alpha, self.z_power = float(norm.isf(alpha / 2)), float(norm.ppf(power))

    def control_size(self, difference: float, ratio: float) -> float:
        """Return how many customers the control needs, missing where nothing tells."""
        effects = difference * np.ones(len(self.means))
        if self.relative:  # the same part of each mean
            effects = difference * self.means / self.mean if self.mean else effects * np.nan
        treated = self.means + effects
        w, left = self.weights, self.left
        if self.kind == "share":
            if not ((treated >= 0) & (treated <= 1)).all():
                return np.nan
            common = (self.means + ratio * treated) / (1 + ratio)
            null = w @ (left * common * (1 - common)) * (1 + 1 / ratio)
            other = w @ (left * (self.means * (1 - self.means) + treated * (1 - treated) / ratio))
            total = self.z_alpha * math.sqrt(null) + self.z_power * math.sqrt(other)
            return float((total / difference) ** 2)
        grown = np.ones(len(w))
        if self.kind == "revenue":  # where nobody buys there is nothing that could grow
            np.divide(treated, self.means, out=grown, where=self.means > 0)
        variance = w @ (left * self.deviations**2 * (1 + grown**2 / ratio))
        if not variance > 0:
            return np.nan
        return float((self.z_alpha + self.z_power) ** 2 * variance / difference**2)

    def total(self, pairs: list[tuple[float, float]], difference: float) -> float:
        """Return how many customers all groups need together."""
        sizes = [self.control_size(difference, share / base) / base for base, share in pairs]
        return max(sizes) if not any(math.isnan(size) for size in sizes) else math.nan

    def row(
        self, pairs: list[tuple[float, float]], there: float, coming: float, longest: int
    ) -> dict[str, Any]:
        """Return what the table tells of it."""
        total = self.total(pairs, self.effect) if self.effect else math.nan
        needed = math.ceil(total - 1e-9) if not math.isnan(total) else math.nan
        days, reason = math.nan, ""
        if math.isnan(needed):
            reason = self._why_not()
        elif needed <= there:
            days = 0.0
        elif coming > 0:
            days = float(math.ceil((needed - there) / coming))
            reason = f"takes {days:,.0f} days" if days > longest else ""
        else:
            reason = f"{needed - there:,.0f} customers too few"
        return {
            "needed": float(needed),
            "days": days,
            "detectable": self._detectable(pairs, there),
            "feasible": not math.isnan(needed) and not reason,
            "reason": reason,
        }

    def _why_not(self) -> str:
        if not self.effect:
            return "a mean of 0 has no relative effect"
        if self.kind == "share":
            return "the share cannot change by so much"
        return "the outcome did not vary, so nothing tells how many are needed"

    def _detectable(self, pairs: list[tuple[float, float]], there: float) -> float:
        """Return the smallest difference, of the effect's sign, that needs those there are."""
        sign = math.copysign(1.0, self.effect or 1.0)
        low, high = 0.0, max(abs(self.effect), abs(self.mean), 1e-9)
        for _ in range(60):  # up, to where fewer are needed
            if not self.total(pairs, sign * high) > there:
                break
            high *= 2
        if there <= 0 or not self.total(pairs, sign * high) <= there:
            if self.kind != "share" or there <= 0:
                return math.nan
            high = (1 - self.mean if sign > 0 else self.mean) * (1 - 1e-9)
            if high <= 0 or not self.total(pairs, sign * high) <= there:
                return math.nan
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (
                (middle, high) if self.total(pairs, sign * middle) > there else (low, middle)
            )
        return sign * high
