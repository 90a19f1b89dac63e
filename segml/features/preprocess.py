"""From features to comparable numbers, by what the registry says of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from segml._core.check import one_of

from .build import FeatureTable
from .registry import FEATURES


def signed_log(values: ArrayLike) -> Any:
    """Return sign(x) log(1 + |x|): a logarithm for amounts that may be zero or negative.

    Examples
    --------
    >>> np.round(signed_log(np.array([-1.0, 0.0, 99.0])), 3).tolist()
    [-0.693, 0.0, 4.605]
    """
    return np.sign(values) * np.log1p(np.abs(values))


def make_preprocessor(features: FeatureTable | Sequence[str]) -> ColumnTransformer:
    """Build the transformer that puts features on a common scale.

    Parameters
    ----------
    features : FeatureTable or sequence of str
        The features, by which their registered scale is looked up.

    Returns
    -------
    ColumnTransformer
        Unfitted. Features of scale "log" are taken as sign(x) log(1 + |x|); all are
        then standardised to mean 0 and variance 1. Feature names stay as they are.

    Raises
    ------
    ParameterError
        An unknown feature, with the nearest spelling.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"orders": [1, 2, 9], "tenure_days": [10, 20, 30]})
    >>> make_preprocessor(["orders", "tenure_days"]).fit_transform(frame).round(2).tolist()
    [[-0.98, -1.22], [-0.39, 0.0], [1.37, 1.22]]
    """
    names = features.names if isinstance(features, FeatureTable) else list(features)
    scales = {name: FEATURES[one_of(name, FEATURES, "features")].scale for name in names}
    steps = [
        (
            name,
            make_pipeline(
                FunctionTransformer(signed_log, feature_names_out="one-to-one"), StandardScaler()
            )
            if scale == "log"
            else StandardScaler(),
            [name],
        )
        for name, scale in scales.items()
    ]
    return ColumnTransformer(steps, verbose_feature_names_out=False)
