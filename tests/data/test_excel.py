"""Excel workbooks: mixed columns, dates, several sheets, what is refused."""

import datetime as dt
import sys

import pytest

from segml._core.errors import DataError, MissingDependencyError, NotEnoughDataError
from segml.data import excel, load_online_retail, read_orders, read_table
from segml.data.excel import is_excel, load_workbooks

HEADER = ["customer_id", "order_id", "ordered_at", "revenue"]
DAY = dt.datetime(2026, 1, 31, 8, 26)
RETAIL = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice"]
RETAIL += ["CustomerID", "Country"]
LINES = [
    [536365, "85123A", "HOLDER", 6, DAY, 2.55, 17850.0, "United Kingdom"],
    [536366, 71053, "LANTERN", 2, DAY, 3.39, None, "United Kingdom"],
    ["C536379", "D", "Discount", -1, DAY, 27.5, 14527.0, "United Kingdom"],
]


@pytest.fixture
def book(tmp_path):
    """Write a workbook: sheet names to rows."""
    reason = "needs the packages of segml[excel] and openpyxl, which writes the workbooks"
    openpyxl = pytest.importorskip("openpyxl", reason=reason)
    pytest.importorskip("python_calamine", reason=reason)

    def write(sheets, name="orders.xlsx"):
        workbook = openpyxl.Workbook(write_only=True)
        for title, rows in sheets.items():
            sheet = workbook.create_sheet(title)
            for row in rows:
                sheet.append(row)
        path = tmp_path / name
        workbook.save(path)
        return path

    return write


def test_ids_of_several_types_and_dates(book) -> None:
    rows = [
        [17850.0, 536365, DAY, 2.55],
        [17850, "C536379", dt.date(2026, 2, 1), -1],
        ["ann", 71053.5, DAY, 0.1],
    ]
    orders = read_orders(book({"Orders": [HEADER, *rows]})).to_pandas()
    assert orders["customer_id"].tolist() == ["17850", "17850", "ann"]
    assert orders["order_id"].tolist() == ["536365", "C536379", "71053.5"]
    assert orders["ordered_at"].tolist() == [DAY, dt.datetime(2026, 2, 1), DAY]
    assert orders["revenue"].tolist() == [2.55, -1.0, 0.1]


def test_blank_rows_take_numbers_and_are_no_rows(book) -> None:
    blank = [None] * 4
    rows = [blank, HEADER, ["a", 1, DAY, 1], blank, ["a", 2, DAY, "none"], [" ", 3, DAY, 1]]
    orders = read_orders(book({"Orders": [*rows, ["a", 4, DAY, 2], blank, ["", None, "", None]]}))
    assert orders.account.rows_in == 4
    assert orders.table.to_arrow()["_source_row"].to_pylist() == [1, 5]
    found = orders.rejected_rows().set_index("source_row")["reason"].to_dict()
    assert found == {3: "revenue cannot be read", 4: "no customer_id"}


def test_sheets_of_one_header_are_read_below_each_other(book) -> None:
    path = book(
        {
            "Year 2009-2010": [HEADER, [1, 489434, DAY, 1], [None] * 4, [2, 489435, DAY, 1]],
            "Notes": [],
            "Year 2010-2011": [HEADER, [3, "C489436", DAY, 1]],
        }
    )
    orders = read_orders(path)
    assert orders.to_pandas()["order_id"].tolist() == ["489434", "489435", "C489436"]
    assert orders.table.to_arrow()["_source_row"].to_pylist() == [1, 3, 4]


def test_files_are_read_below_each_other(book, tmp_path) -> None:
    book({"Orders": [HEADER, [1, 1, DAY, 1]]}, "a.xlsx")
    book({"Orders": [HEADER, [2, "b", DAY, 1]]}, "b.xlsx")
    orders = read_orders(str(tmp_path / "*.xlsx"))
    assert orders.to_pandas()["order_id"].tolist() == ["1", "b"]


def test_sheets_that_differ_are_refused_by_name(book) -> None:
    path = book({"Orders": [HEADER, [1, 1, DAY, 1]], "Pivot": [["month", "revenue"], [1, 2]]})
    with pytest.raises(DataError, match="the sheets do not have the same columns") as caught:
        read_orders(path)
    problem = caught.value.problem
    assert problem.where == f"{path}, sheet Pivot"
    assert problem.got == "columns month, revenue"
    assert problem.expected == f"those of {path}, sheet Orders: {', '.join(HEADER)}"
    assert "sheet_name" in problem.hint


@pytest.mark.parametrize(
    ("rows", "message", "error"),
    [
        ([], "the file is empty", DataError),
        ([HEADER], "the source has no rows", NotEnoughDataError),
        ([["a", None, "b"], [1, 2, 3]], "a column has no name", DataError),
        ([["a", "b"], [1, 2, "beside"]], "a column has no name", DataError),
        ([["a", "A"], [1, 2]], "a column name stands more than once", DataError),
        ([[*HEADER, "_source_row"], [1, 1, DAY, 1, 1]], "a name that segml uses", DataError),
    ],
)
def test_sheets_that_hold_no_table(book, rows, message, error) -> None:
    with pytest.raises(error, match=message) as caught:
        read_orders(book({"Orders": rows}))
    assert "orders.xlsx" in caught.value.problem.where


def test_columns_of_each_kind(book) -> None:
    names = ["whole", "real", "flag", "mixed", "time", "none"]
    rows = [[1, 1, True, False, dt.time(8, 30), None], [None, 0.5, False, DAY, None, None]]
    found = load_workbooks([str(book({"S": [names, *rows]}))]).to_pydict()
    assert found == {
        "_source_row": [1, 2],
        "whole": [1, None],
        "real": [1.0, 0.5],
        "flag": [True, False],
        "mixed": ["false", "2026-01-31 08:26:00"],
        "time": ["08:30:00", None],
        "none": [None, None],
    }


def test_a_column_changes_its_kind_far_below(book, monkeypatch) -> None:
    monkeypatch.setattr(excel, "_CHUNK", 2)
    names = ["id", "number", "at"]
    rows = [[1, 1, DAY], [2, 2, DAY], [None, 0.5, None], ["C3", None, "soon"]]
    found = load_workbooks([str(book({"S": [names, *rows]}))]).to_pydict()
    assert found["id"] == ["1", "2", None, "C3"]
    assert found["number"] == [1.0, 2.0, 0.5, None]
    assert found["at"] == ["2026-01-31 08:26:00"] * 2 + [None, "soon"]


@pytest.mark.parametrize(
    "header", [RETAIL, ["Invoice", *RETAIL[1:5], "Price", "Customer ID", "Country"]]
)
def test_online_retail_as_published(book, header) -> None:
    data = load_online_retail(book({"Online Retail": [header, *LINES]}, "Online Retail.xlsx"))
    account = data.orders.account
    assert account.rejected == {"no customer_id": 1}
    assert account.noted == {"cancellation (C-number)": 1}
    assert data.orders.to_pandas()[["customer_id", "revenue"]].values.tolist() == [
        ["17850", 15.3],
        ["14527", -27.5],
    ]
    lines = data.order_lines.to_pandas()
    assert lines["product_id"].tolist() == ["85123A", "71053", "D"]
    assert lines["order_id"].tolist() == ["536365", "536366", "C536379"]


def test_a_preset_reads_a_workbook(book) -> None:
    rows = [["Date", "Channel", "Spend"], [dt.date(2026, 3, 1), "email", 120.5]]
    costs = read_table(book({"S": rows}), "costs", preset="marketing_costs")
    assert costs.to_pandas()["cost"].tolist() == [120.5]


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"PK\x03\x04junk"])
def test_a_file_that_is_no_workbook(book, tmp_path, content) -> None:
    path = tmp_path / "orders.xlsx"
    path.write_bytes(content)
    with pytest.raises(DataError, match="this is no Excel workbook") as caught:
        read_orders(path)
    assert caught.value.problem.where == str(path)


@pytest.mark.parametrize("name", ["orders.xls", "orders.ODS", "orders.xlsb"])
def test_other_spreadsheets(tmp_path, name) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(DataError, match="are not read") as caught:
        read_orders(tmp_path / name)
    assert caught.value.problem.hint == "open it and save it as .xlsx"


def test_without_the_package_the_extra_is_named(monkeypatch, tmp_path) -> None:
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    path = tmp_path / "orders.xlsx"
    path.write_bytes(b"PK")
    with pytest.raises(MissingDependencyError, match="python_calamine") as caught:
        read_orders(path)
    assert caught.value.problem.hint == 'pip install "segml[excel]"'


def test_what_is_excel() -> None:
    assert is_excel("a.XLSX")
    assert is_excel("a.xlsm")
    assert not is_excel("a.xlsx.csv")
