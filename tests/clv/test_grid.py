from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segml._core.errors import DataError, MissingTableError, ParameterError
from segml.clv import BetaGeoModel
from segml.clv.grid import history_grid


@pytest.fixture(scope="module")
def grids(model, cdnow):
    return history_grid(model, cdnow), history_grid(model, cdnow, 39.0)


def test_cells_are_the_models_predictions(grids, model, cdnow):
    for grid, method, arguments in (
        (grids[0], model.expected_probability_alive, {}),
        (grids[1], model.expected_purchases, {"future_t": 39.0}),
    ):
        rfm = grid.table[["frequency", "recency"]].assign(T=cdnow["T"].max())
        np.testing.assert_allclose(grid.table["value"], method(rfm, **arguments), rtol=1e-12)
        assert (grid.table["low"] <= grid.table["value"]).all()
        assert (grid.table["high"] >= grid.table["value"]).all()


def test_grid_spans_the_customers(grids, cdnow):
    matrix = grids[0].matrix()
    assert matrix.columns.tolist() == list(range(int(cdnow["frequency"].max()) + 1))
    assert cdnow["T"].max() == grids[0].T
    assert (matrix.index[0], matrix.index[-1]) == (0, grids[0].T)
    assert len(matrix) == 41


def test_impossible_histories_are_missing(grids):
    matrix = grids[0].matrix()
    assert matrix[0.0].notna().tolist() == [True] + [False] * 40
    assert matrix.loc[0.0].notna().tolist() == [True] + [False] * (matrix.shape[1] - 1)
    assert matrix.iloc[1:, 1:].notna().all(axis=None)


def test_long_histories_are_stepped_over(with_parameters):
    rfm = pd.DataFrame({"frequency": [0, 2000], "recency": [0.0, 38.0], "T": [38.86, 38.86]})
    matrix = history_grid(with_parameters(0.2426, 4.414, 0.793, 2.426), rfm, 39.0).matrix()
    assert matrix.shape == (41, 51)
    assert matrix.columns[-1] == 2000
    assert np.isfinite(matrix.iloc[1:, 1:].to_numpy()).all()


def test_customers_of_no_time_at_all_have_one_history(with_parameters):
    rfm = pd.DataFrame({"frequency": [0], "recency": [0.0], "T": [0.0]})
    grid = history_grid(with_parameters(0.2426, 4.414, 0.793, 2.426), rfm)
    assert grid.matrix().to_numpy().tolist() == [[1.0]]


def test_bad_input(model):
    rfm = pd.DataFrame({"frequency": [1], "recency": [3.0], "T": [2.0]})
    with pytest.raises(DataError, match="recency is greater than T"):
        history_grid(model, rfm)
    with pytest.raises(ParameterError):
        history_grid(model, rfm.assign(T=4.0), -1.0)


def test_html_is_a_small_table(grids):
    page = grids[1]._repr_html_()
    assert "purchases expected in the next 39, T 38.9" in page
    assert page.count("<tr>") == 6
    assert ">nan<" not in page
    assert "P(alive), T 38.9" in grids[0]._repr_html_()


def test_covariates_are_those_given(cdnow):
    odd = (np.arange(len(cdnow)) % 2).astype(float)
    rfm = cdnow.assign(odd=odd)
    model = BetaGeoModel(purchase_covariates=("odd",)).fit(rfm)
    grid = history_grid(model, rfm, 39.0, {"odd": 1.0})
    cells = grid.table[["frequency", "recency"]].assign(T=grid.T, odd=1.0)
    expected = model.expected_purchases(cells, future_t=39.0)
    np.testing.assert_allclose(grid.table["value"], expected, rtol=1e-12)
    with pytest.raises(MissingTableError, match="odd"):
        history_grid(model, rfm, 39.0)
