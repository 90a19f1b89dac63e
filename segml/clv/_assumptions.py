"""Tests of what the models take for granted, each with what follows in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import betainc
from scipy.stats import chi2
from sklearn.base import clone

from segml._core.errors import ConvergenceError, DataError, NotEnoughDataError
from segml._core.text import count, decimal, share

from ._purchases import PurchaseModel
from ._ranks import rank_correlation
from ._rfm import AGE, FREQUENCY, RECENCY, VALUE
from ._unique import Floats
from .gamma_gamma import GammaGammaModel
from .tracking import Tracking

FAILS, SLIGHTLY, HOLDS, NOT_TESTED = "fails", "fails slightly", "holds", "not tested"
_SIGNIFICANT = 0.05
_SMALL = 0.1  # a correlation, or a relative difference, that matters little
_FEWEST_BUYERS = 10
_FEWEST_PURCHASES = 5.0  # expected in a step, for the chi-squared distribution to hold


@dataclass(frozen=True)
class Finding:
    """What a test says about an assumption.

    Parameters
    ----------
    assumption : str
        What is taken for granted.
    verdict : {"holds", "fails slightly", "fails", "not tested"}
        "holds" where the data show nothing against it; "fails slightly" where they do, but
        the effect is smaller than 0.1 or 10%.
    statistic, p_value : float
        Of the test; missing where it was not made.
    text : str
        What was found, and what follows.
    """

    assumption: str
    verdict: str
    statistic: float
    p_value: float
    text: str


def _verdict(p_value: float, effect: float) -> str:
    if p_value >= _SIGNIFICANT:
        return HOLDS
    return SLIGHTLY if abs(effect) < _SMALL else FAILS


def _not_tested(assumption: str, reason: str) -> Finding:
    return Finding(assumption, NOT_TESTED, float("nan"), float("nan"), f"Not tested: {reason}.")


def spend_and_frequency(rfm: pd.DataFrame, weights: Floats | None) -> Finding:
    r"""Test whether customers who buy more often spend more or less on a purchase.

    The means of few purchases are more skewed than those of many, so that spend itself is
    correlated with frequency in rank even where the two are independent. What is correlated
    is therefore where each customer's mean m stands in the distribution that the fitted
    Gamma-Gamma model has for x purchases,
    :math:`F(m \mid x) = I_{m x / (v + m x)}(p x, q)`,
    which is uniform whatever x if the model holds.
    """
    name = "spend per purchase does not depend on frequency"
    if VALUE not in rfm.columns:
        return _not_tested(name, f"the table has no column {VALUE}")
    model = GammaGammaModel(non_positive="leave_out")
    try:
        x, m = model._read(rfm).columns.values()
        w = np.ones(len(x)) if weights is None else weights
        known = (x > 0) & (w > 0)
        if w[known].sum() < _FEWEST_BUYERS:
            return _not_tested(name, f"there are fewer than {_FEWEST_BUYERS} repeat buyers")
        p, q, v = model.fit(rfm, weights)._parameters()
    except (ConvergenceError, NotEnoughDataError) as error:
        return _not_tested(name, f"the Gamma-Gamma model has no estimate: {error.problem.what}")
    x, m, w = x[known], m[known], w[known]
    spent = m * x
    stands = np.asarray(betainc(p * x, q, spent / (v + spent)), dtype=float)
    found = rank_correlation(x, stands, w)
    if not np.isfinite(found.value):
        return _not_tested(name, "all repeat buyers have the same frequency")
    verdict = _verdict(found.p_value, found.value)
    more = "more" if found.value > 0 else "less"
    size = (
        f"the rank correlation over {count(found.n)} repeat buyers is {decimal(found.value, 2)}"
        f" (95% interval {decimal(found.low, 2)} to {decimal(found.high, 2)})"
    )
    follows = {
        HOLDS: "so that lifetime value may multiply purchases by spend",
        SLIGHTLY: f"so that frequent buyers spend slightly {more} a purchase; lifetime values"
        " change little by it",
        FAILS: f"so that frequent buyers spend {more} a purchase, and lifetime values are too"
        f" {'low' if more == 'more' else 'high'} for them: fit spend apart in groups of frequency",
    }[verdict]
    text = f"{size[0].upper()}{size[1:]}, {follows}."
    return Finding(name, verdict, found.value, found.p_value, text)


def cohort_drift(model: PurchaseModel, rfm: pd.DataFrame, weights: Floats | None) -> Finding:
    """Test whether early and late customers have the same parameters.

    The likelihood ratio of two fits, of the customers who came before and after the median
    T, against the joint one; chi-squared with as many degrees of freedom as parameters.
    """
    name = "early and late customers behave alike"
    T = rfm[AGE].to_numpy(dtype=float)
    w = np.ones(len(T)) if weights is None else weights
    order = np.argsort(T)
    middle = T[order][np.searchsorted(np.cumsum(w[order]), w.sum() / 2)]
    late = middle > T
    if not late.any():
        late = middle >= T
    if late.all():
        return _not_tested(name, "all customers came at the same time")
    fits = []
    for which, part in (("late", late), ("early", ~late)):
        try:
            fits.append(_unfitted(model).fit(rfm[part], w[part]))
        except (ConvergenceError, DataError) as error:
            return _not_tested(name, f"the {which} customers alone: {error.problem.what}")
    ratio = 2 * (sum(fit.log_likelihood_ for fit in fits) - model.log_likelihood_)
    ratio = max(ratio, 0.0)
    df = len(model.params_)
    p_value = float(chi2.sf(ratio, df))
    t = float(np.median(T[late]))
    few, many = (float(fit.expected_purchases(_new(rfm[part], w[part]), t) @ _shares(w[part]))
                 for fit, part in zip(fits, (late, ~late), strict=True))  # fmt: skip
    effect = few / many - 1 if many > 0 else float("inf")
    verdict = _verdict(p_value, effect)
    size = (
        f"a new customer of the later half is expected to buy {decimal(few)} times in the first"
        f" {decimal(t)} time units, one of the earlier half {decimal(many)} times (likelihood"
        f" ratio {decimal(ratio)}, {df} degrees of freedom)"
    )
    follows = {
        HOLDS: "which may be chance: one model does for all",
        SLIGHTLY: "a difference that is not chance, but small",
        FAILS: "which is not chance: fit cohorts apart, and do not forecast new customers"
        " from old ones",
    }[verdict]
    text = f"{size[0].upper()}{size[1:]}, {follows}."
    return Finding(name, verdict, ratio, p_value, text)


def _unfitted(model: PurchaseModel) -> PurchaseModel:
    other = clone(model)
    if getattr(model, "k", 1) == "auto":  # the same model in both halves
        other.set_params(k=model.k_)
    return other


def _new(rfm: pd.DataFrame, weights: Floats) -> pd.DataFrame:
    """Return the customers as they were on their first day, for their covariates."""
    zeros = dict.fromkeys((FREQUENCY, RECENCY, AGE), 0.0)
    return rfm[weights > 0].assign(**zeros)


def _shares(weights: Floats) -> Floats:
    return weights[weights > 0] / weights.sum()


def seasonality(tracking: Tracking) -> Finding:
    r"""Test whether purchases per week (or month) vary more than by chance about those expected.

    With actual :math:`A_j` and expected :math:`E_j` repeat purchases, scaled to the same
    total, of the n complete steps up to the cut-off,
    :math:`\sum_j (A_j - E_j)^2 / E_j` is chi-squared with n - 1 degrees of freedom: how fast
    each customer buys is the same in all steps, so that given the customers the counts are
    those of Poisson processes.

    Parameters
    ----------
    tracking : Tracking
        Of the model.
    """
    name = "purchases come evenly over the year"
    steps = tracking.table
    steps = steps[steps["complete"] & ~steps["holdout"]]
    scaled = steps["expected"] * (steps["actual"].sum() / steps["expected"].sum())
    steps = steps.assign(expected=scaled)[scaled >= _FEWEST_PURCHASES]
    if len(steps) < 4:
        return _not_tested(name, f"there are fewer than four full {tracking.step}s with purchases")
    actual, expected = steps["actual"].to_numpy(dtype=float), steps["expected"].to_numpy()
    off = actual - expected
    statistic = float((off**2 / expected).sum())
    p_value = float(chi2.sf(statistic, len(steps) - 1))
    beyond = float((off**2 - expected).sum() / (expected**2).sum())
    effect = float(np.sqrt(max(beyond, 0.0)))
    verdict = _verdict(p_value, effect)
    worst = int(np.argmax(np.abs(off) / np.sqrt(expected)))
    when: Any = steps.index[worst]
    size = (
        f"of {len(steps)} {tracking.step}s the one up to {when:%Y-%m-%d} is farthest off, with"
        f" {count(actual[worst])} repeat purchases where {count(expected[worst])} were expected"
    )
    follows = {
        HOLDS: "which may be chance",
        SLIGHTLY: f"and {tracking.step}s differ by {share(effect)} beyond chance, which is little",
        FAILS: f"and {tracking.step}s differ by {share(effect)} beyond chance, by season, promotion"
        " or drift: forecast whole years, or periods like the one observed",
    }[verdict]
    text = f"{size[0].upper()}{size[1:]}, {follows}."
    return Finding(name, verdict, statistic, p_value, text)
