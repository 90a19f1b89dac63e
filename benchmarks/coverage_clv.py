"""How often 95% intervals hold the truth, in data simulated from BG/NBD and Gamma-Gamma.

python benchmarks/coverage_clv.py [data sets] [customers]
"""

from __future__ import annotations

import sys
from collections import defaultdict

import numpy as np
import pandas as pd

from segml._core.errors import ConvergenceError
from segml.clv import BetaGeoModel, GammaGammaModel, customer_lifetime_value
from segml.clv._base import CLVModel
from segml.clv._simulate import simulate

PURCHASES = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}  # CDNOW, in weeks
SPEND = {"p": 6.25, "q": 3.74, "v": 15.44}
SEGMENTS = {0: "bought once", 1: "1 to 3 repeat purchases", 4: "4 and more"}
HORIZON, WEEKLY = 52.0, 1.15 ** (1 / 52.1775) - 1
LEVEL = 0.95


def with_truth(kind: type[BetaGeoModel | GammaGammaModel], truth: dict[str, float]) -> CLVModel:
    """Return a model as if the truth were its estimates."""
    return kind.from_dict(
        {
            "format": "segml.clv",
            "version": 1,
            "model": kind.__name__,
            "options": {},
            "parameters": truth,
            "covariance": np.zeros((len(truth), len(truth))),
            "log_likelihood": 0.0,
            "n_customers": 0,
            "n_left_out": 0,
        }
    )


def main(data_sets: int = 200, customers: int = 3_000) -> None:
    true_model = with_truth(BetaGeoModel, PURCHASES)
    true_spend = with_truth(GammaGammaModel, SPEND)
    below: dict[str, list[bool]] = defaultdict(list)
    above: dict[str, list[bool]] = defaultdict(list)
    errors: dict[str, list[float]] = defaultdict(list)
    without = 0

    def note(what: str, truth: float, row: pd.Series, value: str) -> None:
        below[what].append(row["high"] < truth)
        above[what].append(row["low"] > truth)
        errors[what].append(row[value] / truth - 1)

    for seed in range(data_sets):
        rng = np.random.default_rng(seed)
        blank = pd.DataFrame(
            {"frequency": 0.0, "recency": 0.0, "T": rng.uniform(27, 39, customers)}
        )
        rfm = simulate(true_model, blank, rng)
        rfm["monetary_value"] = simulate(true_spend, rfm, rng)["monetary_value"]
        try:
            model, spend = BetaGeoModel().fit(rfm), GammaGammaModel().fit(rfm)
        except ConvergenceError:
            without += 1
            continue
        for fitted, truth in ((model, PURCHASES), (spend, SPEND)):
            for name, row in fitted.summary(LEVEL).iterrows():
                note(str(name), truth[str(name)], row, "estimate")
        value, right = (
            customer_lifetime_value(one, other, rfm, HORIZON, WEEKLY)
            for one, other in ((model, spend), (true_model, true_spend))
        )
        segment = pd.cut(
            rfm["frequency"], [*SEGMENTS, np.inf], right=False, labels=SEGMENTS.values()
        )
        for groups in (segment.astype(str), pd.Series("all customers", index=rfm.index)):
            sums = right.values.groupby(groups).sum()
            for name, row in value.sum_by(groups, LEVEL).iterrows():
                note(f"CLV, {name}", sums[name], row, "value")
    chance = np.sqrt(LEVEL * (1 - LEVEL) / data_sets)
    print(
        f"\n{data_sets} data sets of {customers:,} customers, {without} without an estimate;"
        f" a coverage of {LEVEL:.0%} has a standard error of {chance:.1%}.\n"
    )
    print("| | coverage | interval too low | too high | median error |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for what in below:
        low, high, error = np.mean(below[what]), np.mean(above[what]), np.median(errors[what])
        print(f"| {what} | {1 - low - high:.1%} | {low:.1%} | {high:.1%} | {error:+.1%} |")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
