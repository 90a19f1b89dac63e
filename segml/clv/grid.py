"""What a model foretells over all purchase histories: a grid of frequency and recency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segml._core import html, text

from ._base import CLVModel
from ._rfm import AGE, FREQUENCY, read_history
from .delta import predict_with_interval

_COLUMNS = 50  # frequencies on the grid at most
_ROWS = 40  # steps of recency


@dataclass(frozen=True)
class HistoryGrid:
    """A prediction for each frequency and recency.

    Parameters
    ----------
    table : DataFrame
        One row per possible history: ``frequency``, ``recency``, ``value``, and the 95%
        interval ``low`` to ``high``.
    T : float
        Time since the first purchase, the same for all, in the unit of the model.
    future_t : float or None
        Length of the period in which purchases are expected; None where the value is
        P(alive).
    """

    table: pd.DataFrame
    T: float
    future_t: float | None = None

    def matrix(self) -> pd.DataFrame:
        """Return the values by recency (rows) and frequency (columns); missing if impossible."""
        return self.table.pivot(index="recency", columns="frequency", values="value")

    def _repr_html_(self) -> str:
        said = text.share if self.future_t is None else text.decimal
        what = (
            "P(alive)"
            if self.future_t is None
            else f"purchases expected in the next {text.plain(self.future_t)}"
        )
        few = self.matrix()
        few = few.iloc[np.unique(np.linspace(len(few) - 1, 0, 5).round().astype(int))[::-1]]
        few = few[few.columns[np.unique(np.linspace(0, len(few.columns) - 1, 8).astype(int))]]
        rows = [
            [text.plain(recency), *("" if np.isnan(v) else said(v) for v in row)]
            for recency, row in zip(few.index, few.to_numpy(), strict=True)
        ]
        head = ["recency", *(f"frequency {text.count(x)}" for x in few.columns)]
        caption = f"{what}, T {text.plain(self.T)}"
        return html.block(html.table(head, rows, caption=caption, numeric=range(len(head))))


def history_grid(
    model: CLVModel,
    rfm: object,
    future_t: float | None = None,
    covariates: Mapping[str, float] | None = None,
) -> HistoryGrid:
    """Predict for customers of every frequency and recency who first bought a time T ago.

    Parameters
    ----------
    model : fitted purchase model
        With ``expected_probability_alive`` and ``expected_purchases``.
    rfm : DataFrame
        The customers: T and the highest frequency are the greatest of theirs.
    future_t : float, optional
        When given, purchases expected in the next `future_t` are computed, otherwise
        P(alive).
    covariates : mapping of str to float, optional
        The value of each covariate; needed where the model has some.

    Returns
    -------
    HistoryGrid
        Frequency in whole numbers (in steps where it reaches beyond 50), recency in 40
        steps. Impossible histories are left out: recency 0 with a repeat purchase, or
        without one any other.

    Raises
    ------
    DataError, MissingTableError
        When the table breaks a rule, or the model needs more columns than these.
    NotFittedError, ParameterError
        As the model's predictions.

    References
    ----------
    Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005). RFM and CLV: using iso-value
    curves for customer base analysis. Journal of Marketing Research 42(4), 415-430.

    Examples
    --------
    >>> from segml.clv import BetaGeoModel
    >>> rfm = pd.DataFrame({"frequency": [0, 1, 1, 2, 3, 6], "recency": [0, 9, 2, 4, 21, 30],
    ...                     "T": [39, 36, 35, 38, 37, 39]})
    >>> model = BetaGeoModel().fit(rfm, weights=[900, 90, 150, 60, 40, 20])
    >>> grid = history_grid(model, rfm)
    >>> grid.matrix().shape, grid.T
    ((41, 7), 39.0)
    """
    customers = read_history(rfm)
    T = float(customers.columns[AGE].max())
    most = max(1, int(customers.columns[FREQUENCY].max()))
    frequencies = np.unique(np.linspace(1, most, min(most, _COLUMNS)).round())
    recencies = T * np.arange(1, _ROWS + 1) / _ROWS if T > 0 else np.array([])
    x, t_x = (a.ravel() for a in np.meshgrid(frequencies, recencies))
    grid = pd.DataFrame({"frequency": np.append(0.0, x), "recency": np.append(0.0, t_x), "T": T})
    grid = grid.assign(**dict(covariates or {}))
    if future_t is None:
        found = predict_with_interval(model, "expected_probability_alive", grid)
    else:
        found = predict_with_interval(model, "expected_purchases", grid, future_t=future_t)
    table = found.to_frame()
    return HistoryGrid(
        grid[["frequency", "recency"]].assign(
            value=table[found.name], low=table["low"], high=table["high"]
        ),
        T,
        None if future_t is None else float(future_t),
    )
