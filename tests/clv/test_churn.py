import numpy as np
import pandas as pd
import pytest

from segml._core.errors import ParameterError
from segml.clv import churn_table


def test_columns_and_values(model, cdnow):
    table = churn_table(model, cdnow, future_t=26)
    assert table.columns.tolist() == ["p_alive", "p_no_purchase", "churn_band"]
    pd.testing.assert_index_equal(table.index, cdnow.index)
    np.testing.assert_array_equal(table["p_alive"], model.expected_probability_alive(cdnow))
    np.testing.assert_array_equal(
        table["p_no_purchase"], model.expected_probability_no_purchase(cdnow, 26)
    )
    assert (table["p_no_purchase"] >= 1 - table["p_alive"]).all()


def test_bands_are_ordered_and_follow_the_bounds(model, cdnow):
    table = churn_table(model, cdnow, 26, bands=(0.3, 0.8))
    band = table["churn_band"]
    assert band.cat.ordered
    assert band.cat.categories.tolist() == ["likely lost", "at risk", "active"]
    assert (table.loc[band == "likely lost", "p_alive"] < 0.3).all()
    assert table.loc[band == "at risk", "p_alive"].between(0.3, 0.8, inclusive="left").all()
    assert (table.loc[band == "active", "p_alive"] >= 0.8).all()
    assert (band.value_counts() > 0).all()


def test_a_chance_on_a_bound_belongs_to_the_better_band(model, cdnow):
    alive = sorted(set(model.expected_probability_alive(cdnow)))
    low, high = alive[100], alive[200]
    table = churn_table(model, cdnow, 26, bands=(low, high))
    assert (table.loc[table["p_alive"] == low, "churn_band"] == "at risk").all()
    assert (table.loc[table["p_alive"] == high, "churn_band"] == "active").all()


@pytest.mark.parametrize("bands", [(0.8, 0.3), (0.5, 0.5), (0.1, 1.2), (-0.1, 0.5), (0.5,), 0.5])
def test_bad_bands(model, cdnow, bands):
    with pytest.raises(ParameterError, match="bands"):
        churn_table(model, cdnow, 26, bands=bands)


def test_bad_period(model, cdnow):
    with pytest.raises(ParameterError, match="future_t"):
        churn_table(model, cdnow, -1)
