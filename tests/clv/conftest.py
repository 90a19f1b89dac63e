"""The published examples, and models fitted to them once."""

import importlib.util
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from segml.clv import BetaGeoModel, GammaGammaModel

DATASETS = Path(importlib.util.find_spec("lifetimes").origin).parent / "datasets"


@pytest.fixture(scope="session")
def lifetimes():
    """The package lifetimes, whose import and arithmetic warn under current pandas."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("lifetimes")


@pytest.fixture(scope="session")
def cdnow():
    """The CDNOW sample up to 1997-09-30; the file holds weeks rounded to two decimals."""
    rfm = pd.read_csv(DATASETS / "cdnow_customers_summary.csv", index_col=0)
    rfm.index.name = "customer_id"
    return rfm.assign(recency=(rfm["recency"] * 7).round() / 7, T=(rfm["T"] * 7).round() / 7)


@pytest.fixture(scope="session")
def cdnow_spend():
    """The CDNOW sample with mean spend, 946 repeat buyers."""
    rfm = pd.read_csv(DATASETS / "cdnow_customers_summary_with_transactions.csv", index_col=0)
    rfm.columns = ["frequency", "recency", "T", "monetary_value"]
    rfm.index.name = "customer_id"
    return rfm


@pytest.fixture(scope="session")
def model(cdnow):
    """BG/NBD of the CDNOW sample."""
    return BetaGeoModel().fit(cdnow)


@pytest.fixture(scope="session")
def spend(cdnow_spend):
    """Gamma-Gamma of the CDNOW sample."""
    return GammaGammaModel().fit(cdnow_spend)


@pytest.fixture(scope="session")
def with_parameters():
    """Make a BG/NBD model with given parameters and a small covariance."""

    def make(r, alpha, a, b):
        values = np.array([r, alpha, a, b], dtype=float)
        return BetaGeoModel.from_dict(
            {
                "format": "segml.clv",
                "version": 1,
                "model": "BetaGeoModel",
                "options": {},
                "parameters": dict(zip(["r", "alpha", "a", "b"], values, strict=True)),
                "covariance": np.diag((0.01 * values) ** 2).tolist(),
                "log_likelihood": -1.0,
                "n_customers": 100,
            }
        )

    return make
