"""Open a database by its URL: DuckDB's own, or another's through a DuckDB extension."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import duckdb

from segml._core.errors import DataError, MissingDependencyError, ParameterError

from .duck import Engine
from .sql import literal

_EXTENSIONS = {
    "sqlite": "sqlite",
    "postgres": "postgres",
    "postgresql": "postgres",
    "mysql": "mysql",
}
_EXPECTED = (
    "':memory:', the path of a DuckDB file, duckdb:///path, sqlite:///path, "
    "postgresql://user@host/database or mysql://user@host/database"
)


def connect(url: str = ":memory:") -> Engine:
    """Open an engine on a database.

    Parameters
    ----------
    url : str
        ``":memory:"``, the path of a DuckDB file or ``duckdb:///path``; or
        ``sqlite:///path``, ``postgresql://user@host:port/database`` or
        ``mysql://user@host:port/database``, which is attached for reading through
        DuckDB's extension of that name.

    Returns
    -------
    Engine
        ``engine.tables()`` lists what is there; ``engine.table(name)`` is a source for
        the readers, with ``engine=engine``. Its tables live as long as it does.

    Raises
    ------
    DataError
        The database cannot be opened.
    MissingDependencyError
        The extension is not installed.
    ParameterError
        The URL is of no known kind.

    Examples
    --------
    >>> connect().tables()
    {}
    """
    scheme, mark, rest = str(url).partition("://")
    if not mark:
        return Engine(url)
    scheme = scheme.lower()
    if scheme == "duckdb":
        return Engine(_path(url, rest))
    if scheme not in _EXTENSIONS:
        raise ParameterError(
            "this kind of database is not known", where="url", got=masked(url), expected=_EXPECTED
        )
    extension = _EXTENSIONS[scheme]
    target = _path(url, rest) if extension == "sqlite" else _target(extension, url)
    engine = Engine()
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
