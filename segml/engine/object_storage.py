"""Files in object storage: which keys DuckDB is given, and whether an engine has any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from segml._core.errors import DataError, ParameterError

from .sql import render

if TYPE_CHECKING:
    from .base import Engine

_KEYS = ("GCS_HMAC_KEY_ID", "GCS_HMAC_SECRET")


def secret_statement(url: str, environment: Mapping[str, str]) -> str:
    """Render the statement that gives DuckDB the keys of a bucket's provider.

    Parameters
    ----------
    url : str
        ``s3://...``, ``gs://...`` or ``gcs://...``.
    environment : mapping of str to str
        For S3 only the region is taken from it; DuckDB's extension aws finds the keys as
        AWS's tools do. For Google Cloud Storage it holds HMAC keys.

    Raises
    ------
    ParameterError
        Google Cloud Storage without HMAC keys.

    Examples
    --------
    >>> secret_statement("s3://shop", {"AWS_REGION": "eu-west-1"})
    "CREATE SECRET (TYPE s3, PROVIDER credential_chain, REGION 'eu-west-1')"
    """
    if url.lower().startswith("s3:"):
        region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
        parts = ", REGION {region}" if region else ""
        text = f"CREATE SECRET (TYPE s3, PROVIDER credential_chain{parts})"
        return render(text, {"region": region} if region else {})
    if missing := [name for name in _KEYS if not environment.get(name)]:
        raise ParameterError(
            "Google Cloud Storage is read with HMAC keys, which are not set",
            where="environment",
            got=f"no {' and no '.join(missing)}",
            expected=" and ".join(_KEYS),
            hint="create a key under Cloud Storage, Settings, Interoperability",
        )
    key, secret = (environment[name] for name in _KEYS)
    text = "CREATE SECRET (TYPE gcs, KEY_ID {key}, SECRET {secret})"
    return render(text, {"key": key, "secret": secret})


def open_storage(engine: Engine, url: str, environment: Mapping[str, str]) -> None:
    """Give an engine, whose extensions are loaded, the keys of a bucket's provider.

    Raises
    ------
    DataError
        DuckDB finds no keys or refuses them; the message holds none.
    ParameterError
        As for :func:`secret_statement`.
    """
    statement = secret_statement(url, environment)
    try:
        engine.execute(statement)
    except DataError as error:
        said = str(error.problem.got).replace(statement, "CREATE SECRET (...)")
        for name in (*_KEYS, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            if value := environment.get(name):
                said = said.replace(value, "***").replace(value.replace("'", "''"), "***")
        hint = "aws configure, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        raise DataError(
            "the bucket cannot be opened",
            where=url,
            got=said,
            hint=hint if url.lower().startswith("s3:") else None,
        ) from None


def require_storage(engine: Engine, path: str) -> None:
    """Check that an engine was opened on object storage, before it reads a path there.

    Raises
    ------
    DataError
        Says how to open one.
    """
    if engine.kind != "duckdb":  # others have their own way to storage
        return
    (loaded,) = engine.fetch_row(
        "SELECT count(*) FROM duckdb_extensions() WHERE extension_name = 'httpfs' AND loaded"
    )
    if not loaded:
        parts = urlsplit(path)
        raise DataError(
            "this engine does not read object storage",
            where=path,
            hint=f"engine = connect('{parts.scheme}://{parts.netloc}'), then engine=engine",
        )
