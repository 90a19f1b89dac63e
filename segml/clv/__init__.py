"""Lifetime value and churn: BG/NBD, Gamma-Gamma, discounted value, intervals."""

from .beta_geo import BetaGeoModel
from .churn import churn_table
from .delta import predict_with_interval
from .gamma_gamma import GammaGammaModel
from .holdout import HoldoutCheck, holdout_check
from .lifetime_value import customer_lifetime_value
from .prediction import Prediction
from .scoring import score_customers

__all__ = [
    "BetaGeoModel",
    "GammaGammaModel",
    "HoldoutCheck",
    "Prediction",
    "churn_table",
    "customer_lifetime_value",
    "holdout_check",
    "predict_with_interval",
    "score_customers",
]
