"""Which model of purchases describes the customers best, and what none of them allows for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from segml._core import html
from segml._core.errors import ParameterError
from segml._core.text import MISSING, count, decimal, share

from ._assumptions import Finding, cohort_drift, seasonality, spend_and_frequency
from ._comparison import compared, fit_all, holdout_by_frequency, holdout_errors
from ._purchases import PurchaseModel
from ._regularity import LITT
from ._rfm import as_frame, read_weights
from .beta_geo import BetaGeoModel
from .beta_geo_beta_binom import BetaGeoBetaBinomModel
from .holdout import holdout_check
from .modified_beta_geo import ModifiedBetaGeoModel
from .pareto_nbd import ParetoNBDModel
from .tracking import track_purchases


class Choice(NamedTuple):
    """The best model: its name in the table, and the model itself, fitted."""

    name: str
    model: PurchaseModel


@dataclass(frozen=True, eq=False)
class ModelSelection:
    """Models of purchases beside each other, the best first.

    Parameters
    ----------
    table : DataFrame
        By ``model``, in the order of AIC: ``log_likelihood``, ``n_parameters``, ``aic``,
        ``bic``, ``delta_aic`` to the best, ``p_value`` of the test whether the difference to
        the best may be chance, with a holdout period ``holdout_error`` (relative error of the
        total), ``holdout_mae`` (mean absolute error per customer) and
        ``holdout_mae_by_frequency`` (of the means by frequency, over all customers), and a
        ``verdict`` in words. What has no estimate is at the end, with the reason as verdict.
    best : Choice
        Name and fitted model.
    models : dict of str to PurchaseModel
        All fitted models.
    reasons : dict of str to str
        Why the others have no estimate.
    findings : tuple of Finding
        Which assumptions fail.
    holdout : DataFrame or None
        Actual and expected mean purchases in the holdout period by calibration frequency, one
        column per model.
    """

    table: pd.DataFrame
    best: Choice
    models: dict[str, PurchaseModel]
    reasons: dict[str, str]
    findings: tuple[Finding, ...]
    holdout: pd.DataFrame | None

    def _repr_html_(self) -> str:
        with_holdout = self.holdout is not None
        rows: list[list[str | html.Cell]] = []
        for name, row in self.table.iterrows():
            cells: list[str | html.Cell] = [
                html.Cell(str(name), str(row["verdict"])),
                _two_places(row["log_likelihood"]),
                count(row["n_parameters"]),
                _two_places(row["aic"]),
                _two_places(row["bic"]),
            ]
            if with_holdout:
                cells += [share(row["holdout_error"]), decimal(row["holdout_mae"])]
            rows.append(cells)
        head = ["model", "log-likelihood", "parameters", "AIC", "BIC"]
        head += ["holdout total", "holdout MAE"] if with_holdout else []
        title = f"{self.best.name} describes {count(self.best.model.n_customers_)} customers best"
        found: list[list[str | html.Cell]] = [
            [one.assumption, one.verdict, html.Cell(one.text)] for one in self.findings
        ]
        return html.block(
            html.table(head, rows, caption=title, numeric=range(1, len(head))),
            html.table(["assumption", "verdict", "what was found"], found),
        )


def select_model(
    rfm: object,
    models: Sequence[PurchaseModel] | Mapping[str, PurchaseModel] | None = None,
    *,
    weights: object = None,
    orders: Any = None,
    as_of: Any = None,
    period: str = "D",
    time_unit: str | None = None,
) -> ModelSelection:
    r"""Fit several models of purchases, compare them, and say which assumption fails.

    Parameters
    ----------
    rfm : DataFrame
        One row per customer, such as `segml.features.rfm_summary` gives: ``frequency``,
        ``recency`` and ``T``. With ``litt`` models of regular purchases are tried as well,
        with ``monetary_value`` it is tested whether spend depends on frequency, and with the
        columns of ``holdout_end=`` the models are compared on what customers then did.
    models : sequence or dict of str to PurchaseModel, optional
        What to fit; BG/NBD, MBG/NBD and Pareto/NBD by default, and where the table has
        ``litt`` the first two with k chosen by likelihood. They are not changed.
    weights : Series or array of shape (n,), optional
        How many customers each row stands for; one by default.
    orders : CustomerData, DataTable, or anything that `segml.data.read_orders` takes, optional
        The orders that the table was made of, to test whether purchases come evenly over time.
    as_of, period, time_unit
        With `orders`: as given to `rfm_summary`.

    Returns
    -------
    ModelSelection
        The table, the best model by AIC, and what was found about the assumptions.

    Raises
    ------
    ConvergenceError
        When no model has an estimate; says why not.
    ParameterError
        When `models` are not models of purchases, or `orders` are given without `as_of`.
    DataError, MissingTableError, NotEnoughDataError
        As the models.

    Notes
    -----
    With the log-likelihood :math:`\ell`, k parameters and n customers,

    .. math:: \mathrm{AIC} = 2 k - 2 \ell, \qquad \mathrm{BIC} = k \ln n - 2 \ell

    where a k that was chosen counts as a parameter. Models whose AIC differ by up to 2
    are equally good (Burnham & Anderson [1]_, section 2.6); beyond, the difference is real
    where the test of Vuong [2]_ says so, or the likelihood ratio where one model
    contains the other.

    The holdout error is shown and does not decide: it is one draw of the future.

    References
    ----------
    .. [1] Burnham, K. P. and Anderson, D. R. (2002). Model Selection and Multimodel Inference.
       Springer, second edition.
    .. [2] Vuong, Q. H. (1989). Likelihood ratio tests for model selection and non-nested
       hypotheses. Econometrica 57(2), 307-333.

    Examples
    --------
    >>> from segml.data import load_cdnow_sample
    >>> from segml.features import rfm_summary
    >>> rfm = rfm_summary(load_cdnow_sample(), "1997-09-30", time_unit="W")
    >>> selection = select_model(rfm)
    >>> selection.best.name
    'ModifiedBetaGeoModel()'
    >>> [(one.assumption, one.verdict) for one in selection.findings][:1]
    [('spend per purchase does not depend on frequency', 'fails')]
    """
    frame = as_frame(rfm)
    w = read_weights(weights, frame.index)
    if orders is not None and as_of is None:
        raise ParameterError(
            "orders are given without as_of", where="as_of", expected="the cut-off of the table"
        )
    fitted, reasons = fit_all(_candidates(frame, models), frame, w)
    table = compared(fitted, frame, w)
    verdict = table.pop("verdict")
    best = Choice(str(table.index[0]), fitted[str(table.index[0])])
    holdout = None
    if {"frequency_holdout", "duration_holdout"} <= set(frame.columns):
        checks = {name: holdout_check(fitted[name], frame, weights=w) for name in table.index}
        holdout = holdout_by_frequency(checks)
        table = table.join(holdout_errors(checks))
    table = table.reindex([*table.index, *reasons])
    table["n_parameters"] = table["n_parameters"].astype("Int64")
    table["verdict"] = [*verdict, *reasons.values()]
    findings = [spend_and_frequency(frame, w), cohort_drift(best.model, frame, w)]
    if orders is not None:
        tracking = track_purchases(best.model, orders, as_of, as_of, period, time_unit=time_unit)
        findings.append(seasonality(tracking))
    return ModelSelection(table, best, fitted, reasons, tuple(findings), holdout)


def _candidates(
    rfm: pd.DataFrame, models: Sequence[PurchaseModel] | Mapping[str, PurchaseModel] | None
) -> dict[str, PurchaseModel]:
    """Return what is to be fitted, by name."""
    if models is None:
        models = [BetaGeoModel(), ModifiedBetaGeoModel(), ParetoNBDModel()]
        if LITT in rfm.columns:
            models += [BetaGeoModel(k="auto"), ModifiedBetaGeoModel(k="auto")]
    named = models if isinstance(models, Mapping) else {_name(model): model for model in models}
    for name, model in named.items():
        if not isinstance(model, PurchaseModel):
            raise ParameterError(
                "this is not a model of purchases",
                where=f"models, {name}",
                got=type(model).__name__,
                expected="a model such as BetaGeoModel()",
            )
    if not named or len(named) < len(models):
        raise ParameterError(
            "a model occurs twice" if named else "there are no models",
            where="models",
            got=[_name(model) for model in models],
            expected="at least one, each once",
        )
    discrete = [name for name, model in named.items() if isinstance(model, BetaGeoBetaBinomModel)]
    if 0 < len(discrete) < len(named):
        raise ParameterError(
            "likelihoods in continuous time and of opportunities cannot be compared",
            where="models",
            got=list(named),
            expected=f"models of one kind; {', '.join(discrete)} counts opportunities",
        )
    return dict(named)


def _name(model: object) -> str:
    return " ".join(repr(model).split())  # scikit-learn's breaks long ones into lines


def _two_places(value: float) -> str:
    return MISSING if np.isnan(value) else f"{value:,.2f}"
