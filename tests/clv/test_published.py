"""The numbers that the papers and notes print, for all models in one table.

BG/NBD, Pareto/NBD: Fader, Hardie & Lee (2005) and the CDNOW sample to 1997-09-30 in weeks of
seven days; MBG/NBD: Batislam et al. (2007) and Hoppe & Wagner (2007) on the same data;
Gamma-Gamma: Fader & Hardie (2013), the 946 repeat buyers of lifetimes' file; BG/BB: Fader,
Hardie & Shang (2010), donations; sBG: Fader & Hardie (2007), survivors after 0 to 7 years.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

import segml.clv
from segml.data import load_donations

HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491]
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]


@dataclass(frozen=True)
class Published:
    """What one fit has to give."""

    model: str
    data: str
    parameters: dict[str, float]
    log_likelihood: float
    std_errors: tuple[float, ...] = ()

    def __str__(self) -> str:
        return f"{self.model}-{self.data}"


TABLE = [
    Published(
        "BetaGeoModel", "cdnow",
        {"r": 0.242595, "alpha": 4.413602, "a": 0.792922, "b": 2.425907},
        -9582.42921,
        (0.01256, 0.3782, 0.1857, 0.7053),
    ),
    Published(
        "ModifiedBetaGeoModel", "cdnow",
        {"r": 0.524843, "alpha": 6.183086, "a": 0.891359, "b": 1.614002},
        -9582.13572,
    ),
    Published(
        "ParetoNBDModel", "cdnow",
        {"r": 0.553277, "alpha": 10.577683, "s": 0.60624, "beta": 11.668738},
        -9594.97618,
        (0.0476264, 0.8427222, 0.1872594, 6.2105448),
    ),
    Published(
        "GammaGammaModel", "cdnow_spend", {"p": 6.2488, "q": 3.7446, "v": 15.4477}, -4055.92324
    ),
    Published(
        "BetaGeoBetaBinomModel", "donations",
        {"alpha": 1.203522, "beta": 0.749716, "gamma": 0.656718, "delta": 2.783443},
        -33225.5813,
    ),
    Published(
        "ShiftedBetaGeoModel", "high_end", {"alpha": 0.66809, "beta": 3.80610}, -1611.1581
    ),
    Published("ShiftedBetaGeoModel", "regular", {"alpha": 0.70408, "beta": 1.18204}, -1680.2652),
]  # fmt: skip

#: What the fitted model has to give, and to how many digits: those that hold at the optimum. The
#: printed predictions rest on estimates of R's optim, which stops at four or five digits; that
#: ours are exact at ours is tested with mpmath for each model.
PREDICTIONS = [
    ("BetaGeoModel", "E[X(52)]", 1.444004, 1e-5),
    ("BetaGeoModel", "26 purchases, next 52 weeks", 25.75659, 5e-5),
    ("BetaGeoModel", "26 purchases, alive", 0.9688523, 5e-6),
    ("BetaGeoModel", "2 purchases, next 39 weeks", 1.226, 5e-4),
    ("ParetoNBDModel", "E[X(52)]", 1.473434, 1e-5),
    ("ParetoNBDModel", "26 purchases, next 52 weeks", 25.45647, 6e-5),
    ("ParetoNBDModel", "26 purchases, alive", 0.997874, 1e-6),
    ("BetaGeoBetaBinomModel", "E[X(10)]", 3.179805, 1e-5),
    ("BetaGeoBetaBinomModel", "no gift, next 10 years", 0.1302169, 1e-5),
    ("BetaGeoBetaBinomModel", "4 gifts, the last in year 5, next 10 years", 3.627858, 5e-5),
]


def customer(frequency, recency, T):
    return pd.DataFrame({"frequency": [frequency], "recency": [recency], "T": [T]})


PREDICT = {
    "E[X(52)]": lambda model: model.expected_purchases_new_customer(52),
    "E[X(10)]": lambda model: model.expected_purchases_new_customer(10),
    "26 purchases, next 52 weeks": lambda model: model.expected_purchases(
        customer(26, 216 / 7, 31), 52
    )[0],
    "26 purchases, alive": lambda model: model.expected_probability_alive(
        customer(26, 216 / 7, 31)
    )[0],
    "2 purchases, next 39 weeks": lambda model: model.expected_purchases(
        customer(2, 30.43, 38.86), 39
    )[0],
    "no gift, next 10 years": lambda model: model.expected_purchases(customer(0, 0, 6), 10)[0],
    "4 gifts, the last in year 5, next 10 years": lambda model: model.expected_purchases(
        customer(4, 5, 6), 10
    )[0],
}


@pytest.fixture(scope="module")
def fitted(cdnow, cdnow_spend):
    """Fit a model to the data of its paper, once."""
    kept = {}

    def fit(name, data):
        if (name, data) in kept:
            return kept[name, data]
        model = getattr(segml.clv, name)
        if data == "donations":
            gifts = load_donations().rename(columns={"periods": "T"})
            model = model().fit(gifts, weights=gifts["weights"])
        elif data in ("high_end", "regular"):
            survivors = HIGH_END if data == "high_end" else REGULAR
            contracts = from_survivors(survivors)
            model = model().fit(contracts, weights=contracts["n"])
        else:
            model = model().fit({"cdnow": cdnow, "cdnow_spend": cdnow_spend}[data])
        kept[name, data] = model
        return model

    return fit


def from_survivors(survivors):
    """Return how many customers left at each renewal, and how many were there at the end."""
    left = -np.diff(survivors)
    last = len(left)
    return pd.DataFrame(
        {
            "T": [*range(1, last + 1), last],
            "churned": [True] * last + [False],
            "n": [*left, survivors[-1]],
        }
    )


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_estimates(row, fitted):
    model = fitted(row.model, row.data)
    assert model.params_.index.tolist() == list(row.parameters)
    # to four digits at least, which is what the estimates of some sources are good for
    np.testing.assert_allclose(model.params_, list(row.parameters.values()), rtol=5e-5)
    assert model.log_likelihood_ == pytest.approx(row.log_likelihood, abs=1e-4)


@pytest.mark.parametrize("row", [row for row in TABLE if row.std_errors], ids=str)
def test_standard_errors(row, fitted):
    table = fitted(row.model, row.data).summary()
    np.testing.assert_allclose(table["std_error"], row.std_errors, rtol=5e-4)


@pytest.mark.parametrize(("name", "what", "value", "digits"), PREDICTIONS)
def test_predictions(name, what, value, digits, fitted):
    data = next(row.data for row in TABLE if row.model == name)
    assert PREDICT[what](fitted(name, data)) == pytest.approx(value, rel=digits)


def test_every_model_is_in_the_table():
    models = {name for name in segml.clv.__all__ if hasattr(getattr(segml.clv, name), "from_dict")}
    assert models == {row.model for row in TABLE}
