"""Segments as SQL that stands alone: labels are those of predict, wherever the text is run."""

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sqlglot
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError

from segml._core.errors import ParameterError
from segml.clustering import HDBSCANSegmenter, KMeansSegmenter, RFMSegmenter, segment_rules
from segml.export.sql_dialects import DIALECTS, translate
from segml.export.sql_text import to_sql
from segml.features import build_features, make_preprocessor, rfm_summary

N = 2_000
OTHERS = ["postgres", "bigquery", "snowflake"]


def _features(**columns: Any) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    values = {f"x{j}": rng.lognormal(2, 1, N) for j in range(3)}
    index = pd.Index([f"c{i:05}" for i in range(N)], name="customer_id")
    return pd.DataFrame(values | columns, index=index)


def _in_duckdb(text: str, features: pd.DataFrame, name: str = "features") -> pd.DataFrame:
    """Run a text where segml's functions are not known."""
    warehouse = duckdb.connect()
    warehouse.register(name, pa.Table.from_pandas(features.reset_index()))
    return warehouse.sql(text).to_df().set_index("customer_id").sort_index()


def _assert_predicted(found: pd.DataFrame, segmenter: Any, features: pd.DataFrame) -> None:
    expected = segmenter.predict(features).sort_index()
    assert found["segment"].tolist() == expected.tolist()
    table = getattr(segmenter, "segments_", getattr(segmenter, "table", None))
    assert found["name"].tolist() == table["name"].reindex(expected).tolist()


def _assert_everywhere(segmenter: Any, features: pd.DataFrame) -> None:
    """Compare with predict, in DuckDB's own words and by way of the other dialects."""
    _assert_predicted(_in_duckdb(to_sql(segmenter), features), segmenter, features)
    for dialect in OTHERS:
        text = to_sql(segmenter, dialect=dialect)
        (again,) = sqlglot.transpile(text, read=dialect, write="duckdb")
        _assert_predicted(_in_duckdb(again, features), segmenter, features)


def _mixed() -> pd.DataFrame:
    """Return features with levels and holes, as they come."""
    rng = np.random.default_rng(6)
    frame = _features().set_axis(["recency_days", "aov", "revenue"], axis=1)
    frame["country"] = rng.choice(["DE", "FR", "O'Neill \\ Sons", None], N).astype(object)
    frame["market"] = rng.choice([True, False, None], N).astype(object)
    frame["order_season"] = rng.choice([0, 3, 11, None], N).astype(float)
    frame.loc[frame.index[::7], "aov"] = np.nan
    return frame


def test_k_means_on_standardised_features() -> None:
    features = _features()
    _assert_everywhere(KMeansSegmenter(4, n_init=1).fit(features), features)


def test_k_means_of_equally_near_centres() -> None:
    rng = np.random.default_rng(8)
    features = pd.DataFrame(
        rng.integers(0, 4, (N, 2)).astype(float),
        index=pd.Index([f"c{i:05}" for i in range(N)], name="customer_id"),
        columns=["x0", "x1"],
    )
    segmenter = KMeansSegmenter(3, n_init=1).fit(features)
    segmenter.preprocessor_.mean_, segmenter.preprocessor_.scale_ = np.zeros(2), np.ones(2)
    segmenter.cluster_centers_ = np.array([[2.0, 1.0], [0.0, 1.0], [1.0, 3.0]])
    distances = segmenter.transform(features)
    assert (np.sort(distances, axis=1)[:, 0] == np.sort(distances, axis=1)[:, 1]).sum() > 100
    _assert_everywhere(segmenter, features)


@pytest.mark.parametrize("columns", [1, 9, 130])
def test_k_means_of_few_and_many_columns(columns: int) -> None:
    rng = np.random.default_rng(9)
    index = pd.Index([f"c{i:05}" for i in range(N)], name="customer_id")
    features = pd.DataFrame(
        rng.normal(size=(N, columns)), index=index, columns=[f"x{j}" for j in range(columns)]
    )
    segmenter = KMeansSegmenter(3, n_init=1).fit(features)
    _assert_predicted(_in_duckdb(to_sql(segmenter), features), segmenter, features)


def test_k_means_with_levels_and_missing_values() -> None:
    features = _mixed()
    segmenter = KMeansSegmenter(4, make_preprocessor(features), n_init=1).fit(features)
    _assert_everywhere(segmenter, features)
    text = features.assign(market=features["market"].map({True: "yes", False: "no"}))
    _assert_predicted(_in_duckdb(to_sql(segmenter), text), segmenter, features)


@pytest.mark.parametrize("scaling", ["standard", "robust"])
def test_k_means_on_real_customers(cdnow_sample, scaling: Any) -> None:
    known = ["recency_days", "orders", "aov", "revenue", "tenure_days", "order_weekday"]
    features = build_features(cdnow_sample, "1998-06-30", known)
    preprocessor = make_preprocessor(features, scaling=scaling)
    segmenter = KMeansSegmenter(5, preprocessor, n_init=2).fit(features)
    frame = features.to_pandas()
    _assert_predicted(_in_duckdb(to_sql(segmenter), frame), segmenter, frame)


@pytest.mark.parametrize("least", [0, 200])
def test_rfm_rules_on_real_customers(cdnow, least: int) -> None:
    rfm = rfm_summary(cdnow, "1998-06-30")
    segmenter = RFMSegmenter(min_segment_size=least).fit(rfm)
    assert rfm["monetary_value"].isna().any()
    _assert_predicted(_in_duckdb(to_sql(segmenter), rfm), segmenter, rfm)


def test_rfm_rules_on_features(cdnow_sample) -> None:
    features = build_features(cdnow_sample, "1998-06-30", ["recency_days", "orders", "revenue"])
    frame = features.to_pandas()
    segmenter = RFMSegmenter(names={0: "The 'best' \\ 1"}).fit(frame)
    _assert_everywhere(segmenter, frame)


def test_a_score_of_what_is_missing_is_the_lowest() -> None:
    rfm = pd.DataFrame(
        {
            "frequency": [0, 1, 3, 9, 2],
            "recency": [0, 20, 30, 99, 30],
            "T": [99, 99, 99, 100, 99],
            "monetary_value": [10.0, 10.0, 20.0, 50.0, 20.0],
        },
        index=pd.Index(list("abcde"), name="customer_id"),
    )
    segmenter = RFMSegmenter().fit(rfm)
    warehouse = duckdb.connect()
    warehouse.sql(
        "CREATE TABLE features AS SELECT 'z' AS customer_id, 9 AS frequency, 99 AS recency,"
        " 100 AS T, CAST('NaN' AS DOUBLE) AS monetary_value"
    )
    other = rfm.loc[["d"]].assign(monetary_value=np.nan)
    ((_, segment, _),) = warehouse.sql(to_sql(segmenter)).fetchall()
    assert segment == segmenter.predict(other).iloc[0] != segmenter.predict(rfm.loc[["d"]]).iloc[0]


def test_rules_with_levels_and_missing_values() -> None:
    features = _mixed()
    labels = pd.Series(
        np.where(features["country"].eq("DE"), 0, np.where(features["aov"].isna(), 1, 2))
        + 3 * features["market"].eq(True).to_numpy(),
        features.index,
    )
    rules = segment_rules(features, labels, names={0: "Germans", 1: "O'Brien\\"})
    assert {"country", "market"} <= set(rules.levels)
    _assert_everywhere(rules, features)


def test_a_customer_who_cannot_be_placed_has_no_segment() -> None:
    features = _features()
    segmenter = KMeansSegmenter(3, n_init=1).fit(features)
    wrong = features.iloc[:4].copy()
    wrong.iloc[1, 0], wrong.iloc[2, 0], wrong.iloc[3, 0] = np.inf, np.nan, -np.inf
    for dialect in ("duckdb", *OTHERS):
        text = to_sql(segmenter, dialect=dialect)
        if dialect != "duckdb":
            (text,) = sqlglot.transpile(text, read=dialect, write="duckdb")
        found = _in_duckdb(text, wrong)
        assert found["segment"].isna().tolist() == [False, True, True, True]
        assert found["name"].isna().tolist() == [False, True, True, True]


@pytest.mark.spark
def test_spark_without_functions_of_segml(spark_engine, cdnow_sample) -> None:
    session = spark_engine.session.newSession()
    frame = _mixed()
    rfm = rfm_summary(cdnow_sample, "1998-06-30")
    known = ["recency_days", "aov", "country", "market"]
    labels = pd.Series(np.where(frame["country"].eq("FR"), 1, 0), frame.index)
    cases = [
        (KMeansSegmenter(4, make_preprocessor(frame), n_init=1).fit(frame), frame),
        (
            KMeansSegmenter(4, n_init=1).fit(frame[["recency_days", "revenue"]]),
            frame[["recency_days", "revenue"]],
        ),
        (RFMSegmenter().fit(rfm), rfm),
        (segment_rules(frame[known], labels), frame[known]),
    ]
    for segmenter, features in cases:
        arrow = pa.Table.from_pandas(features.reset_index(), preserve_index=False)
        session.createDataFrame(arrow).createOrReplaceTempView("features")
        found = session.sql(to_sql(segmenter, dialect="spark")).toArrow().to_pandas()
        found = found.set_index("customer_id").sort_index()
        _assert_predicted(found, segmenter, features)


@pytest.mark.parametrize("dialect", [*DIALECTS])
def test_every_dialect_is_read_by_its_parser(dialect: str) -> None:
    features = _mixed().rename(columns={"recency_days": 'odd "name" (`x`)'})
    numbers = features.iloc[:, [0, 2]]
    labels = pd.Series(np.where(features["country"].eq("DE"), 0, 1), features.index)
    for segmenter in (
        KMeansSegmenter(3, n_init=1).fit(numbers),
        segment_rules(features, labels),
    ):
        text = to_sql(segmenter, "shop.crm.features", dialect)
        tree = sqlglot.parse_one(text, read=dialect)
        assert [column.lower() for column in tree.named_selects] == [
            "customer_id",
            "segment",
            "name",
        ]
        source = tree.find(sqlglot.exp.CTE).this.find(sqlglot.exp.Table)
        assert [source.catalog.lower(), source.db.lower(), source.name.lower()] == [
            "shop",
            "crm",
            "features",
        ]


def test_the_same_text_every_time() -> None:
    features = _features()
    segmenter = KMeansSegmenter(3, n_init=1).fit(features)
    assert to_sql(segmenter) == to_sql(segmenter)
    assert "segml_step_1 AS" in to_sql(segmenter)


def test_names_and_texts_of_a_dialect() -> None:
    text = """SELECT "a""b", 'it''s \\' FROM "Mixed Case", "plain" WHERE isfinite("isnan(x")"""
    assert translate(text, DIALECTS["bigquery"]) == (
        "SELECT `a\"b`, 'it\\'s \\\\'\nFROM `Mixed Case`, `plain`"
        " WHERE (NOT is_nan(`isnan(x`) AND NOT is_inf(`isnan(x`))"
    )
    assert translate(text, DIALECTS["snowflake"]) == (
        """SELECT "a""b", 'it\\'s \\\\'\nFROM "Mixed Case", "PLAIN\""""
        """ WHERE (abs("isnan(x") < CAST('inf' AS DOUBLE))"""
    )


def test_what_has_no_sql() -> None:
    features = _features()
    with pytest.raises(ParameterError, match="did you mean: 'postgres'"):
        to_sql(KMeansSegmenter(2).fit(features), dialect="postgress")
    with pytest.raises(ParameterError, match="have no SQL"):
        to_sql(HDBSCANSegmenter())
    with pytest.raises(ParameterError, match="have no SQL"):
        to_sql(KMeansSegmenter(2, embedding=PCA(2)).fit(features))
    with pytest.raises(ParameterError, match="array"):
        to_sql(KMeansSegmenter(2).fit(features.to_numpy()))
    with pytest.raises(NotFittedError):
        to_sql(KMeansSegmenter(2))
    with pytest.raises(NotFittedError):
        to_sql(RFMSegmenter())
