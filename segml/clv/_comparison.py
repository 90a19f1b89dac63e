"""Models fitted to the same customers, beside each other."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import chi2
from sklearn.base import clone

from segml._core.errors import ConvergenceError, NotEnoughDataError
from segml._core.text import decimal

from ._purchases import PurchaseModel
from ._unique import Floats
from ._vuong import vuong_test
from .holdout import HoldoutCheck

_AS_GOOD = 2.0  # difference of AIC up to which both models have substantial support
_SIGNIFICANT = 0.05

Fitted = dict[str, PurchaseModel]


def fit_all(
    models: Mapping[str, PurchaseModel], rfm: pd.DataFrame, weights: Floats | None
) -> tuple[Fitted, dict[str, str]]:
    """Fit each model; return those that have an estimate, and why the others have none.

    Raises
    ------
    ConvergenceError
        When none has an estimate.
    """
    fitted: Fitted = {}
    reasons: dict[str, str] = {}
    for name, model in models.items():
        try:
            fitted[name] = clone(model).fit(rfm, weights)
        except (ConvergenceError, NotEnoughDataError) as error:
            where = f" ({error.problem.where})" if error.problem.where else ""
            reasons[name] = error.problem.what + where
    if not fitted:
        raise ConvergenceError(
            "no model of purchases has an estimate",
            where="models",
            got="; ".join(f"{name}: {reason}" for name, reason in reasons.items()),
            expected="at least one that converges",
            hint="more customers or a longer period",
        )
    return fitted, reasons


def compared(models: Fitted, rfm: pd.DataFrame, weights: Floats | None) -> pd.DataFrame:
    """Return the table of likelihoods, the best model first, with a verdict on each."""
    rows = {}
    for name, model in models.items():
        k, value = _n_parameters(model), model.log_likelihood_
        bic = k * np.log(model.n_customers_) - 2 * value
        rows[name] = {
            "log_likelihood": value, "n_parameters": k, "aic": 2 * k - 2 * value, "bic": bic
        }  # fmt: skip
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")
    table = table.sort_values("aic", kind="stable")
    table["n_parameters"] = table["n_parameters"].astype(int)
    table["delta_aic"] = table["aic"] - table["aic"].iloc[0]
    best = models[str(table.index[0])]
    p_values = [float("nan")]
    for rival, delta in table["delta_aic"].iloc[1:].items():
        p_values.append(_p_value(best, models[str(rival)], delta, rfm, weights))
    table["p_value"] = p_values
    rivals = zip(table["delta_aic"].iloc[1:], p_values[1:], strict=True)
    table["verdict"] = ["the best by AIC", *(_verdict(delta, p) for delta, p in rivals)]
    return table


def _n_parameters(model: PurchaseModel) -> int:
    return len(model.params_) + (getattr(model, "k", 1) == "auto")


def _p_value(
    best: PurchaseModel,
    other: PurchaseModel,
    delta_aic: float,
    rfm: pd.DataFrame,
    weights: Floats | None,
) -> float:
    names, others = set(best.params_.index), set(other.params_.index)
    same_kind = type(best) is type(other) and _regularity(best) == _regularity(other)
    if same_kind and names != others and (names < others or others < names):
        ratio = 2 * abs(best.log_likelihood_ - other.log_likelihood_)
        return float(chi2.sf(ratio, abs(len(names) - len(others))))
    return vuong_test(best, other, delta_aic / 2, rfm, weights)


def _regularity(model: PurchaseModel) -> object:
    return getattr(model, "k_", getattr(model, "k", 1))


def _verdict(delta_aic: float, p_value: float) -> str:
    p = f"p {decimal(p_value, 2)}" if p_value >= 0.001 else "p below 0.001"
    if delta_aic <= _AS_GOOD:
        return "as good as the best"
    if p_value >= _SIGNIFICANT:
        return f"worse than the best, but that may be chance ({p})"
    return f"worse than the best, and not by chance ({p})"


def holdout_errors(checks: Mapping[str, HoldoutCheck]) -> pd.DataFrame:
    """Return the errors of each model in the holdout period."""
    rows = {}
    for name, check in checks.items():
        groups = check.table
        off = (groups["expected"] - groups["actual"]).abs()
        rows[name] = {
            "holdout_error": check.error,
            "holdout_mae": check.mae,
            "holdout_mae_by_frequency": float(np.average(off, weights=groups["customers"])),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def holdout_by_frequency(checks: Mapping[str, HoldoutCheck]) -> pd.DataFrame:
    """Return actual and expected means by frequency, one column per model."""
    first = next(iter(checks.values())).table[["customers", "actual"]]
    return first.assign(**{name: check.table["expected"] for name, check in checks.items()})
