"""Open a database or a bucket by its URL: DuckDB's own, or through a DuckDB extension."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import duckdb

from segml._core.errors import DataError, MissingDependencyError, ParameterError

from .base import Engine
from .duck import DuckEngine, default_engine
from .object_storage import open_storage
from .sources import STORAGE
from .spark import SparkEngine, beside
from .spark_session import is_frame, open_session
from .sql import literal

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_EXTENSIONS = {
    "sqlite": "sqlite",
    "postgres": "postgres",
    "postgresql": "postgres",
    "mysql": "mysql",
}
_EXPECTED = (
    "':memory:', the path of a DuckDB file, duckdb:///path, sqlite:///path, "
    "postgresql://user@host/database, mysql://user@host/database, s3://bucket, gs://bucket, "
    "spark://host:7077, spark://local[*] or sc://host"
)


def connect(url: str | SparkSession = ":memory:") -> Engine:
    """Open an engine on a database, on a bucket of object storage, or on Spark.

    Parameters
    ----------
    url : str or pyspark.sql.SparkSession
        ``":memory:"``, the path of a DuckDB file or ``duckdb:///path``; or
        ``sqlite:///path``, ``postgresql://user@host:port/database`` or
        ``mysql://user@host:port/database``, which is attached for reading through
        DuckDB's extension of that name; or ``s3://bucket`` or ``gs://bucket``, whose
        Parquet files the readers then take as ``s3://bucket/orders/*.parquet``. Keys are
        never part of a URL: for S3 they are found as AWS's tools find them (environment,
        profile, role), for Google Cloud Storage in the environment variables
        ``GCS_HMAC_KEY_ID`` and ``GCS_HMAC_SECRET``. For data that outgrow one machine
        a running Spark session, ``spark://host:port`` (a Spark master),
        ``spark://local[*]`` (this machine) or ``sc://host`` (Spark Connect).

    Returns
    -------
    Engine
        ``engine.tables()`` lists what is there; ``engine.table(name)`` is a source for
        the readers, with ``engine=engine``. Its tables live as long as it does.

    Raises
    ------
    DataError
        The database or the bucket cannot be opened.
    MissingDependencyError
        The extension, PySpark or Java is not installed.
    ParameterError
        The URL is of no known kind, or keys are not set.

    Examples
    --------
    >>> connect().tables()
    {}
    """
    if not isinstance(url, (str, os.PathLike)):
        return SparkEngine(url)
    url = os.fspath(url)
    scheme, mark, rest = url.partition("://")
    if not mark:
        return DuckEngine(url)
    scheme = scheme.lower()
    if scheme == "duckdb":
        return DuckEngine(_path(url, rest))
    if scheme in STORAGE:
        return _storage(url)
    if scheme in ("spark", "sc") and rest:
        return SparkEngine(open_session(rest if rest.startswith("local") else url))
    if scheme not in _EXTENSIONS:
        raise ParameterError(
            "this kind of database is not known", where="url", got=masked(url), expected=_EXPECTED
        )
    extension = _EXTENSIONS[scheme]
    target = _path(url, rest) if extension == "sqlite" else _target(extension, url)
    engine = DuckEngine()
    _load(engine, extension)
    try:
        engine.execute(
            f"ATTACH {literal(target)} AS {extension}_source (TYPE {extension}, READ_ONLY)"
        )
    except DataError as error:
        # What the driver says may repeat the address with its password.
        said = str(error.problem.got).replace(target, masked(url))
        if (password := urlsplit(url).password) is not None:
            said = said.replace(unquote(password), "***").replace(password, "***")
        raise DataError("the database cannot be opened", where=masked(url), got=said) from None
    return engine


def engine_for(source: Any) -> Engine:
    """Return the engine that a source is read with where none is given.

    Parameters
    ----------
    source : object
        What the readers take.

    Returns
    -------
    Engine
        Beside the session of a Spark DataFrame, the same one every time; else the default
        engine.

    Examples
    --------
    >>> engine_for("orders.parquet").kind
    'duckdb'
    """
    return beside(source.sparkSession) if is_frame(source) else default_engine()


def masked(url: str) -> str:
    """Return a URL without its password.

    Examples
    --------
    >>> masked("postgresql://ann:secret@db.example.com/shop")
    'postgresql://ann:***@db.example.com/shop'
    """
    head, mark, rest = url.partition("://")
    name, at, host = rest.rpartition("@")
    user, colon, _ = name.partition(":")
    return f"{head}{mark}{user}{':***' if colon else ''}{at}{host}"


def _path(url: str, rest: str) -> str:
    if not rest.startswith("/") or len(rest) < 2:
        raise ParameterError(
            "the URL names no file", where="url", got=url, expected="such as sqlite:///shop.db"
        )
    return rest[1:]  # sqlite:///shop.db is relative, sqlite:////data/shop.db absolute


def _target(extension: str, url: str) -> str:
    if extension == "postgres":
        return url
    try:
        parts = urlsplit(url)
        found = {
            "host": parts.hostname,
            "port": parts.port,
            "user": parts.username,
            "passwd": parts.password,
            "database": parts.path.strip("/"),
        }
    except ValueError as error:
        raise ParameterError(
            "the URL cannot be read", where="url", got=masked(url), expected=_EXPECTED
        ) from error
    return " ".join(f"{key}={unquote(str(value))}" for key, value in found.items() if value)


def _storage(url: str) -> Engine:
    if "@" in url or not urlsplit(url).netloc:
        raise ParameterError(
            "the URL names no bucket", where="url", got=masked(url), expected="such as s3://bucket"
        )
    engine = DuckEngine()
    for extension in ("httpfs", *("aws",) * url.lower().startswith("s3:")):
        _load(engine, extension)
    open_storage(engine, url, os.environ)
    return engine


def _load(engine: Engine, extension: str) -> None:
    """Load an extension that is installed; nothing is downloaded."""
    engine.execute("SET autoinstall_known_extensions = false")
    try:
        engine.execute(f"LOAD {extension}")
    except DataError as error:
        raise MissingDependencyError(
            f"this needs DuckDB's extension {extension}, which is not installed",
            where=f"DuckDB {duckdb.__version__}",
            got=str(error.problem.got),
            hint=f"python -c \"import duckdb; duckdb.sql('INSTALL {extension}')\", "
            "once, with access to the network",
        ) from error
