"""Addresses, phone numbers and countries in the forms that systems match by, on both engines."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segml.engine import Engine
from segml.engine.sql import Fragment, literal
from segml.export.audience_files import _stems
from segml.export.identifiers import (
    FORMULA,
    address_sql,
    country_sql,
    harmless,
    phone_sql,
    sha256_hex,
    valid_address_sql,
)

ADDRESSES = {
    "a@example.com": True,
    "a.b+c@mail.example.co.uk": True,
    "o'brien@example.com": True,
    "x_y-z@exämple.de": True,
    "anna@例え.jp": True,
    "a@xn--exmple-cua.de": True,
    f"{'a' * 64}@example.com": True,
    f"{'a' * 65}@example.com": False,
    f"a@{'b.' * 125}com": False,
    "änne@example.com": False,
    "a..b@example.com": False,
    ".a@example.com": False,
    "a.@example.com": False,
    "a@localhost": False,
    "a@example.c": False,
    "a@-example.com": False,
    "a@example-.com": False,
    "a@127.0.0.1": False,
    "a b@example.com": False,
    "a@b@example.com": False,
    "@example.com": False,
    "a@": False,
    "9f86d081884c7d659a2feaa0c55ad015": False,
    "a@example.com\nb@example.com": False,
    '"a b"@example.com': False,
}
PHONES = {
    "+49 (0)30 12 34-567": "+49301234567",
    "0049.30.1234567": "+49301234567",
    "+1 (212) 555‑0100": "+12125550100",
    "\u00a0+44 20 7183 8750 ": "+442071838750",
    "+49/30/1234567": "+49301234567",
    "030 1234567": None,
    "12125550100": None,
    "+0 30 1234567": None,
    "+49": None,
    "+1234567890123456": None,
    "+49 30 1234567 ext. 5": None,
    "=1+1": None,
    "": None,
}


def _forms(engine: Engine, expressions: list[Fragment]) -> list:
    return list(engine.fetch_row("SELECT {all}", all=Fragment(", ".join(expressions))))


def test_which_addresses_can_be_one(any_engine) -> None:
    found = _forms(any_engine, [valid_address_sql(literal(text)) for text in ADDRESSES])
    assert dict(zip(ADDRESSES, found, strict=True)) == ADDRESSES


def test_phone_numbers(any_engine) -> None:
    found = _forms(any_engine, [phone_sql(literal(text)) for text in PHONES])
    assert dict(zip(PHONES, found, strict=True)) == PHONES


def test_addresses_as_google_has_them(any_engine) -> None:
    known = {
        " Cloudy.SanFrancisco+Shopping@Gmail.com ": "cloudysanfrancisco@gmail.com",
        "user.name+NYC@Example.com": "user.name+nyc@example.com",
        "a.b+c+d@googlemail.com": "ab@googlemail.com",
        "a.b@notgmail.com": "a.b@notgmail.com",
        "a.b@gmail.com.example.com": "a.b@gmail.com.example.com",
        "mary jane\t@gmail.com": "maryjane@gmail.com",
    }
    found = _forms(any_engine, [address_sql(literal(text), "google") for text in known])
    assert found == list(known.values())


def test_countries(any_engine) -> None:
    known = {"DE": "de", " us ": "us", "UK": "gb", "GB": "gb", "Germany": None, "D3": None}
    found = _forms(any_engine, [country_sql(literal(text)) for text in known])
    assert found == list(known.values())


@given(st.lists(st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"])))))
def test_hashes_are_those_of_hashlib(values: list) -> None:
    expected = [
        None if v is None else hashlib.sha256(v.encode("utf-8")).hexdigest() for v in values
    ]
    assert sha256_hex(values) == expected


def test_a_published_hash() -> None:
    # RFC 6234, section 8.5, test 1.
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_hex(["abc"]) == [expected]


@given(st.text())
def test_nothing_harmless_begins_like_a_formula(value: str) -> None:
    (found,) = harmless([value])
    assert not found.startswith(FORMULA)
    assert found in (value, "'" + value)


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=6))
def test_names_of_files_are_distinct_and_plain(labels: dict[str, str]) -> None:
    stems = _stems(labels)
    assert len({stem.casefold() for stem in stems.values()}) == len(labels)
    assert not [stem for stem in stems.values() if "/" in stem or "\\" in stem or "." in stem]


@pytest.mark.parametrize("size", [1, 59, 200])
def test_long_names_of_files_are_cut(size: int) -> None:
    (stem,) = _stems({"0": "é" * size}).values()
    assert len(stem) <= 62
