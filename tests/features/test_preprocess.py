from itertools import chain

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, RobustScaler, StandardScaler

from segml._core.errors import (
    DataError,
    MissingTableError,
    NotEnoughDataError,
    ParameterError,
    SegmlWarning,
)
from segml.clustering import KMeansSegmenter
from segml.features import FEATURES, build_features, make_preprocessor
from segml.features.feature import Feature
from segml.features.preprocess import signed_log

NAMES = ["recency_days", "orders", "revenue", "aov", "tenure_days", "items_per_order"]


def feature(name, scale, kind="value", missing="unknown", **more) -> Feature:
    unit = "category" if scale in ("one-hot", "ordinal") else "count"
    return Feature(name, name, kind, name, unit, "1", scale, missing=missing, **more)


MIXED = [
    feature("spend", "log"),
    feature("refunds", "none", missing="zero"),
    feature("gap_days", "log", "behavioural", "not applicable"),
    feature("order_hour", "cyclic", "behavioural", cycle=24),
    feature("income", "ordinal", "demographic", levels=("low", "middle", "high")),
    feature("country", "one-hot", "geographic"),
    feature("coupon", "one-hot", "behavioural", "not applicable"),
]
COLUMNS = {
    "spend": ["spend"],
    "refunds": ["refunds"],
    "gap_days": ["gap_days", "gap_days is missing"],
    "order_hour": ["order_hour (sin)", "order_hour (cos)", "order_hour is missing"],
    "income": ["income", "income is missing"],
    "country": ["country: DE", "country: FR", "country: unknown", "country: other"],
    "coupon": ["coupon: SPRING", "coupon: not applicable"],
}


def mixed_frame(n=400, seed=0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)

    def lacking(values, share):
        return pd.Series(values).mask(pd.Series(rng.random(n) < share))

    countries = rng.choice(["DE", "FR"], n)
    countries[:3] = ["IS", "MT", "IS"][:n]
    frame = pd.DataFrame(
        {
            "spend": rng.lognormal(3, 1, n),
            "refunds": lacking(rng.poisson(0.5, n), 0.3),
            "gap_days": lacking(rng.gamma(2, 20, n), 0.4),
            "order_hour": lacking(rng.integers(0, 24, n), 0.1),
            "income": lacking(rng.choice(["low", "middle", "high"], n), 0.2),
            "country": lacking(countries, 0.15),
            "coupon": lacking(np.full(n, "SPRING"), 0.6),
        }
    )
    return frame.set_index(pd.Index([f"c{j:03}" for j in range(n)], name="customer_id"))


@pytest.fixture(scope="module")
def mixed() -> pd.DataFrame:
    return mixed_frame()


@pytest.fixture(scope="module")
def scaled(mixed) -> pd.DataFrame:
    return make_preprocessor(MIXED).set_output(transform="pandas").fit_transform(mixed)


# Numbers


def test_every_feature_has_mean_zero_and_variance_one(cdnow_sample) -> None:
    names = ["recency_days", "orders", "revenue", "aov", "tenure_days"]
    table = build_features(cdnow_sample, "1998-06-30", names)
    scaled = make_preprocessor(table).fit_transform(table.to_pandas())
    assert scaled.shape == (2357, len(names))
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-10)
    np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-10)


def test_complete_numbers_are_those_of_standard_scaler_to_the_byte() -> None:
    frame = mixed_frame()[["spend"]].assign(tenure=np.arange(400.0) % 37).sort_values("spend")
    log = make_pipeline(FunctionTransformer(signed_log), StandardScaler())
    reference = ColumnTransformer(
        [("spend", log, ["spend"]), ("tenure", StandardScaler(), ["tenure"])]
    )
    found = make_preprocessor([feature("spend", "log"), feature("tenure", "none")])
    assert found.fit_transform(frame).tobytes() == reference.fit_transform(frame).tobytes()


def test_names_stay() -> None:
    names = ["tenure_days", "revenue"]
    frame = pd.DataFrame({"revenue": [1.0, 2.0], "tenure_days": [3, 5], "other": ["x", "y"]})
    made = make_preprocessor(names).set_output(transform="pandas")
    scaled = made.fit_transform(frame)
    assert scaled.columns.tolist() == names
    assert made.get_feature_names_out().tolist() == names


@pytest.mark.parametrize("name", NAMES)
def test_the_registered_scale_is_used(name) -> None:
    values = np.array([0.0, 1.0, 10.0, 1000.0])
    scaled = make_preprocessor([name]).fit_transform(pd.DataFrame({name: values}))[:, 0]
    raw = np.sign(values) * np.log1p(values) if FEATURES[name].scale == "log" else values
    np.testing.assert_allclose(scaled, (raw - raw.mean()) / raw.std())


def test_a_constant_feature_is_zero() -> None:
    frame = pd.DataFrame({"orders": [4, 4, 4]})
    assert make_preprocessor(["orders"]).fit_transform(frame).tolist() == [[0.0]] * 3


def test_robust_scaling(mixed) -> None:
    found = make_preprocessor(MIXED[:1], scaling="robust").fit_transform(mixed)
    expected = RobustScaler(unit_variance=True).fit_transform(np.log1p(mixed[["spend"]]))
    np.testing.assert_allclose(found, expected)


def test_signed_log_is_odd_and_keeps_order() -> None:
    values = np.linspace(-100, 100, 41)
    found = signed_log(values)
    np.testing.assert_allclose(found, -signed_log(-values))
    assert (np.diff(found) > 0).all()
    assert signed_log(0.0) == 0
    assert signed_log(np.e - 1) == pytest.approx(1)


# Mixed features against numpy


def test_columns_are_readable(scaled) -> None:
    assert scaled.columns.tolist() == list(chain(*COLUMNS.values()))


def over_its_spread(block) -> np.ndarray:
    block = np.asarray(block, dtype=float)
    return (block - block.mean(axis=0)) / np.sqrt(block.var(axis=0).sum())


def test_missing_means_zero(mixed, scaled) -> None:
    filled = mixed[["refunds"]].fillna(0)
    np.testing.assert_allclose(scaled[["refunds"]], over_its_spread(filled), atol=1e-12)


@pytest.mark.parametrize("name", ["gap_days", "income"])
def test_missing_means_unknown(mixed, scaled, name) -> None:
    ranks = {"low": 0, "middle": 0.5, "high": 1}
    x = mixed[name].map(ranks) if name == "income" else np.log1p(mixed[name])
    value = x.fillna(x.median()) / x.std(ddof=0)
    block = np.column_stack([value, x.isna()])
    expected = over_its_spread(block)
    # The middle is the known values' mean, not that of all.
    expected[:, 0] = (value - x.mean() / x.std(ddof=0)) / np.sqrt(block.var(axis=0).sum())
    np.testing.assert_allclose(scaled[COLUMNS[name]], expected, atol=1e-12)


def test_hours_are_on_a_circle(mixed, scaled) -> None:
    found = scaled[COLUMNS["order_hour"]].to_numpy()
    known = mixed["order_hour"].notna().to_numpy()
    angle = mixed["order_hour"].to_numpy()[known] * np.pi / 12
    circle = np.column_stack([np.sin(angle), np.cos(angle)])
    share = 1 - known.mean()
    expected = over_its_spread(circle) / np.sqrt((1 - share) * (1 + share))
    np.testing.assert_allclose(found[known, :2], expected, atol=1e-12)
    assert not found[~known, :2].any()
    hours = mixed["order_hour"].to_numpy()

    def distance(a, b):
        return np.linalg.norm(found[hours == a][0] - found[hours == b][0])

    assert distance(23, 0) == pytest.approx(distance(0, 1))
    assert distance(23, 0) < distance(22, 0) < distance(12, 0)


@pytest.mark.parametrize("name", ["country", "coupon"])
def test_levels(mixed, scaled, name) -> None:
    rename = {"IS": "other", "MT": "other"}
    missing = "unknown" if name == "country" else "not applicable"
    dummies = pd.get_dummies(mixed[name].replace(rename).fillna(missing), prefix_sep=": ")
    expected = over_its_spread(dummies[[column.split(": ")[1] for column in COLUMNS[name]]])
    np.testing.assert_allclose(scaled[COLUMNS[name]], expected, atol=1e-12)
    shares = dummies.mean()
    assert dummies.var(ddof=0).sum() == pytest.approx(1 - (shares**2).sum())  # as in the notes


def test_every_feature_contributes_alike_to_squared_distances(scaled) -> None:
    for columns in COLUMNS.values():
        block = scaled[columns].to_numpy()
        squared = ((block[:, None] - block[None]) ** 2).sum(axis=2)
        assert squared.mean() == pytest.approx(2)


def test_every_registered_feature() -> None:
    rng = np.random.default_rng(3)
    n = 300

    def values(each):
        if each.is_category:
            return pd.Series(rng.choice(each.levels or ["a", "b", "c"], n))
        return pd.Series(rng.integers(0, each.cycle, n) if each.cycle else rng.gamma(1, 9, n))

    frame = pd.DataFrame({each.name: values(each) for each in FEATURES.values()})
    frame = frame.mask(rng.random(frame.shape) < 0.1)
    made = make_preprocessor(list(FEATURES)).set_output(transform="pandas")
    found = made.fit_transform(frame)
    assert not found.isna().any(axis=None)
    for each in FEATURES:
        block = found.iloc[:, made.output_indices_[each]]
        assert block.var(ddof=0).sum() == pytest.approx(1), each
        assert all(column.startswith(each) for column in block.columns)


def test_a_kind_can_be_weighted(mixed, scaled) -> None:
    made = make_preprocessor(MIXED, weights={"behavioural": 0.25, "geographic": 2})
    found = made.set_output(transform="pandas").fit_transform(mixed)
    for each in MIXED:
        weight = {"behavioural": 0.25, "geographic": 2}.get(each.kind, 1)
        columns = COLUMNS[each.name]
        np.testing.assert_allclose(found[columns], scaled[columns] * np.sqrt(weight))


def test_a_kind_of_weight_zero_is_left_out(mixed) -> None:
    made = make_preprocessor(MIXED, weights={"behavioural": 0, "psychographic": 3}).fit(mixed)
    names = made.get_feature_names_out().tolist()
    assert names == list(chain(*(COLUMNS[n] for n in ("spend", "refunds", "income", "country"))))


def test_few_missing_values_get_no_column_and_full_weight() -> None:
    frame = pd.DataFrame({"gap_days": np.append(np.arange(199.0), np.nan)})
    made = make_preprocessor(MIXED[2:3]).fit(frame)
    assert made.get_feature_names_out().tolist() == ["gap_days"]
    assert made.transform(frame).var() == pytest.approx(1)
    made = make_preprocessor(MIXED[2:3], min_level_share=0.005).fit(frame)
    assert made.get_feature_names_out().tolist() == COLUMNS["gap_days"]


# New customers


def test_new_customers_with_what_the_fit_has_not_seen(mixed) -> None:
    made = make_preprocessor(MIXED).set_output(transform="pandas").fit(mixed)
    new = mixed.iloc[:2].assign(country=["NO", "MT"], spend=[np.nan, mixed["spend"].max() * 10])
    found = made.transform(new)
    assert np.isfinite(found).all(axis=None)
    assert found["country: other"].iloc[0] == found["country: other"].iloc[1] > 0
    nothing = mixed.iloc[:1].assign(**dict.fromkeys(mixed.columns))
    assert np.isfinite(made.transform(nothing)).all(axis=None)


def test_one_customer_at_a_time_is_the_same(mixed) -> None:
    made = make_preprocessor(MIXED).fit(mixed)
    whole = made.transform(mixed)
    for j in range(0, len(mixed), 67):
        assert made.transform(mixed.iloc[[j]]).tobytes() == whole[[j]].tobytes()


# The same whatever the rows' order or container


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.sampled_from(["standard", "robust"]))
@pytest.mark.filterwarnings("ignore:every level is rare")
def test_the_order_of_rows_changes_no_byte(seed, n, scaling) -> None:
    frame = mixed_frame(n, seed)
    frame.iloc[0] = mixed_frame().dropna().iloc[0]
    order = np.random.default_rng(seed).permutation(n)
    made = make_preprocessor(MIXED, scaling=scaling, min_level_share=0.1)
    straight = made.fit_transform(frame)
    shuffled = clone(made).fit_transform(frame.iloc[order])
    assert shuffled.tobytes() == straight[order].tobytes()
    assert made.transform(frame).tobytes() == straight.tobytes()


@pytest.mark.parametrize(
    "contained",
    [
        lambda frame: pl.from_pandas(frame.reset_index()),
        lambda frame: pa.Table.from_pandas(frame.reset_index()),
        lambda frame: frame.assign(email="x"),
        lambda frame: frame.astype({"country": "category", "order_hour": "Int64"}),
        lambda frame: frame.astype(object),
        lambda frame: frame.copy(),
    ],
)
def test_containers(mixed, contained) -> None:
    found = make_preprocessor(MIXED).fit_transform(contained(mixed))
    assert found.tobytes() == make_preprocessor(MIXED).fit_transform(mixed).tobytes()


def test_a_feature_table(cdnow_sample) -> None:
    table = build_features(cdnow_sample, "1998-06-30", NAMES[:4])
    found = make_preprocessor(table).fit_transform(table)
    again = make_preprocessor(NAMES[:4]).fit_transform(table.to_pandas())
    assert found.tobytes() == again.tobytes()


def test_pandas_out_keeps_customers(mixed, scaled) -> None:
    assert scaled.index.equals(mixed.index)
    arrays = make_preprocessor(MIXED).fit_transform(mixed)
    np.testing.assert_array_equal(scaled.to_numpy(), arrays)


def test_polars_out(mixed, scaled) -> None:
    made = make_preprocessor(MIXED).set_output(transform="polars")
    found = made.fit_transform(pl.from_pandas(mixed))
    assert isinstance(found, pl.DataFrame)
    assert found.columns == scaled.columns.tolist()
    np.testing.assert_array_equal(found.to_numpy(), scaled.to_numpy())


def test_a_clone_is_unfitted_and_equal(mixed) -> None:
    made = make_preprocessor(MIXED, weights={"value": 2}, scaling="robust").fit(mixed)
    copy = clone(made)
    assert not hasattr(copy, "transformers_")
    assert copy.fit_transform(mixed).tobytes() == made.transform(mixed).tobytes()


def test_segments_of_mixed_features(mixed) -> None:
    near = mixed.assign(spend=np.where(np.arange(400) < 150, 1e6, 1.0))
    made = make_preprocessor(MIXED, weights={"value": 9}).set_output(transform="pandas")
    scaled = made.fit_transform(near)
    segmenter = KMeansSegmenter(2, preprocessor=FunctionTransformer()).fit(scaled)
    assert segmenter.labels_.tolist() == [1] * 150 + [0] * 250


# Bad input


def test_an_unknown_feature() -> None:
    with pytest.raises(ParameterError, match="unknown value for features") as caught:
        make_preprocessor(["order"])
    assert caught.value.problem.nearest == "orders"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"weights": {"behavioral": 1}}, "did you mean: 'behavioural'"),
        ({"weights": {"value": -1}}, "weights.'value'. is out of range"),
        ({"weights": {"value": np.nan}}, "out of range"),
        ({"weights": {"value": 0}}, "no feature to scale"),
        ({"scaling": "robst"}, "did you mean: 'robust'"),
        ({"min_level_share": 1}, "min_level_share is out of range"),
    ],
)
def test_parameters(wrong, message) -> None:
    with pytest.raises(ParameterError, match=message):
        make_preprocessor(["orders"], **wrong)


@pytest.mark.parametrize("features", ["orders", []])
def test_no_list_of_features(features) -> None:
    with pytest.raises(ParameterError):
        make_preprocessor(features)


def test_text_where_numbers_belong(mixed) -> None:
    with pytest.raises(DataError, match="not numbers") as caught:
        make_preprocessor(MIXED).fit(mixed.assign(spend="a lot"))
    assert caught.value.problem.where == "column spend"


@pytest.mark.parametrize("name", ["spend", "order_hour"])
def test_infinite_values(mixed, name) -> None:
    made = make_preprocessor(MIXED)
    with pytest.raises(DataError, match=f"infinite values\n  where: column {name}"):
        made.fit(mixed.assign(**{name: np.inf}))
    with pytest.raises(DataError, match="infinite values"):
        made.fit(mixed).transform(mixed.assign(**{name: -np.inf}))


@pytest.mark.parametrize("name", ["spend", "order_hour", "income", "country"])
def test_nothing_known(mixed, name) -> None:
    with pytest.raises(NotEnoughDataError, match=f"every value is missing\n  where: column {name}"):
        make_preprocessor(MIXED).fit(mixed.assign(**{name: None}))


def test_nothing_known_where_missing_means_zero(mixed) -> None:
    made = make_preprocessor(MIXED[1:2])
    assert not made.fit_transform(mixed.assign(refunds=None)).any()


def test_unknown_levels_of_an_order(mixed) -> None:
    with pytest.warns(SegmlWarning, match="unknown levels are taken as missing"):
        make_preprocessor(MIXED).fit(mixed.assign(income=mixed["income"].replace("low", "lo")))


def test_a_column_is_absent(mixed) -> None:
    made = make_preprocessor(MIXED)
    renamed = mixed.rename(columns={"spend": "spent"})
    for attempt in (made.fit, made.fit(mixed).transform):
        with pytest.raises(MissingTableError, match="column spend") as caught:
            attempt(renamed)
        assert caught.value.problem.nearest == "spent"


def test_no_customers_and_no_names(mixed) -> None:
    with pytest.raises(NotEnoughDataError, match="no customers"):
        make_preprocessor(MIXED).fit(mixed.iloc[:0])
    with pytest.raises(DataError, match="no names"):
        make_preprocessor(["orders"]).fit(np.ones((3, 1)))
