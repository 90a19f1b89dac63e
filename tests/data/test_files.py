"""CSV files as they come: encodings, separators, headers, lines that do not fit."""

import tempfile

import pytest

from segml._core.errors import DataError, MissingTableError, NotEnoughDataError, ParameterError
from segml.data import read_orders
from segml.data.files import is_csv

from .samples import CSV_HEADER

ROW = "ann,1,1997-01-01,12.50\n"
TEXT = f"{CSV_HEADER}\n{ROW}Zoë,2,1997-01-02,3\n"


@pytest.fixture
def csv(tmp_path):
    """Write a file and read it as orders."""

    def read(content: str | bytes, *, name: str = "orders.csv", **options):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_orders(path, **options)

    return read


def customers(orders) -> list[str]:
    return orders.to_pandas()["customer_id"].tolist()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.csv", True),
        ("a.parquet", False),
        ("A.PARQUET", False),
        ("x.parquet/a.txt", True),
        ("a.pq", False),
    ],
)
def test_what_is_csv(path, expected) -> None:
    assert is_csv(path) is expected


@pytest.mark.parametrize(
    ("encoding", "bom"),
    [
        ("utf-8", ""),
        ("utf-8", "\ufeff"),
        ("UTF_8", ""),
        ("utf-8-sig", "\ufeff"),
        ("cp1252", ""),
        ("latin-1", ""),
        ("utf-16", ""),
        ("utf-16-le", "\ufeff"),
    ],
)
def test_encodings(csv, encoding, bom) -> None:
    orders = csv((bom + TEXT).encode(encoding), encoding=encoding)
    assert orders.columns[0] == "customer_id"
    assert customers(orders) == ["ann", "Zoë"]


def test_a_byte_order_mark_is_no_part_of_the_first_name(csv) -> None:
    assert customers(csv(b"\xef\xbb\xbf" + TEXT.encode())) == ["ann", "Zoë"]


@pytest.mark.parametrize(
    ("content", "encoding", "line"),
    [
        (TEXT.encode("cp1252"), "utf-8", 3),
        (TEXT.encode("utf-16"), "utf-8", 1),
        ((TEXT + ROW * 3).encode("utf-16")[:-1], "utf-16", 6),
        (TEXT.encode(), "ascii", 3),
        ((CSV_HEADER + "\n" + ROW * 9000).encode() + b"\xff", "utf-8", 9002),
        (TEXT.encode() + b"Zo\xc3", "utf-8", 4),
    ],
)
def test_a_wrong_encoding_names_the_line(csv, content, encoding, line) -> None:
    with pytest.raises(DataError, match=f"the file is not {encoding} text") as caught:
        csv(content, encoding=encoding)
    assert caught.value.problem.where.endswith(f"orders.csv, line {line}")
    assert "encoding='cp1252'" in caught.value.problem.hint


def test_an_unknown_encoding(csv) -> None:
    with pytest.raises(ParameterError, match="unknown encoding") as caught:
        csv(TEXT, encoding="klingon")
    assert caught.value.problem.got == "klingon"


def test_no_copy_of_the_file_stays(csv, tmp_path, monkeypatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    csv(TEXT.encode("cp1252"), encoding="cp1252")
    with pytest.raises(DataError):
        csv(TEXT.encode("utf-16")[:-1], encoding="utf-16")
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("given", [True, False])
def test_separators_are_found_or_given(csv, mark, given) -> None:
    orders = csv(TEXT.replace(",", mark), separator=mark if given else None)
    assert orders.to_pandas().iloc[0].tolist()[:2] == ["ann", "1"]


def test_another_separator_can_be_given(csv) -> None:
    assert customers(csv(TEXT.replace(",", "^"), separator="^")) == ["ann", "Zoë"]


def test_separators_within_quotes_do_not_count(csv) -> None:
    orders = csv(f'{CSV_HEADER},"a;b;c;d;e;f"\n{ROW.strip()},x\n')
    assert orders.columns[-1] == "a;b;c;d;e;f"


def test_a_wrong_separator_shows_what_was_found(csv) -> None:
    with pytest.raises(MissingTableError, match="a required column is missing") as caught:
        csv(TEXT, separator=";")
    assert caught.value.problem.got == f"columns {CSV_HEADER}"


@pytest.mark.parametrize("separator", ["", ";;", '"', "\n"])
def test_a_separator_is_one_character(csv, separator) -> None:
    with pytest.raises(ParameterError, match="a separator is one character") as caught:
        csv(TEXT, separator=separator)
    assert caught.value.problem.got == separator


@pytest.mark.parametrize("content", ["", "\ufeff"])
def test_an_empty_file(csv, tmp_path, content) -> None:
    encoding = "utf-16" if content else "utf-8"
    with pytest.raises(DataError, match="the file is empty") as caught:
        csv(content.encode("utf-16-le"), encoding=encoding)
    assert caught.value.problem.where == str(tmp_path / "orders.csv")


@pytest.mark.parametrize("content", [CSV_HEADER, CSV_HEADER + "\n", CSV_HEADER + "\r\n\r\n"])
def test_a_header_only(csv, tmp_path, content) -> None:
    with pytest.raises(NotEnoughDataError, match="the source has no rows") as caught:
        csv(content)
    assert caught.value.problem.where == str(tmp_path / "orders.csv")


@pytest.mark.parametrize(
    ("content", "got"),
    [("\n", ""), (f"{CSV_HEADER},\n", f"{CSV_HEADER},"), (f"a,,b\n{ROW}", "a,,b")],
)
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_column_without_a_name(csv, tmp_path, content, got, encoding) -> None:
    with pytest.raises(DataError, match="the first line is not a header") as caught:
        csv(content, encoding=encoding)
    assert caught.value.problem.where == f"{tmp_path / 'orders.csv'}, line 1"
    assert caught.value.problem.got == got


@pytest.mark.parametrize(
    ("names", "got"), [("note,x,note", "note"), ("Note,note", "Note, note"), ("a, a", "a")]
)
def test_a_repeated_name(csv, tmp_path, names, got) -> None:
    with pytest.raises(DataError, match="a column name stands more than once") as caught:
        csv(f"{CSV_HEADER},{names}\n")
    assert caught.value.problem.where == f"{tmp_path / 'orders.csv'}, line 1"
    assert caught.value.problem.got == got


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends(csv, end, last) -> None:
    content = TEXT.replace("\n", end)
    orders = csv(content if last else content.removesuffix(end))
    assert customers(orders) == ["ann", "Zoë"]


def test_blank_lines_are_no_rows(csv) -> None:
    assert csv(f"{CSV_HEADER}\n{ROW}\n\n{ROW}\n").account.rows_in == 2


def test_quoted_fields_hold_separators_quotes_and_line_ends(csv) -> None:
    orders = csv(f'{CSV_HEADER},note\n"a,b",1,1997-01-01,5,"x\ny; ""z"""\n#c,2,1997-01-01,5,3" d\n')
    assert customers(orders) == ["a,b", "#c"]
    assert orders.to_pandas()["note"].tolist() == ['x\ny; "z"', '3" d']


def test_lines_that_do_not_fit_are_counted_and_numbered(csv) -> None:
    orders = csv(
        f"{CSV_HEADER}\n"
        + ROW  # 1
        + "too,short\n"  # 2
        + "also,too,short\n"  # 3
        + ROW  # 4
        + ",5,1997-01-01,1\n"  # 5: no customer
        + "a,6,1997-01-01,1,too long\n"  # 6
        + 'a,"7" x,1997-01-01,1\n'  # 7: text after a closing quote
        + "a,8,1997-01-01,none\n"  # 8: no number
        + ROW  # 9
    )
    assert orders.account.to_dict() | {"choices": []} == {
        "table": "orders",
        "rows_in": 9,
        "rows_used": 3,
        "rows_rejected": 6,
        "rejected": {
            "no customer_id": 1,
            "revenue cannot be read": 1,
            "line does not fit the header": 4,
        },
        "noted": {},
        "choices": [],
    }
    assert orders.table.to_arrow()["_source_row"].to_pylist() == [1, 4, 9]
    rows = orders.rejected_rows()
    assert rows["source_row"].dtype == "int64"
    assert rows.set_index("source_row")["reason"].sort_index().to_dict() == {
        2: "line does not fit the header",
        3: "line does not fit the header",
        5: "no customer_id",
        6: "line does not fit the header",
        7: "line does not fit the header",
        8: "revenue cannot be read",
    }


def test_every_line_that_an_open_quote_swallows_is_counted(csv) -> None:
    orders = csv(f'{CSV_HEADER}\n{ROW}"b,2,1997-01-01,1\n{ROW}{ROW}')
    assert orders.account.rows_in == 4
    assert orders.account.rejected == {"line does not fit the header": 3}
    assert orders.rejected_rows()["source_row"].tolist() == [2, 3, 4]


def test_no_line_fits(csv) -> None:
    with pytest.raises(DataError, match="no row can be used") as caught:
        csv(f"{CSV_HEADER}\na\nb\n")
    assert caught.value.problem.got == "line does not fit the header: 2"


@pytest.mark.parametrize("name", ["it's [1]*?.csv", "{a}.csv", "é.txt", "no_extension"])
def test_a_file_may_have_any_name(csv, tmp_path, name) -> None:
    (tmp_path / "it's 1 and more.csv").write_text(TEXT * 2)  # what a pattern would match
    assert csv(TEXT, name=name).account.rows_in == 2


@pytest.mark.slow
def test_a_large_file_keeps_its_order(csv) -> None:
    lines = [
        f'c{i % 1000},{i},1997-01-01,5,"line one\nline, ""two"" {i}"\n' if i % 1000 else "bad\n"
        for i in range(200_000)
    ]
    orders = csv(f"{CSV_HEADER},note\n" + "".join(lines))
    assert orders.account.rejected == {"line does not fit the header": 200}
    assert orders.table.row(
        "SELECT count(*), bool_and(_source_row = CAST(order_id AS BIGINT) + 1) FROM {self}"
    ) == (199_800, True)
