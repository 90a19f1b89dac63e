import duckdb
import pytest

from segml._core.errors import DataError, MissingDependencyError, ParameterError
from segml.data import read_orders
from segml.engine import connect, databases
from segml.engine.duck import DuckEngine


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "CREATE TABLE orders AS SELECT 'ann' AS customer_id, 1 AS order_id,"
            " DATE '2026-01-05' AS ordered_at, 9.5 AS revenue"
        )
    return path


@pytest.mark.parametrize("prefix", ["", "duckdb:///"])
def test_a_duckdb_file(database, prefix) -> None:
    engine = connect(f"{prefix}{database}")
    assert engine.tables() == {"shop.main.orders": ("shop", "main", "orders")}
    orders = read_orders(engine.table("orders"), engine=engine)
    assert orders.to_pandas()["revenue"].tolist() == [9.5]


def test_an_unknown_table_names_the_nearest(database) -> None:
    with pytest.raises(DataError, match="no such table") as caught:
        connect(str(database)).table("order")
    assert caught.value.problem.nearest == "orders"
    with pytest.raises(DataError, match="no such table"):
        connect().table("orders")


@pytest.mark.parametrize(
    ("url", "extension"),
    [
        ("sqlite:///shop.db", "sqlite"),
        ("postgresql://ann:secret@db.example.com/shop", "postgres"),
        ("mysql://ann:secret@db.example.com:3306/shop", "mysql"),
    ],
)
def test_an_extension_that_is_not_installed(monkeypatch, url, extension) -> None:
    def refuse(self, text):
        if text.startswith("LOAD"):
            raise DataError("the engine could not run a query", got="not found")

    monkeypatch.setattr(DuckEngine, "execute", refuse)
    with pytest.raises(MissingDependencyError, match="is not installed") as caught:
        connect(url)
    assert f"INSTALL {extension}" in caught.value.problem.hint
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "attached"),
    [
        ("sqlite:///shop.db", "'shop.db' AS sqlite_source (TYPE sqlite, READ_ONLY)"),
        ("sqlite:////data/shop.db", "'/data/shop.db' AS sqlite_source (TYPE sqlite, READ_ONLY)"),
        (
            "postgres://ann@db.example.com/shop",
            "'postgres://ann@db.example.com/shop' AS postgres_source (TYPE postgres, READ_ONLY)",
        ),
        (
            "mysql://ann:se%40cret@db.example.com:3306/shop",
            "'host=db.example.com port=3306 user=ann passwd=se@cret database=shop'"
            " AS mysql_source (TYPE mysql, READ_ONLY)",
        ),
    ],
)
def test_what_is_attached(monkeypatch, url, attached) -> None:
    ran = []
    monkeypatch.setattr(DuckEngine, "execute", lambda self, text: ran.append(text))
    connect(url)
    assert ran[0] == "SET autoinstall_known_extensions = false"
    assert ran[1].startswith("LOAD ")
    assert ran[2] == f"ATTACH {attached}"


def test_a_password_is_never_shown(monkeypatch) -> None:
    def refuse(self, text):
        if text.startswith("ATTACH"):
            raise DataError("the engine could not run a query", got=f"cannot connect: {text}")

    monkeypatch.setattr(DuckEngine, "execute", refuse)
    for url in ("mysql://ann:se%40cret@db.example.com/s", "postgres://ann:hush@db.example.com/s"):
        with pytest.raises(DataError, match="the database cannot be opened") as caught:
            connect(url)
        assert not any(word in str(caught.value) for word in ("se@cret", "se%40cret", "hush"))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("oracle://ann:secret@db/shop", "this kind of database is not known"),
        ("sqlite://", "the URL names no file"),
        ("mysql://ann@db:port/shop", "the URL cannot be read"),
    ],
)
def test_urls_that_name_nothing(monkeypatch, url, message) -> None:
    monkeypatch.setattr(databases, "_load", lambda *_: None)
    with pytest.raises(ParameterError, match=message) as caught:
        connect(url)
    assert "secret" not in str(caught.value)
