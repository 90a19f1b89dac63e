"""Buckets: which keys are given, what is said without them, and that none is shown."""

import pytest

from segml._core.errors import DataError, MissingDependencyError, ParameterError
from segml.data import opening, read_orders
from segml.engine import connect
from segml.engine.duck import DuckEngine
from segml.engine.object_storage import secret_statement
from segml.engine.sources import is_remote, to_source

HMAC = {"GCS_HMAC_KEY_ID": "GOOG1", "GCS_HMAC_SECRET": "hu'sh"}


@pytest.mark.parametrize(
    ("url", "environment", "expected"),
    [
        ("s3://shop", {}, "CREATE SECRET (TYPE s3, PROVIDER credential_chain)"),
        (
            "S3://shop/orders",
            {"AWS_DEFAULT_REGION": "eu'west"},
            "CREATE SECRET (TYPE s3, PROVIDER credential_chain, REGION 'eu''west')",
        ),
        ("gs://shop", HMAC, "CREATE SECRET (TYPE gcs, KEY_ID 'GOOG1', SECRET 'hu''sh')"),
        ("gcs://shop", HMAC, "CREATE SECRET (TYPE gcs, KEY_ID 'GOOG1', SECRET 'hu''sh')"),
    ],
)
def test_the_statement(url, environment, expected) -> None:
    assert secret_statement(url, environment) == expected


def test_keys_that_are_not_set_are_named() -> None:
    with pytest.raises(ParameterError, match="HMAC keys, which are not set") as caught:
        secret_statement("gs://shop", {"GCS_HMAC_SECRET": "hush"})
    assert caught.value.problem.got == "no GCS_HMAC_KEY_ID"
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("url", ["s3://shop", "gs://shop", "gcs://shop/orders"])
def test_an_extension_that_is_not_installed(monkeypatch, url) -> None:
    def refuse(self, text):
        if text.startswith("LOAD"):
            raise DataError("the engine could not run a query", got="not found")

    monkeypatch.setattr(DuckEngine, "execute", refuse)
    with pytest.raises(MissingDependencyError, match="extension httpfs") as caught:
        connect(url)
    assert "INSTALL httpfs" in caught.value.problem.hint


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("s3://shop", ["LOAD httpfs", "LOAD aws", "CREATE SECRET (TYPE s3, "]),
        ("gs://shop/orders", ["LOAD httpfs", "CREATE SECRET (TYPE gcs, "]),
    ],
)
def test_what_is_run(monkeypatch, url, expected) -> None:
    ran = []
    for name, value in HMAC.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(DuckEngine, "execute", lambda self, text: ran.append(text))
    connect(url)
    ran = [text for text in ran if not text.startswith("SET ")]
    assert [text[: len(start)] for text, start in zip(ran, expected, strict=True)] == expected


def test_no_key_is_shown(monkeypatch) -> None:
    for name, value in HMAC.items():
        monkeypatch.setenv(name, value)

    def refuse(self, text):
        if text.startswith("CREATE"):
            raise DataError("the engine could not run a query", got=f"hu'sh is wrong: {text[:60]}")

    monkeypatch.setattr(DuckEngine, "execute", refuse)
    with pytest.raises(DataError, match="the bucket cannot be opened") as caught:
        connect("gs://shop")
    assert caught.value.problem.where == "gs://shop"
    assert not any(word in str(caught.value) for word in ("GOOG1", "hu'sh", "hu''sh"))


@pytest.mark.parametrize("url", ["s3://", "s3://key:hush@shop", "gs:///orders"])
def test_a_url_without_a_bucket_or_with_keys(url) -> None:
    with pytest.raises(ParameterError, match="names no bucket") as caught:
        connect(url)
    assert "hush" not in str(caught.value)


def test_a_path_there_is_no_local_file() -> None:
    assert is_remote("gcs://shop/a.parquet")
    assert to_source("s3://sh'op/*.parquet") == "read_parquet('s3://sh''op/*.parquet')"


def test_an_engine_that_was_not_opened_on_a_bucket() -> None:
    with pytest.raises(DataError, match="does not read object storage") as caught:
        read_orders("s3://shop/orders/*.parquet")
    assert caught.value.problem.where == "s3://shop/orders/*.parquet"
    assert caught.value.problem.hint.startswith("engine = connect('s3://shop')")


def test_orders_are_read_through_an_engine_on_a_bucket(monkeypatch, tmp_path) -> None:
    engine = connect()
    kept = engine.sql(
        "SELECT 'ann' AS customer_id, 1 AS order_id, DATE '2026-01-05' AS ordered_at,"
        " 9.5 AS revenue"
    )
    asked = []
    monkeypatch.setattr(opening, "require_storage", lambda *_: None)
    monkeypatch.setattr(DuckEngine, "register", lambda self, path: asked.append(path) or kept)
    orders = read_orders("s3://shop/orders/*.parquet", engine=engine)
    assert orders.to_pandas()["revenue"].tolist() == [9.5]
    assert asked == ["s3://shop/orders/*.parquet"]


@pytest.mark.parametrize("name", ["orders.csv", "orders.xlsx", "orders/"])
def test_other_files_there(name) -> None:
    with pytest.raises(DataError, match="only Parquet files are read"):
        read_orders(f"s3://shop/{name}", engine=connect())
