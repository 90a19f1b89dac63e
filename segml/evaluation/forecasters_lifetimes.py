"""The package lifetimes as a peer, as its users fit it."""

from __future__ import annotations

import importlib
import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from .forecasters import Forecast, Known


@dataclass(frozen=True)
class LifetimesForecaster:
    """One of the fitters of lifetimes, and its Gamma-Gamma for what is spent.

    Parameters
    ----------
    fitter : {"BetaGeoFitter", "ModifiedBetaGeoFitter", "ParetoNBDFitter"}
        The class.
    penalizer_coef : float, default 0.0
        Of its penalty on large parameters.

    Notes
    -----
    Its warnings, of deprecated calls and of logarithms of 0, are kept away. Of these
    fitters only that of Pareto/NBD tells the chance of no purchase.
    """

    reads_more: ClassVar[bool] = False

    fitter: str
    penalizer_coef: float = 0.0

    def forecast(self, known: Known) -> Forecast:
        """Fit, and return what is expected of each customer."""
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # of lifetimes, on import and in its arithmetic
            lifetimes = importlib.import_module("lifetimes")
            rfm = known.rfm
            history = [rfm[name].astype(float) for name in ("frequency", "recency", "T")]
            model = getattr(lifetimes, self.fitter)(penalizer_coef=self.penalizer_coef)
            # That of Pareto/NBD otherwise begins at random.
            start = {"initial_params": np.ones(4)} if self.fitter == "ParetoNBDFitter" else {}
            model.fit(*history, **start)
            expected = model.conditional_expected_number_of_purchases_up_to_time
            values = pd.DataFrame({"purchases": expected(known.horizon, *history)}, rfm.index)
            reasons = {}
            if self.fitter == "ParetoNBDFitter":
                chance = model.conditional_probability_of_n_purchases_up_to_time
                values["churn"] = np.clip(chance(0, known.horizon, *history), 0, 1)
            else:
                reasons["churn"] = "lifetimes has no chance of no purchase for this model"
            spenders = rfm[(rfm["frequency"] > 0) & (rfm["monetary_value"] > 0)]
            try:
                spend = lifetimes.GammaGammaFitter(penalizer_coef=self.penalizer_coef)
                spend.fit(spenders["frequency"], spenders["monetary_value"])
                money = rfm["monetary_value"].where(rfm["monetary_value"] > 0, 0.0)
                each = spend.conditional_expected_average_profit(
                    rfm["frequency"].where(money > 0, 0), money
                )
                values["revenue"] = values["purchases"] * each
            except (ArithmeticError, ValueError) as problem:
                reasons["revenue"] = f"no model of spend: {_first_line(problem)}"
        return Forecast(values, reasons)


def _first_line(problem: Exception) -> str:
    return next((line.strip() for line in str(problem).splitlines() if line.strip()), "no reason")
