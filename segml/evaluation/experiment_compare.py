"""Lifts of all variants in all segments, by the method of the kind and by others beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from segml._core.seeds import generator
from segml.kpis.table import ALL

from .experiment_arms import Arms
from .experiment_lift import Lift, mean_lift, share_lift, skewed_lift
from .experiment_means import Mean, log_ratio_variance, mean_of
from .experiment_permutation import permuted_means

WINSORISED = "winsorised at the 99th percentile"
_CAP = 0.99  # winsorised are amounts above this quantile of the segment's buyers
_MOST_BUYERS = 20_000  # of a variant and the control, of which Welch's test needs no help
_PER_COMPARISON = 4  # p-values are 2 / resamples at least, and are multiplied
_SENSITIVITY = ["segment", "variant", "method", "difference", "low", "high", "p_value"]


Estimates = tuple[np.ndarray, np.ndarray]


class Compared(NamedTuple):
    """Lifts, and what chance alone would make of them.

    Parameters
    ----------
    table : DataFrame
        A row per segment, all customers first, and variant: the fields of `Lift`.
    chance : dict of (str, str) to (ndarray, ndarray)
        By variant and scale ("difference" or "relative", whose logs they are), of revenue only:
        estimates and squared standard errors, each of shape (n_resamples, n_segments).
    """

    table: pd.DataFrame
    chance: dict[tuple[str, str], Estimates]


def compare(arms: Arms, kind: str, level: float, n_resamples: int, seed: int) -> Compared:
    """Compare all groups with the control; see `experiment` for the parameters."""
    found = _Comparisons(arms, kind, level, n_resamples, seed)
    return Compared(found.table(), found.chance())


def sensitivity(arms: Arms, kind: str, level: float) -> pd.DataFrame:
    """Compare by other methods: Welch's, winsorised, and without CUPED.

    Notes
    -----
    Winsorised amounts are those of all groups of a segment together, so that no group is cut
    at another height.
    """
    frame = arms.frame
    ways: dict[str, pd.Series] = {}
    if kind == "revenue":
        ways["Welch"] = frame["y"]
        bought = frame["raw"].where(frame["raw"] != 0)
        caps = bought.groupby(frame["segment"]).transform(lambda amounts: amounts.quantile(_CAP))
        foretold = frame["raw"] - frame["y"]
        ways[WINSORISED] = frame["raw"].clip(upper=caps.fillna(np.inf)) - foretold
    if arms.cuped is not None:
        ways["without CUPED"] = frame["raw"]
    rows = []
    for method, values in ways.items():
        other = compare(replace(arms, frame=frame.assign(y=values)), "mean", level, 0, 0)
        rows += [row | {"method": method} for row in other.table.to_dict("records")]
    return pd.DataFrame(rows, columns=_SENSITIVITY).astype({"segment": object})


class _Comparisons:
    """All lifts of a test; customers of a segment are dealt out once for each variant."""

    def __init__(self, arms: Arms, kind: str, level: float, n_resamples: int, seed: int) -> None:
        self.arms, self.kind, self.level, self.seed = arms, kind, level, seed
        cells = arms.frame.groupby(["segment", "group"], sort=True)
        self.values = {key: one.to_numpy() for key, one in cells["y"]}
        self.raw = {key: one.to_numpy() for key, one in cells["raw"]}
        self.sizes = arms.frame["segment"].value_counts().sort_index()
        n_comparisons = len(self.sizes) * len(arms.variants)
        self.n_resamples = max(
            n_resamples, math.ceil(_PER_COMPARISON * n_comparisons / (1 - level))
        )
        self._draws: dict[Any, tuple[Mean, Mean]] = {}

    def table(self) -> pd.DataFrame:
        rows = []
        for variant in self.arms.variants:
            usable = [s for s in self.sizes.index if not self._too_few(s, variant)]
            rows.append({"segment": ALL, "variant": variant} | self._lift(usable, variant))
        for segment in self.sizes.index:
            for variant in self.arms.variants:
                few = self._too_few(segment, variant)
                lift = self._lift([] if few else [segment], variant, few, segment)
                rows.append({"segment": segment, "variant": variant} | lift)
        return pd.DataFrame(rows).astype({"segment": object})

    def chance(self) -> dict[tuple[str, str], Estimates]:
        """Return what dealing made of the segments; see `Compared`."""
        found: dict[tuple[str, str], Estimates] = {}
        if self.kind != "revenue":
            return found
        shape = self.n_resamples, len(self.sizes)
        for variant in self.arms.variants:
            plain, logs = ((np.full(shape, np.nan), np.full(shape, np.nan)) for _ in range(2))
            for place, segment in enumerate(self.sizes.index):
                if self._too_few(segment, variant):
                    continue
                one, base = self._draws.get((segment, variant)) or self._normal(segment, variant)
                plain[0][:, place] = one.value - base.value
                plain[1][:, place] = one.variance + base.variance
                with np.errstate(divide="ignore", invalid="ignore"):
                    logs[0][:, place] = np.log(one.value / base.value)
                    logs[1][:, place] = log_ratio_variance(one, base)
            found |= {(variant, "difference"): plain, (variant, "relative"): logs}
        return found

    def _normal(self, segment: Any, variant: str) -> tuple[Mean, Mean]:
        """Return what chance makes of two large groups."""
        rng = generator(self.seed, "experiment", str(segment), variant)
        arms = [mean_of(self.values[segment, group]) for group in (variant, self.arms.control)]
        both = np.average([m.value for m in arms], weights=[m.freedom + 1 for m in arms])
        one, base = (
            Mean(
                rng.normal(both, np.sqrt(m.variance), self.n_resamples),
                np.full(self.n_resamples, m.variance),
                m.freedom,
            )
            for m in arms
        )
        return one, base

    def _too_few(self, segment: Any, variant: str) -> str:
        for group in (self.arms.control, variant):
            size = len(self.values.get((segment, group), ()))
            if size < 2:
                return f"{size or 'no'} customer{'' if size == 1 else 's'} in {group}"
        return ""

    def _lift(
        self, inside: Sequence[Any], variant: str, few: str = "", segment: Any = None
    ) -> dict[str, Any]:
        pair = variant, self.arms.control
        if not inside:
            n, n_control = (len(self.values.get((segment, group), ())) for group in pair)
            reason = few or "no segment has two customers in both"
            return Lift(n, n_control, reason=reason)._asdict()
        one, base = ([self.values[s, group] for s in inside] for group in pair)
        weights = self.sizes.loc[list(inside)].to_numpy(dtype=float)
        weights = weights / weights.sum()
        if self.kind == "share":
            return share_lift(one, base, weights, self.level)._asdict()
        # Buyers are seen from the amounts: CUPED leaves hardly anyone with 0.
        buyers = sum(np.count_nonzero(self.raw[s, group]) for s in inside for group in pair)
        if self.kind == "revenue" and buyers <= _MOST_BUYERS:
            draws = [self._dealt(s, variant) for s in inside]
            return skewed_lift(one, base, weights, self.level, draws)._asdict()
        return mean_lift(one, base, weights, self.level)._asdict()

    def _dealt(self, segment: Any, variant: str) -> tuple[Mean, Mean]:
        key = (segment, variant)
        if key not in self._draws:
            rng = generator(self.seed, "experiment", str(segment), variant)
            both = self.values[key], self.values[segment, self.arms.control]
            self._draws[key] = permuted_means(*both, self.n_resamples, rng)
        return self._draws[key]
