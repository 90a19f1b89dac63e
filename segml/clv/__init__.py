"""Lifetime value and churn: the BG/NBD family, Pareto/NBD, contracts, spend, discounted value."""

from .beta_geo import BetaGeoModel
from .beta_geo_beta_binom import BetaGeoBetaBinomModel
from .bootstrap import Bootstrap, parametric_bootstrap
from .churn import churn_table
from .delta import predict_with_interval
from .distribution import ValueDistribution, value_distribution
from .gamma_gamma import GammaGammaModel
from .grid import HistoryGrid, history_grid
from .history import AliveHistory, alive_history
from .holdout import HoldoutCheck, holdout_check
from .lifetime_value import customer_lifetime_value
from .modified_beta_geo import ModifiedBetaGeoModel
from .pareto_nbd import ParetoNBDModel
from .prediction import Prediction
from .scoring import score_customers
from .selection import ModelSelection, select_model
from .shifted_beta_geo import ShiftedBetaGeoModel
from .spend import SpendFit, spend_fit
from .survivors import contracts_from_survivors
from .tracking import Tracking, track_purchases

__all__ = [
    "AliveHistory",
    "BetaGeoBetaBinomModel",
    "BetaGeoModel",
    "Bootstrap",
    "GammaGammaModel",
    "HistoryGrid",
    "HoldoutCheck",
    "ModelSelection",
    "ModifiedBetaGeoModel",
    "ParetoNBDModel",
    "Prediction",
    "ShiftedBetaGeoModel",
    "SpendFit",
    "Tracking",
    "ValueDistribution",
    "alive_history",
    "churn_table",
    "contracts_from_survivors",
    "customer_lifetime_value",
    "history_grid",
    "holdout_check",
    "parametric_bootstrap",
    "predict_with_interval",
    "score_customers",
    "select_model",
    "spend_fit",
    "track_purchases",
    "value_distribution",
]
