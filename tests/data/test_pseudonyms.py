import copy
import hmac
import pickle
import time

import pandas as pd
import pytest

from segml._core.errors import ParameterError
from segml.data import CustomerData, read_orders, read_table
from segml.data.pseudonyms import PseudonymKey, pseudonymise
from segml.engine import DuckEngine

from .samples import frame

SECRET = b"0123456789abcdef-secret"
DAY = "2026-01-31"


@pytest.fixture
def data() -> CustomerData:
    rows = frame(
        ("a", "1", DAY, 5.0), ("A", "2", DAY, 6.0), ("7", "3", DAY, 7.0), ("", "4", DAY, 1)
    )
    rows["Email"] = [" Ann@Example.com", "bob@example.com", None, "lost@example.com"]
    rows["note"] = ["x", "y", "z", "of a rejected row"]
    people = pd.DataFrame(
        {
            "customer_id": ["a", "A", "7"],
            "email": ["ann@example.COM ", "bob@example.com", " "],
            "phone": ["+49 (30) 123-45", "0049 30 12345", "7"],
            "age": [30, 40, 50],
        }
    )
    return CustomerData(read_orders(rows), customers=read_table(people, "customers"))


def expected(kind: str, value: str, secret: bytes = SECRET) -> str:
    return hmac.digest(secret, f"{kind}\0{value}".encode(), "sha256").hex()[:32]


def test_a_person_has_one_pseudonym_in_all_tables(data) -> None:
    hidden = pseudonymise(data, SECRET)
    orders, people = hidden.orders.to_pandas(), hidden.customers.to_pandas()
    assert orders["customer_id"].tolist() == [expected("customer_id", i) for i in ("a", "A", "7")]
    assert people["customer_id"].tolist() == orders["customer_id"].tolist()
    assert orders["customer_id"].nunique() == 3  # ids are not case-folded
    assert orders["Email"][0] == people["email"][0] == expected("email", "ann@example.com")
    assert people["phone"][0] == people["phone"][1] == expected("phone", "493012345")
    assert people["phone"][2] != people["customer_id"][2]  # the number 7 and the customer 7
    assert pd.isna(orders["Email"][2])
    assert pd.isna(people["email"][2])


def test_everything_else_is_unchanged(data) -> None:
    hidden = pseudonymise(data, SECRET)
    for name, columns in (("orders", ["customer_id", "Email"]), ("customers", ["customer_id"])):
        before = (
            data.tables[name]
            .to_pandas()
            .drop(columns=[*columns, "email", "phone"], errors="ignore")
        )
        after = (
            hidden.tables[name]
            .to_pandas()
            .drop(columns=[*columns, "email", "phone"], errors="ignore")
        )
        pd.testing.assert_frame_equal(before, after)
    assert hidden.orders.columns == data.orders.columns
    assert hidden.orders.account.rejected == data.orders.account.rejected
    assert hidden.orders.account.choices[-1] == "customer_id, Email: replaced by pseudonyms"


def test_rejected_rows_keep_number_and_reason_only(data) -> None:
    rows = pseudonymise(data, SECRET).orders.rejected_rows()
    assert rows.to_dict("records") == [{"source_row": 4, "reason": "no customer_id"}]


def test_nothing_of_a_person_is_left(data) -> None:
    hidden = pseudonymise(data, SECRET)
    for table in hidden.tables.values():
        text = table.table.to_pandas().to_csv() + table.rejected_rows().to_csv()
        assert "example" not in text.lower()
        assert "lost" not in text
        assert "12345" not in text
    shown = repr(hidden) + hidden._repr_html_() + hidden.orders._repr_html_()
    assert SECRET.decode() not in shown


def test_further_columns_are_ids(data) -> None:
    hidden = pseudonymise(data, SECRET, also="order_id").orders.to_pandas()
    assert hidden["order_id"].tolist() == [expected("order_id", i) for i in "123"]
    with pytest.raises(ParameterError, match="no table has this column") as caught:
        pseudonymise(data, SECRET, also=["ip"])
    assert caught.value.problem.got == "ip"


def test_another_key_gives_other_pseudonyms(data) -> None:
    one = pseudonymise(data, SECRET).orders.to_pandas()["customer_id"]
    other = pseudonymise(data, b"another key of some length").orders.to_pandas()["customer_id"]
    again = pseudonymise(data, PseudonymKey(SECRET)).orders.to_pandas()["customer_id"]
    assert not set(one) & set(other)
    assert one.tolist() == again.tolist()


@pytest.mark.parametrize("size", [16, 63, 64, 65, 200])
def test_it_is_hmac_for_keys_of_any_length(size) -> None:
    secret = bytes(range(size))
    made = PseudonymKey(secret).pseudonyms("id", ["", "ü", "x" * 500])
    assert made == [expected("id", value, secret) for value in ("", "ü", "x" * 500)]


def test_tables_of_two_engines(data) -> None:
    other = read_table(pd.DataFrame({"customer_id": ["a"]}), "customers", engine=DuckEngine())
    hidden = pseudonymise(CustomerData(data.orders, customers=other), SECRET)
    assert hidden.customers.to_pandas()["customer_id"][0] == expected("customer_id", "a")


def test_key_from_a_file(tmp_path) -> None:
    path = tmp_path / "key"
    path.write_bytes(SECRET + b"\n")
    assert PseudonymKey.from_file(path).pseudonyms("id", ["a"]) == [expected("id", "a")]
    path.write_bytes(b"short\n")
    with pytest.raises(ParameterError, match="too short") as caught:
        PseudonymKey.from_file(path)
    assert caught.value.problem.got == "5 bytes"
    assert caught.value.problem.where == str(path)
    for missing in (tmp_path / "none", tmp_path):
        with pytest.raises(ParameterError, match="cannot be read"):
            PseudonymKey.from_file(missing)


def test_key_from_the_environment(monkeypatch) -> None:
    monkeypatch.setenv("SEGML_TEST_KEY", SECRET.decode())
    assert PseudonymKey.from_env("SEGML_TEST_KEY").pseudonyms("id", ["a"]) == [expected("id", "a")]
    monkeypatch.setenv("SEGML_TEST_KEY", "short")
    with pytest.raises(ParameterError, match="too short"):
        PseudonymKey.from_env("SEGML_TEST_KEY")
    monkeypatch.delenv("SEGML_TEST_KEY")
    with pytest.raises(ParameterError, match="not set"):
        PseudonymKey.from_env("SEGML_TEST_KEY")


def test_a_key_never_shows_itself(data) -> None:
    key = PseudonymKey(SECRET)
    assert repr(key) == str(key) == f"PseudonymKey({len(SECRET)} bytes)"
    for store in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            store(key)
    for bad in (b"too-short-key", "text, which a notebook would show", None):
        with pytest.raises(ParameterError) as caught:
            pseudonymise(data, bad)
        assert "too-short-key" not in str(caught.value)
        assert "notebook would" not in str(caught.value)


def test_many_ids_take_seconds() -> None:
    start = time.perf_counter()
    made = PseudonymKey(SECRET).pseudonyms("id", map(str, range(200_000)))
    assert time.perf_counter() - start < 10
    assert len(set(made)) == 200_000
