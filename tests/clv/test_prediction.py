import numpy as np
import pandas as pd
import pytest

from segml._core.errors import DataError, ParameterError
from segml.clv import Prediction


@pytest.fixture
def prediction():
    rng = np.random.default_rng(0)
    index = pd.Index([f"c{i}@x.org" for i in range(60)], name="customer_id")
    root = rng.normal(size=(3, 3))
    return Prediction(
        pd.Series(rng.gamma(2, 5, 60), index=index),
        rng.normal(size=(60, 3)),
        0.01 * root @ root.T,
        "clv",
        "positive",
    )


@pytest.fixture
def groups(prediction):
    labels = np.array(["b", "a", "c"])[np.arange(60) % 3]
    return pd.Series(labels, index=prediction.values.index, name="segment")


def test_to_frame(prediction):
    frame = prediction.to_frame(level=0.9)
    assert frame.columns.tolist() == ["clv", "std_error", "low", "high"]
    pd.testing.assert_index_equal(frame.index, prediction.values.index)
    J = prediction.jacobian
    np.testing.assert_allclose(
        frame["std_error"], np.sqrt(np.diag(J @ prediction.covariance @ J.T)), rtol=1e-12
    )
    assert (frame["low"] < frame["clv"]).all()
    assert (frame["clv"] < frame["high"]).all()
    assert (frame["low"] > 0).all()


def test_groups_take_correlation_into_account(prediction, groups):
    means, sums = prediction.mean_by(groups), prediction.sum_by(groups)
    assert means.columns.tolist() == ["value", "std_error", "low", "high", "n"]
    assert means.index.tolist() == ["a", "b", "c"]
    assert means.index.name == "segment"
    assert sums["n"].tolist() == [20, 20, 20]
    for label in "abc":
        inside = (groups == label).to_numpy()
        row = prediction.jacobian[inside].sum(axis=0)
        error = np.sqrt(row @ prediction.covariance @ row)
        total = prediction.values[inside].sum()
        assert sums.loc[label, "value"] == pytest.approx(total, rel=1e-12)
        assert sums.loc[label, "std_error"] == pytest.approx(error, rel=1e-12)
        assert means.loc[label, "value"] == pytest.approx(total / 20, rel=1e-12)
        assert means.loc[label, "std_error"] == pytest.approx(error / 20, rel=1e-12)
        assert means.loc[label, "low"] == pytest.approx(sums.loc[label, "low"] / 20, rel=1e-12)


def test_order_of_groups_does_not_matter(prediction, groups):
    pd.testing.assert_frame_equal(
        prediction.sum_by(groups.sample(frac=1, random_state=0)), prediction.sum_by(groups)
    )


def test_categories_keep_their_order(prediction, groups):
    ordered = groups.astype(pd.CategoricalDtype(["c", "a", "b"], ordered=True))
    assert prediction.mean_by(ordered).index.tolist() == ["c", "a", "b"]


def test_mean_probability_stays_below_one():
    values = pd.Series([0.99, 0.98])
    uncertain = Prediction(values, np.array([[0.02], [0.03]]), np.eye(1), "p_alive", "probability")
    assert uncertain.to_frame()["high"].max() < 1
    one = pd.Series(["x", "x"])
    assert uncertain.mean_by(one)["high"].iloc[0] < 1
    assert uncertain.sum_by(one)["value"].iloc[0] == pytest.approx(1.97)


def test_certain_values_have_no_width():
    certain = Prediction(
        pd.Series([1.0, 0.0]), np.zeros((2, 1)), np.eye(1), "p_alive", "probability"
    )
    frame = certain.to_frame()
    assert frame["low"].tolist() == frame["high"].tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda g: g.iloc[:50], "10 customers without a group and 0 unknown ids"),
        (
            lambda g: pd.concat([g, pd.Series({"new": "a"})]),
            "0 customers without a group and 1 unk",
        ),
        (lambda g: g.where(g != "a"), "20 customers without a group and 0 unknown ids"),
        (lambda g: pd.concat([g, g.iloc[:2]]), "customers occur more than once in the groups"),
        (lambda g: g.to_list(), "groups are not a Series"),
    ],
)
def test_groups_of_other_customers(prediction, groups, change, message):
    with pytest.raises(DataError, match=message) as caught:
        prediction.mean_by(change(groups))
    assert "x.org" not in str(caught.value)


def test_repeated_customers(prediction, groups):
    twice = Prediction(
        prediction.values.rename(index={"c1@x.org": "c0@x.org"}),
        prediction.jacobian,
        prediction.covariance,
        "clv",
        "positive",
    )
    with pytest.raises(DataError, match="more than once in the prediction"):
        twice.sum_by(groups)


def test_level_is_checked(prediction, groups):
    for use in (prediction.to_frame, lambda level: prediction.sum_by(groups, level)):
        with pytest.raises(ParameterError, match="level"):
            use(95)


def test_html_is_a_summary_without_ids(prediction):
    page = prediction._repr_html_()
    for part in ("customers", ">60<", "mean clv", "total clv", "95% interval", "median clv"):
        assert part in page
    assert "x.org" not in page
