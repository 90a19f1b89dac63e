"""Every feature on DuckDB and on Spark: exact for counts and labels, 1e-9 for floats."""

import numpy as np
import pyarrow as pa
import pytest

from segml.features import FEATURES, build_features

from .bundles import bundle, dirty_store

pytestmark = [pytest.mark.spark, pytest.mark.slow]


@pytest.mark.parametrize("as_of", ["2025-06-30"])
def test_every_feature_is_equal(spark_engine, as_of) -> None:
    tables = dirty_store()
    duck = build_features(bundle(tables), as_of)
    spark = build_features(bundle(tables, spark_engine), as_of)
    assert duck.left_out == spark.left_out == {}
    assert duck.names == spark.names
    assert_every_feature_is_there(duck.names)
    assert [one.construct for one in duck.reliability] == [
        one.construct for one in spark.reliability
    ]
    for one, other in zip(duck.reliability, spark.reliability, strict=True):
        assert one.alpha == pytest.approx(other.alpha, rel=1e-9, nan_ok=True)
        assert (one.items, one.respondents) == (other.items, other.respondents)
    assert_equal(duck.table.to_arrow(), spark.table.to_arrow())


def assert_every_feature_is_there(names: list[str]) -> None:
    for name in FEATURES:
        start = name.split("{level}")[0]
        assert any(one == name or one.startswith(start) for one in names), name


def assert_equal(one: pa.Table, other: pa.Table) -> None:
    assert one.column_names == other.column_names
    differ = []
    for name in one.column_names:
        a, b = one[name].to_pylist(), other[name].to_pylist()
        if pa.types.is_floating(one.schema.field(name).type):
            a, b = (np.array(values, dtype=float) for values in (a, b))
            same = np.allclose(a, b, rtol=1e-9, atol=0, equal_nan=True)
        else:
            same = a == b
        if not same or one.schema.field(name).type != other.schema.field(name).type:
            pairs = [(x, y) for x, y in zip(a, b, strict=True) if x != y and (x == x or y == y)]
            differ.append(
                (name, one.schema.field(name).type, other.schema.field(name).type, pairs[:3])
            )
    assert not differ, differ
