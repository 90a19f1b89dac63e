import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from segml._core.errors import DataError, MissingTableError, NotEnoughDataError
from segml.clv._rfm import as_frame, read_history, read_spend, read_weights


def rfm(**changes):
    table = pd.DataFrame(
        {
            "frequency": [0.0, 1.0, 2.0, 3.0],
            "recency": [0.0, 2.0, 3.0, 9.0],
            "T": [5.0, 5.0, 3.0, 9.5],
        },
        index=pd.Index(["ann@x.org", "bob@x.org", "cyd@x.org", "dan@x.org"], name="customer_id"),
    )
    for name, (row, value) in changes.items():
        table.loc[table.index[row], name] = value
    return table


def test_good_table_is_read_as_it_is():
    customers = read_history(rfm())
    assert list(customers.columns) == ["frequency", "recency", "T"]
    assert customers.columns["T"].tolist() == [5.0, 5.0, 3.0, 9.5]
    assert customers.index.tolist() == rfm().index.tolist()


def test_first_purchase_on_the_last_day_is_allowed():
    customers = read_history(pd.DataFrame({"frequency": [0], "recency": [0], "T": [0]}))
    assert customers.columns["T"].tolist() == [0.0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"T": (2, np.nan)}, "T is missing or infinite in 1 row\n  where: row 2 (counted"),
        ({"recency": (1, np.inf)}, "recency is missing or infinite in 1 row\n  where: row 1"),
        ({"frequency": (0, -1)}, "frequency is negative in 1 row\n  where: row 0"),
        ({"T": (0, -0.5)}, "T is negative in 1 row"),
        ({"frequency": (1, 1.5)}, "frequency is not a whole number in 1 row\n  where: row 1"),
        ({"recency": (3, 9.6)}, "recency is greater than T in 1 row\n  where: row 3"),
        ({"recency": (0, 1)}, "recency is greater than 0 though frequency is 0 in 1 row"),
        ({"recency": (2, 0)}, "recency is 0 though frequency is not in 1 row\n  where: row 2"),
    ],
)
def test_broken_rules_name_the_rows_by_position(changes, message):
    with pytest.raises(DataError) as caught:
        read_history(rfm(**changes))
    assert message in str(caught.value)
    assert "x.org" not in str(caught.value)


def test_many_bad_rows_are_counted_and_the_first_named():
    table = pd.DataFrame({"frequency": [0] * 2000, "recency": [0] * 2000, "T": [-1] * 2000})
    with pytest.raises(DataError, match=r"in 2,000 rows\n  where: rows 0, 1, 2, 3, 4, \.\.\. \("):
        read_history(table)


def test_missing_column_names_the_nearest():
    with pytest.raises(MissingTableError) as caught:
        read_history(rfm().rename(columns={"frequency": "Frequenzy"}))
    assert "no column frequency" in str(caught.value)
    assert "did you mean: 'Frequenzy'?" in str(caught.value)


@pytest.mark.parametrize("column", [["a", "b", "c", "d"], [True, False, True, False]])
def test_columns_that_are_not_numbers(column):
    with pytest.raises(DataError, match="frequency is not a column of numbers"):
        read_history(rfm().assign(frequency=column))


def test_nullable_integers_with_a_gap():
    table = rfm().assign(frequency=pd.array([0, 1, None, 3], dtype="Int64"))
    with pytest.raises(DataError, match="frequency is missing or infinite in 1 row"):
        read_history(table)


def test_empty_table():
    with pytest.raises(NotEnoughDataError, match="no rows"):
        read_history(rfm().iloc[:0])


def test_not_a_table():
    with pytest.raises(DataError, match="not a table"):
        read_history([1, 2, 3])


def test_polars_and_arrow_read_like_pandas():
    flat = rfm().reset_index()
    for table in (pl.from_pandas(flat), pa.Table.from_pandas(flat), flat):
        customers = read_history(table)
        assert customers.index.tolist() == rfm().index.tolist()
        assert customers.index.name == "customer_id"
        np.testing.assert_array_equal(customers.columns["recency"], rfm()["recency"])


def test_the_callers_table_is_not_changed():
    table = rfm().reset_index()
    before = table.copy()
    as_frame(table)
    pd.testing.assert_frame_equal(table, before)


def test_spend_may_be_missing_but_not_infinite():
    table = rfm().assign(monetary_value=[np.nan, 1.0, -1.0, 0.0])
    assert np.isnan(read_spend(table).columns["monetary_value"][0])
    with pytest.raises(DataError, match="monetary_value is infinite in 1 row\n  where: row 1"):
        read_spend(table.assign(monetary_value=[1.0, np.inf, 1.0, 1.0]))
    with pytest.raises(MissingTableError, match="no column monetary_value"):
        read_spend(rfm())


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, 2.0], "do not fit"),
        ([1, 1, 1, -1], "weight is negative in 1 row"),
        ([1, 1, np.nan, 1], "weight is missing or infinite in 1 row"),
        ([0, 0, 0, 0], "all weights are 0"),
        (pd.Series([1, 1, 1, 1]), "another index"),
    ],
)
def test_bad_weights(weights, message):
    with pytest.raises(DataError, match=message):
        read_weights(weights, rfm().index)


def test_good_weights():
    assert read_weights(None, rfm().index) is None
    series = pd.Series([1, 2, 3, 4], index=rfm().index)
    assert read_weights(series, rfm().index).tolist() == [1.0, 2.0, 3.0, 4.0]
