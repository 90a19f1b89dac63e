import pytest
from hypothesis import given
from hypothesis import strategies as st

from segml.engine.dialect import to_spark, type_name
from segml.engine.sql import literal, quote


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('SELECT "a" FROM "t"', "SELECT `a` FROM `t`"),
        ("SELECT 'it is \"a\"'", "SELECT 'it is \"a\"'"),
        ("SELECT \"it's\" , 'a'", "SELECT `it's` , 'a'"),
        (r"SELECT '\d'", r"SELECT '\\d'"),
        ('SELECT "a`b"', "SELECT `a``b`"),
        ("SELECT ''", "SELECT ''"),
    ],
)
def test_only_quoted_parts_change(text: str, expected: str) -> None:
    assert to_spark(text) == expected


@pytest.mark.spark
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_text_and_name_come_back(spark_engine, text: str) -> None:
    assert spark_engine.fetch_row("SELECT {x}", x=text) == (text,)
    if text:
        found = spark_engine.session.sql(to_spark(f"SELECT 1 AS {quote(text)}")).columns
        assert found == [text]


def test_types_have_duckdbs_names() -> None:
    kinds = ["int", "timestamp", "timestamp_ntz", "varchar(3)", "array<string>", "struct<a:int>"]
    assert [type_name(kind) for kind in kinds] == [
        "INTEGER",
        "TIMESTAMP WITH TIME ZONE",
        "TIMESTAMP",
        "VARCHAR",
        "VARCHAR[]",
        "STRUCT<A:INT>",
    ]


def test_a_literal_is_spelled_within_a_query() -> None:
    assert to_spark("SELECT " + literal("a\\'b")) == r"SELECT 'a\\\'b'"
