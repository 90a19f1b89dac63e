from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segml._core.errors import NotEnoughDataError
from segml.clv import Prediction
from segml.clv.distribution import value_distribution


def worth(values, jacobian=None, covariance=None) -> Prediction:
    values = np.asarray(values, dtype=float)
    if jacobian is None:
        jacobian, covariance = values[:, None], np.array([[0.01]])
    index = pd.Index([f"c{i}" for i in range(len(values))], name="customer_id")
    return Prediction(pd.Series(values, index), jacobian, covariance, "clv", "positive")


def test_tenths_by_hand():
    found = value_distribution(worth(np.arange(1, 21)))
    tenths = found.tenths
    assert tenths.index.tolist() == list(range(1, 11))
    assert tenths["customers"].tolist() == [2] * 10
    assert tenths["mean"].tolist() == [19.5 - 2 * i for i in range(10)]
    assert tenths["share"].sum() == pytest.approx(1)
    assert found.top_share["value"] == pytest.approx(39 / 210)
    assert found.total["value"] == 210
    assert found.mean["value"] == 10.5
    assert (found.n_customers, found.n_least) == (20, 0)


def test_total_and_share_have_the_intervals_of_simulation():
    rng = np.random.default_rng(3)
    n, draws = 200, 200_000
    base = rng.gamma(0.7, 30, n)
    slopes = rng.normal(0, 1, (n, 2)) * base[:, None]  # by two parameters
    covariance = np.array([[4e-4, 1e-4], [1e-4, 2e-4]])
    found = value_distribution(worth(base, slopes, covariance))
    top = np.argsort(-base)[: n // 10]
    moves = rng.multivariate_normal([0, 0], covariance, draws)
    sums = base.sum() + moves @ slopes.sum(axis=0)
    shares = (base[top].sum() + moves @ slopes[top].sum(axis=0)) / sums
    for row, simulated in ((found.total, sums), (found.top_share, shares)):
        half = (row["high"] - row["low"]) / 2
        assert half == pytest.approx(1.96 * simulated.std(), rel=0.02)


def test_bins_hold_everyone_worth_anything():
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.lognormal(3, 2, 500), [0.0, 1e-300, 0.00999]])
    found = value_distribution(worth(values))
    inside = values[values >= 0.01]
    assert found.n_least == (values < 0.01).sum() >= 3
    assert found.bins["customers"].sum() == len(inside)
    assert found.bins["low"].iloc[0] == inside.min()
    assert found.bins["high"].iloc[-1] == inside.max()
    ratios = found.bins["high"] / found.bins["low"]
    np.testing.assert_allclose(ratios, ratios.iloc[0], rtol=1e-9)


@pytest.mark.parametrize("values", [[5.0], [5.0] * 7, [1.0, 2, 3]])
def test_few_or_equal_customers(values):
    found = value_distribution(worth(values))
    assert found.bins["customers"].sum() == len(values)
    assert found.top_share["value"] == pytest.approx(max(values) / sum(values))
    assert found.tenths["customers"].sum() == len(values)


def test_order_changes_nothing():
    values = np.random.default_rng(2).gamma(1, 10, 57)
    one, other = value_distribution(worth(values)), value_distribution(worth(values[::-1]))
    pd.testing.assert_frame_equal(one.tenths, other.tenths)
    pd.testing.assert_frame_equal(one.bins, other.bins)


def test_nobody_worth_anything():
    with pytest.raises(NotEnoughDataError, match="nobody is worth anything"):
        value_distribution(worth([0.0, 0.001]))


def test_html_has_total_and_share():
    page = value_distribution(worth(np.arange(1, 21)))._repr_html_()
    for said in ("210.00", "19%", "95% interval"):
        assert said in page
