"""The parametric bootstrap: how estimates vary over data that the fitted model could have made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.base import clone

from segml._core import html
from segml._core.check import number
from segml._core.errors import ConvergenceError, DataError
from segml._core.text import count, decimal, share

from ._base import CLVModel
from ._rfm import as_frame
from ._simulate import simulate

_LEVEL = 0.95

#: A number or some, computed from a fitted model.
Statistic = Callable[[CLVModel], float | pd.Series]


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """What was estimated from each simulated data set.

    Parameters
    ----------
    estimate : Series
        From the data themselves, by name.
    draws : DataFrame
        One row per simulated data set whose fit converged; the same names.
    failed : tuple of str
        Why the others have no estimate, one reason each.
    """

    estimate: pd.Series
    draws: pd.DataFrame
    failed: tuple[str, ...]

    def summary(self, level: float = _LEVEL) -> pd.DataFrame:
        """Return the estimates with bootstrap standard errors and percentile intervals.

        Parameters
        ----------
        level : float
            Confidence level.

        Returns
        -------
        DataFrame
            By name; columns estimate, std_error, low, high, as `summary` of the models.

        Raises
        ------
        ParameterError
            When `level` is out of range.
        """
        tail = (1 - number(level, "level", low=0, high=0.9999, open_low=True)) / 2
        return pd.DataFrame(
            {
                "estimate": self.estimate,
                "std_error": self.draws.std(ddof=1),
                "low": self.draws.quantile(tail),
                "high": self.draws.quantile(1 - tail),
            }
        )

    def _repr_html_(self) -> str:
        rows: list[list[str | html.Cell]] = [
            [
                str(name),
                decimal(row["estimate"], 4),
                decimal(row["std_error"], 2),
                f"{decimal(row['low'])} to {decimal(row['high'])}",
            ]
            for name, row in self.summary().iterrows()
        ]
        header = ["", "estimate", "std. error", f"{share(_LEVEL)} interval"]
        caption = f"Parametric bootstrap, {count(len(self.draws))} simulated data sets"
        parts = [html.table(header, rows, caption=caption, numeric=[1, 2, 3])]
        if self.failed:
            parts.append(
                html.note(
                    f"{count(len(self.failed))} further data sets gave no estimate,"
                    f" the first of them as {self.failed[0]}."
                )
            )
        return html.block(*parts)


def parametric_bootstrap(
    model: CLVModel,
    rfm: object,
    statistic: Statistic | None = None,
    *,
    n: int = 200,
    seed: int = 0,
) -> Bootstrap:
    """Fit the model again to data simulated from it, to check standard errors and intervals.

    Parameters
    ----------
    model : CLVModel
        Fitted model of purchases or of spend.
    rfm : DataFrame
        The customers it was fitted to, one row each. They keep their T and covariates,
        or with a model of spend their frequency; all else is drawn.
    statistic : callable, optional
        From a fitted model to a number or a Series of numbers, such as
        ``lambda m: m.expected_purchases(rfm, 52).sum()``; the parameters by default.
    n : int
        Number of simulated data sets, at least 2.
    seed : int
        The same seed gives the same draws; each data set has a stream of its own.

    Returns
    -------
    Bootstrap
        All draws, and their summary.

    Raises
    ------
    ParameterError
        When `n` or `seed` is out of range, or the model cannot be simulated.
    ConvergenceError
        When fewer than two of the fits converged.
    NotFittedError, DataError, MissingTableError
        As the model.

    Notes
    -----
    Purchases are drawn in continuous time, not rounded to days, which changes standard
    errors little unless customers buy many times a period.

    References
    ----------
    Efron, B. and Tibshirani, R. J. (1993). An Introduction to the Bootstrap. Chapman & Hall,
    sections 6.5 and 13.3 (percentile intervals).

    Examples
    --------
    >>> from segml.clv import GammaGammaModel
    >>> rng = np.random.default_rng(2)
    >>> x = rng.poisson(2, 800) + 1
    >>> spend = rng.gamma(6 * x) / (rng.gamma(4, 1 / 15, 800) * x)
    >>> rfm = pd.DataFrame({"frequency": x, "monetary_value": spend})
    >>> model = GammaGammaModel().fit(rfm)
    >>> checked = parametric_bootstrap(
    ...     model, rfm, lambda m: m.expected_spend_new_customer(), n=50, seed=1)
    >>> checked.summary().round(1)
               estimate  std_error   low  high
    statistic      ...
    """
    number(n, "n", low=2, whole=True)
    number(seed, "seed", low=0, whole=True)
    frame = as_frame(rfm)
    compute = _parameters if statistic is None else statistic
    estimate = _series(compute(model))
    draws, failed = [], []
    for stream in np.random.SeedSequence(seed).spawn(n):
        drawn = simulate(model, frame, np.random.default_rng(stream))
        try:
            draws.append(_series(compute(clone(model).fit(drawn))))
        except (ConvergenceError, DataError) as error:  # such as a mean that does not exist
            failed.append(error.problem.what)
    if len(draws) < 2:
        raise ConvergenceError(
            "hardly any fit to the simulated data converged",
            where="parametric_bootstrap",
            got=f"{len(draws)} of {n} fits; the first failed as {failed[0]}",
            expected="at least two",
            hint="more customers, or a model with fewer parameters",
        )
    return Bootstrap(estimate, pd.DataFrame(draws).reset_index(drop=True), tuple(failed))


def _parameters(model: CLVModel) -> pd.Series:
    model._parameters()  # says that it is not fitted
    return model.params_


def _series(value: float | pd.Series) -> pd.Series:
    one = value if isinstance(value, pd.Series) else pd.Series({"statistic": float(value)})
    return one.astype(float).rename(None)
