"""Reading orders: kinds of sources, and an account of every row."""

import datetime as dt
import random
from decimal import Decimal

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segml._core.errors import DataError, MissingTableError, NotEnoughDataError, ParameterError
from segml.data import read_orders, read_table

from .samples import COLUMNS, CSV_HEADER, frame

GOOD = frame(
    ("ann", "1", "1997-01-05 10:30:00", 12.5),
    ("bob", "2", "1997-02-28 00:00:00", 0.0),
    ("ann", "3", "1998-06-30 23:59:59", 100.25),
    ("Zoë", "4", "1969-12-31 12:00:00", 7.0),
)
TYPED = GOOD.assign(ordered_at=pd.to_datetime(GOOD["ordered_at"]).astype("M8[us]"))
ARROW = pa.Table.from_pandas(TYPED, preserve_index=False)


def sources(folder):
    TYPED.to_csv(folder / "orders.csv", index=False)
    pq.write_table(ARROW, folder / "orders.parquet")
    for part in range(2):
        pq.write_table(ARROW.slice(2 * part, 2), folder / f"part-{part}.parquet")
    return {
        "pandas": TYPED,
        "pandas text": GOOD,
        "polars": pl.from_pandas(TYPED),
        "arrow": ARROW,
        "batch": ARROW.to_batches()[0],
        "relation": duckdb.connect().from_arrow(ARROW),
        "csv": folder / "orders.csv",
        "csv as text": str(folder / "orders.csv"),
        "parquet": folder / "orders.parquet",
        "parquet glob": str(folder / "part-*.parquet"),
    }


@pytest.mark.parametrize(
    "kind",
    ["pandas", "pandas text", "polars", "arrow", "batch", "relation", "csv", "csv as text",
     "parquet", "parquet glob"],
)  # fmt: skip
def test_every_kind_of_source_gives_the_same_table(tmp_path, kind) -> None:
    orders = read_orders(sources(tmp_path)[kind])
    assert orders.columns == list(COLUMNS)
    assert orders.table.types == {
        "customer_id": "VARCHAR",
        "order_id": "VARCHAR",
        "ordered_at": "TIMESTAMP",
        "revenue": "DOUBLE",
        "_source_row": "BIGINT",
    }
    assert orders.table.to_arrow().select(list(COLUMNS)).to_pylist() == [
        {
            "customer_id": row.customer_id,
            "order_id": row.order_id,
            "ordered_at": row.ordered_at.to_pydatetime(),
            "revenue": row.revenue,
        }
        for row in TYPED.itertuples()
    ]
    assert (orders.account.rows_in, orders.account.rows_used) == (4, 4)
    assert orders.account.rejected == {}
    assert len(orders.rejected_rows()) == 0


def test_shuffled_rows_have_the_same_content() -> None:
    shuffled = GOOD.sample(frac=1, random_state=3)
    assert not shuffled.index.equals(GOOD.index)
    found = read_orders(shuffled).to_pandas().sort_values("order_id", ignore_index=True)
    pd.testing.assert_frame_equal(found, read_orders(GOOD).to_pandas())


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([17850, 13047], ["17850", "13047"]),
        ([17850.0, 13047.5], ["17850", "13047.5"]),
        ([-1.0, 1e16], ["-1", "1e+16"]),
        (pd.array([17850, 13047], dtype="Int64"), ["17850", "13047"]),
        (pd.array([17850, 13047], dtype="uint64"), ["17850", "13047"]),
        (pd.array([17850, 13047], dtype="float32"), ["17850", "13047"]),
        ([Decimal("17850.00"), Decimal("13047.50")], ["17850", "13047.50"]),
        (["007", " 7 "], ["007", "7"]),
        (["\t7\r\n", "\u00a08"], ["7", "8"]),
        (pd.Categorical(["b", "a"]), ["b", "a"]),
        (["17850.0", "nan"], ["17850", "nan"]),
        (["1.0.0", "a.0"], ["1.0.0", "a.0"]),
        ([2**62, -(2**62)], [str(2**62), str(-(2**62))]),
    ],
)
def test_ids_are_text(values, expected) -> None:
    orders = read_orders(GOOD[:2].assign(customer_id=values))
    assert orders.to_pandas()["customer_id"].tolist() == expected


def test_uuids_are_ids() -> None:
    relation = duckdb.connect().sql(
        "SELECT CAST('00000000-0000-0000-0000-00000000000a' AS UUID) AS customer_id,"
        " 1 AS order_id, DATE '1997-01-01' AS ordered_at, 1.5 AS revenue"
    )
    assert read_orders(relation).to_pandas()["customer_id"].tolist() == [
        "00000000-0000-0000-0000-00000000000a"
    ]


@pytest.mark.parametrize(
    ("column", "values", "rejected"),
    [
        ("customer_id", [None, "", "  ", "\t\n"], {"no customer_id": 4}),
        ("customer_id", [1.0, None, 2.0, 3.0], {"no customer_id": 1}),
        ("customer_id", [1.0, float("inf"), 2.0, 3.0], {"customer_id cannot be read": 1}),
        ("order_id", [None, "x", "", "y"], {"no order_id": 2}),
        ("revenue", ["12 USD", "1,234.5", "", "3.5"],
         {"no revenue": 1, "revenue cannot be read": 2}),
        ("revenue", ["inf", "NaN", "-inf", "1e3"], {"revenue cannot be read": 3}),
        ("revenue", [float("inf"), float("-inf"), None, 1.0],
         {"no revenue": 1, "revenue cannot be read": 2}),
        ("revenue", [1e14, -1e14, 1e300, 99_999_999_999_999.0], {"revenue cannot be read": 3}),
        ("ordered_at", ["1997-01-01", None, "", "soon"],
         {"no ordered_at": 2, "ordered_at cannot be read": 1}),
        ("ordered_at", ["1997-02-28", "1997-02-29", "0000-01-01", "1997-13-01"],
         {"ordered_at cannot be read": 3}),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_used_are_counted_by_reason(column, values, rejected) -> None:
    source = GOOD.assign(**{column: values})
    used = 4 - sum(rejected.values())
    if used == 0:
        with pytest.raises(DataError, match="no row can be used") as caught:
            read_orders(source)
        reasons = [f"{reason}: {n}" for reason, n in rejected.items()]
        assert caught.value.problem.got == ", ".join(reasons)
        assert caught.value.problem.where == "DataFrame"
        return
    orders = read_orders(source)
    assert orders.account.rejected == rejected
    assert orders.account.rows_used == used == len(orders.table)
    rows = orders.rejected_rows()
    assert rows["reason"].value_counts().to_dict() == rejected
    assert len(rows) + used == orders.account.rows_in == 4


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_nan_is_missing_in_every_kind_of_table(make) -> None:
    source = {**GOOD.to_dict("list"), "revenue": [1.0, float("nan"), float("inf"), 2.0]}
    assert read_orders(make(source)).account.rejected == {
        "no revenue": 1,
        "revenue cannot be read": 1,
    }


def test_rejected_rows_have_their_number_reason_and_raw_values() -> None:
    orders = read_orders(GOOD.assign(revenue=["1", "x", "", "2"], note=["a", "b", "c", "d"]))
    rows = orders.rejected_rows()
    assert rows.columns.tolist() == ["source_row", "reason", *COLUMNS, "note"]
    assert rows["source_row"].tolist() == [2, 3]
    assert rows["reason"].tolist() == ["revenue cannot be read", "no revenue"]
    assert rows["revenue"].tolist() == ["x", ""]
    assert rows["note"].tolist() == ["b", "c"]


def test_the_first_reason_counts_a_row_once() -> None:
    source = GOOD.assign(customer_id=[None, "b", "c", "d"], revenue=["x", "x", "1", "2"])
    assert read_orders(source).account.rejected == {
        "no customer_id": 1,
        "revenue cannot be read": 1,
    }


@pytest.mark.parametrize(
    ("column", "values", "expected", "noted"),
    [
        ("quantity", ["2", "two", None, "inf"], [2.0, None, None, None], 2),
        ("discount", [0.5, None, 1.0, 2.0], [0.5, None, 1.0, 2.0], 0),
        ("coupon", [" A ", "", None, "b"], ["A", None, None, "b"], 0),
    ],
)
def test_optional_values_that_cannot_be_read_are_missing_and_noted(
    column, values, expected, noted
) -> None:
    orders = read_orders(GOOD.assign(**{column: values}))
    assert orders.table.to_arrow()[column].to_pylist() == expected
    message = f"{column} cannot be read, taken as missing"
    assert orders.account.noted == ({message: noted} if noted else {})
    assert orders.account.rows_used == 4


def test_the_notes_leave_out_rejected_rows() -> None:
    orders = read_orders(GOOD.assign(quantity=["x", "x", "1", "1"], revenue=["x", "1", "1", "1"]))
    assert orders.account.noted == {"quantity cannot be read, taken as missing": 1}


def test_booleans_are_read_from_text() -> None:
    sessions = read_table(
        pd.DataFrame(
            {
                "session_id": [1, 2, 3],
                "started_at": ["1997-01-01"] * 3,
                "purchased": ["true", "false", "perhaps"],
            }
        ),
        "sessions",
    )
    assert sessions.table.to_arrow()["purchased"].to_pylist() == [True, False, None]
    assert sessions.account.noted == {"purchased cannot be read, taken as missing": 1}


def test_a_table_without_required_values_to_judge_keeps_all_rows() -> None:
    surveys = read_table(
        pd.DataFrame(
            {"customer_id": [1], "answered_at": ["1997-01-01"], "question": ["nps"], "answer": [9]}
        ),
        "surveys",
    )
    assert surveys.to_pandas()["answer"].tolist() == ["9"]
    assert surveys.name == "surveys"


def test_unknown_kind_of_table() -> None:
    with pytest.raises(ParameterError, match="unknown value for kind") as caught:
        read_table(GOOD, "order")
    assert caught.value.problem.nearest == "orders"


@pytest.mark.parametrize(
    "name", ['we{i}rd "c"', "{self}", "{text}", "a'b", "select", "_ga", "reason", "a b", "line",
             "start", "shift", "rows"],
)  # fmt: skip
def test_extra_columns_pass_through_whatever_their_name(name, tmp_path) -> None:
    source = GOOD.assign(**{name: ["p", "q", "r", "s"]})
    orders = read_orders(source)
    assert orders.columns == [*COLUMNS, name]
    assert orders.to_pandas()[name].tolist() == ["p", "q", "r", "s"]
    source.to_csv(tmp_path / "a.csv", index=False)
    with (tmp_path / "a.csv").open("a") as stream:
        stream.write("too short\n")
    orders = read_orders(tmp_path / "a.csv")
    assert orders.to_pandas()[name].tolist() == ["p", "q", "r", "s"]
    assert orders.account.rejected == {"line does not fit the header": 1}


def test_extra_columns_keep_their_type() -> None:
    source = GOOD.assign(tags=[["a"], [], None, ["b", "c"]], n=[1, 2, 3, 4])
    found = read_orders(source).table.to_arrow()
    assert found["tags"].to_pylist() == [["a"], [], None, ["b", "c"]]
    assert found["n"].to_pylist() == [1, 2, 3, 4]


@pytest.mark.parametrize("name", ["_source_row", "_reason", "_Rows", "_note", "_copy", "_value_x"])
def test_names_that_are_taken_are_refused(name) -> None:
    with pytest.raises(DataError, match="a column has a name that segml uses itself") as caught:
        read_orders(GOOD.assign(**{name: 1}))
    assert caught.value.problem.got == name


def test_names_that_differ_in_case_are_both_kept() -> None:
    orders = read_orders(GOOD.assign(Note=["a"] * 4, note=["b"] * 4))
    assert orders.to_pandas().iloc[0].tolist()[4:] == ["a", "b"]


def test_a_mapped_column_replaces_one_of_the_canonical_name() -> None:
    orders = read_orders(GOOD.assign(net=[1.0, 2.0, 3.0, 4.0]), {"revenue": "net"})
    assert orders.columns == list(COLUMNS)
    assert orders.to_pandas()["revenue"].tolist() == [1.0, 2.0, 3.0, 4.0]


def test_rows_without_order_ids_are_numbered() -> None:
    source = GOOD.drop(columns="order_id").assign(revenue=["1", "x", "2", "3"])
    orders = read_orders(source, {"order_id": None})
    assert orders.to_pandas()["order_id"].tolist() == ["1", "3", "4"]
    assert orders.generated == ("order_id",)
    assert orders.account.choices[-1] == "order_id: the source has none; each row is one order"


@pytest.mark.parametrize("values", [[[1], [2], [3], [4]], [{"a": 1}] * 4])
def test_a_nested_column_cannot_be_an_id(values) -> None:
    with pytest.raises(DataError, match="the column customer_id cannot be customer_id") as caught:
        read_orders(GOOD.assign(customer_id=values))
    assert caught.value.problem.where == "customer_id"
    assert caught.value.problem.expected == "id"


@pytest.mark.parametrize("source", [GOOD[:0], GOOD[:0].astype("float64"), ARROW.slice(0, 0)])
def test_no_rows(source) -> None:
    with pytest.raises(NotEnoughDataError, match="the source has no rows"):
        read_orders(source)


def test_an_empty_parquet_file(tmp_path) -> None:
    (tmp_path / "a.parquet").touch()
    with pytest.raises(DataError, match="the file is empty") as caught:
        read_orders(tmp_path / "a.parquet")
    assert caught.value.problem.where == str(tmp_path / "a.parquet")


def test_a_missing_column_shows_what_is_there() -> None:
    with pytest.raises(MissingTableError) as caught:
        read_orders(GOOD.rename(columns={"revenue": "revenu", "order_id": "order"}))
    problem = caught.value.problem
    assert problem.what == "a required column is missing: order_id, revenue"
    assert problem.where == "orders"
    assert problem.got == "columns customer_id, order, ordered_at, revenu"
    assert problem.nearest == "order"
    assert "columns={'order_id': None}" in problem.hint


def test_several_csv_files_are_numbered_on_and_on(tmp_path) -> None:
    (tmp_path / "a.csv").write_text(f"{CSV_HEADER}\na,1,1997-01-01,1\nbad\nb,2,1997-01-02,2\n")
    (tmp_path / "b.csv").write_text(f"{CSV_HEADER}\nc,3,1997-01-03,3\nbad\nd,4,1997-01-04,x\n")
    orders = read_orders(tmp_path / "*.csv")
    assert orders.to_pandas()["customer_id"].tolist() == ["a", "b", "c"]
    assert orders.table.to_arrow()["_source_row"].to_pylist() == [1, 3, 4]
    assert orders.account.rows_in == 6
    assert orders.account.rejected == {
        "line does not fit the header": 2,
        "revenue cannot be read": 1,
    }
    rows = orders.rejected_rows()
    assert sorted(rows["source_row"].tolist()) == [2, 5, 6]


def test_several_csv_files_with_different_columns(tmp_path) -> None:
    (tmp_path / "a.csv").write_text(f"{CSV_HEADER}\na,1,1997-01-01,1\n")
    (tmp_path / "b.csv").write_text("customer_id,order_id,ordered_at,net\nb,2,1997-01-01,1\n")
    with pytest.raises(DataError, match="the files do not have the same columns") as caught:
        read_orders(tmp_path / "*.csv")
    problem = caught.value.problem
    assert problem.where == f"{tmp_path / 'b.csv'}, line 1"
    assert problem.got == "only here: net; missing: revenue"
    (tmp_path / "b.csv").write_text("order_id,customer_id,ordered_at,revenue\n2,b,1997-01-01,1\n")
    with pytest.raises(DataError, match="in the same order") as caught:
        read_orders(tmp_path / "*.csv")
    assert caught.value.problem.got == "columns order_id, customer_id, ordered_at, revenue"


def test_files_of_several_kinds_are_refused(tmp_path) -> None:
    (tmp_path / "a.csv").write_text(f"{CSV_HEADER}\na,1,1997-01-01,1\n")
    (tmp_path / "b.jsonl").write_text("{}\n")
    with pytest.raises(DataError, match="the files are of several kinds"):
        read_orders(tmp_path / "*")


LINE = '{"customer_id": 7, "order_id": "%s", "ordered_at": "1997-01-01", "revenue": 1.5}\n'


def test_json_lines(tmp_path) -> None:
    text = LINE % 1 + "\n[1]\nnope\n" + LINE % 2
    (tmp_path / "a.jsonl").write_text(text)
    orders = read_orders(tmp_path / "a.jsonl")
    assert orders.to_pandas()["order_id"].tolist() == ["1", "2"]
    assert orders.to_pandas()["customer_id"].tolist() == ["7", "7"]
    assert orders.account.rejected == {"line is not a JSON object": 2}
    assert orders.rejected_rows()["source_row"].tolist() == [2, 3]
    assert orders.table.to_arrow()["_source_row"].to_pylist() == [1, 4]
    (tmp_path / "b.jsonl").write_text(LINE.replace("}", ', "note": {"a b": [1]}}') % 3)
    both = read_orders(tmp_path / "*.jsonl")
    assert both.to_pandas()["note.a b"].tolist()[-1] == "[1]"
    assert both.account.rows_in == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "the file is empty"), (" [{}]", "a JSON array"), ("x\n", "no row can|required column")],
)
def test_json_that_is_no_lines(tmp_path, text, message) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match=message):
        read_orders(tmp_path / "a.json")


def test_values_that_all_rows_have() -> None:
    source = GOOD.drop(columns="customer_id")
    orders = read_orders(source, values={"customer_id": "walk-in", "channel": "till"})
    assert orders.to_pandas()["customer_id"].tolist() == ["walk-in"] * 4
    assert orders.to_pandas()["channel"].tolist() == ["till"] * 4


@pytest.mark.parametrize(
    ("values", "columns", "message"),
    [
        ({"chanel": "till"}, None, "unknown value for values"),
        ({"revenue": 1}, None, "the source has this column"),
        ({"revenue": 1}, {"revenue": "revenue"}, "both mapped and given"),
    ],
)
def test_values_that_do_not_go(values, columns, message) -> None:
    with pytest.raises(ParameterError, match=message):
        read_orders(GOOD, columns, values=values)


def test_the_engine_can_be_given(engine) -> None:
    assert read_orders(GOOD, engine=engine).table.engine is engine


cells = {
    "customer_id": st.sampled_from(["ann", "bob", "", " ", None, "Zoë"]),
    "order_id": st.sampled_from(["1", "2", "3", "", None]),
    "ordered_at": st.sampled_from(
        ["1997-01-01", "1998-06-30 10:00", "", None, "soon", "1997-02-30"]
    ),
    "revenue": st.sampled_from(["1.5", "0", "-3", "inf", "NaN", "x", "", None, "1e20"]),
    "quantity": st.sampled_from(["1", "many", None]),
}  # fmt: skip


def expected_reason(row: dict) -> str:
    """What a row is rejected for, written independently of the SQL."""
    for column in COLUMNS:
        value = (row[column] or "").strip()
        if not value:
            return f"no {column}"
        if column == "revenue" and value not in ("1", "1.5", "0", "-3"):
            return "revenue cannot be read"
        if column == "ordered_at":
            try:
                dt.datetime.fromisoformat(value)
            except ValueError:
                return "ordered_at cannot be read"
    return ""


@settings(max_examples=15)
@given(st.lists(st.fixed_dictionaries(cells), max_size=25), st.randoms())
def test_every_row_of_a_dirty_table_is_accounted_for(rows: list, rng: random.Random) -> None:
    # One sound row, so that neither dates nor rows are all useless.
    rows = [*rows, dict(zip(cells, ["x", "9", "1997-05-05", "1", None], strict=True))]
    reasons = pd.Series([expected_reason(row) for row in rows])
    orders = read_orders(pd.DataFrame(rows, columns=list(cells), dtype="str"))
    account = orders.account
    assert account.rows_in == len(rows) == account.rows_used + account.rows_rejected
    assert account.rejected == reasons[reasons != ""].value_counts().to_dict()
    assert len(orders.table) == account.rows_used
    rejected = orders.rejected_rows().set_index("source_row")["reason"]
    assert rejected.to_dict() == {
        number: reason for number, reason in enumerate(reasons, 1) if reason
    }

    rng.shuffle(rows)
    again = read_orders(pd.DataFrame(rows, columns=list(cells), dtype="str"))
    assert again.account == account
    key = [*COLUMNS, "quantity"]
    pd.testing.assert_frame_equal(
        again.to_pandas().sort_values(key, ignore_index=True),
        orders.to_pandas().sort_values(key, ignore_index=True),
    )
