"""Pseudonyms: ids, e-mail addresses and phone numbers replaced by keyed hashes."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pyarrow as pa
import pyarrow.compute as pc

from segml._core.errors import ParameterError
from segml.engine import Table
from segml.engine.sql import Fragment, quote

from .bundle import HIDDEN, CustomerData
from .consent import by_source_row, in_engine

MIN_KEY_BYTES = 16
_SHOWN = 32  # hexadecimal digits of a pseudonym: 128 bits
_BLOCK = 64  # bytes of a block of SHA-256
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))


class PseudonymKey:
    """A secret key that never shows itself: not printed, not pickled, not copied to a file.

    Parameters
    ----------
    secret : bytes
        At least 16 bytes, better 32 random ones: ``openssl rand -hex 32``.

    Raises
    ------
    ParameterError
        The key is not bytes, or is too short.

    Examples
    --------
    >>> PseudonymKey(b"sixteen bytes or more")
    PseudonymKey(21 bytes)
    """

    __slots__ = ("_inner", "_outer", "_size")

    def __init__(self, secret: bytes) -> None:
        if not isinstance(secret, (bytes, bytearray)):
            raise ParameterError(
                "the key is not bytes",
                where="key",
                got=f"a value of type {type(secret).__name__}",
                expected=f"at least {MIN_KEY_BYTES} bytes",
                hint="PseudonymKey.from_file or PseudonymKey.from_env; a key in a notebook "
                "is a key in its report",
            )
        if len(secret) < MIN_KEY_BYTES:
            raise _too_short("key", len(secret))
        # The two hashes of HMAC, begun: copying them is twice as fast as hmac.digest.
        block = bytes(secret) if len(secret) <= _BLOCK else hashlib.sha256(secret).digest()
        block = block.ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(block.translate(_INNER))
        self._outer = hashlib.sha256(block.translate(_OUTER))
        self._size = len(secret)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> PseudonymKey:
        """Read the key from a file; white space around it does not count.

        Raises
        ------
        ParameterError
            There is no such file, or the key in it is too short.
        """
        where = os.fspath(path)
        try:
            secret = Path(path).read_bytes().strip()
        except OSError as error:
            raise ParameterError(
                "the key file cannot be read", where=where, got=error.strerror
            ) from error
        if len(secret) < MIN_KEY_BYTES:
            raise _too_short(where, len(secret))
        return cls(secret)

    @classmethod
    def from_env(cls, name: str) -> PseudonymKey:
        """Read the key from an environment variable; white space around it does not count.

        Raises
        ------
        ParameterError
            The variable is not set, or the key in it is too short.
        """
        value = os.environ.get(name)
        if value is None:
            raise ParameterError("the environment variable of the key is not set", where=name)
        secret = os.fsencode(value).strip()
        if len(secret) < MIN_KEY_BYTES:
            raise _too_short(name, len(secret))
        return cls(secret)

    def pseudonyms(self, kind: str, values: Iterable[str]) -> list[str]:
        """Return the pseudonyms of values as they stand: 32 hexadecimal digits each.

        Parameters
        ----------
        kind : str
            What the values are; the same text as an id and as a phone number has two pseudonyms.
        values : iterable of str
            The values.
        """
        begun, outer, made = self._inner.copy(), self._outer, []
        begun.update(f"{kind}\0".encode())
        for value in values:
            inner, whole = begun.copy(), outer.copy()
            inner.update(value.encode())
            whole.update(inner.digest())
            made.append(whole.hexdigest()[:_SHOWN])
        return made

    def __repr__(self) -> str:
        return f"PseudonymKey({self._size} bytes)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a PseudonymKey is not pickled: it would be stored")


def _too_short(where: str, size: int) -> ParameterError:
    return ParameterError(
        "the key is too short",
        where=where,
        got=f"{size} bytes",
        expected=f"at least {MIN_KEY_BYTES} bytes",
        hint="openssl rand -hex 32",
    )


def pseudonymise(
    data: CustomerData, key: PseudonymKey | bytes, *, also: Sequence[str] = ()
) -> CustomerData:
    """Replace customer ids, e-mail addresses and phone numbers by keyed hashes, in every table.

    Parameters
    ----------
    data : CustomerData
        Read, cleaned or not.
    key : PseudonymKey or bytes
        The same key gives the same pseudonyms in every run.
    also : sequence of str
        Further columns to treat as ids wherever they occur, such as ``order_id``.

    Returns
    -------
    CustomerData
        The same rows; other columns are unchanged.

    Raises
    ------
    ParameterError
        The key is too short or not bytes, or no table has a column named in `also`.

    Notes
    -----
    A pseudonym is the first 128 bits of HMAC-SHA256 [1]_ of the kind of value and the value, in
    hexadecimal. E-mail addresses are compared without case and surrounding space, phone numbers
    by their digits without a leading ``00`` (``+49 30 123`` and ``0049-30-123`` are one number;
    ``030 123`` cannot be known to be it). Ids stand as they are, case included.

    A column is an e-mail address or a phone number by its name: ``email``, ``E-Mail``,
    ``phone``, ``Phone number`` and the like, also where it passed through from the source.
    Names, addresses and other columns stay: leave them out when reading. Of rejected rows only
    their number and reason are kept, for they hold what the source held. Whoever has the key or
    the source can tell who is who: pseudonymous data are personal data.

    References
    ----------
    .. [1] Krawczyk, H., Bellare, M. and Canetti, R. (1997). HMAC: Keyed-hashing for message
       authentication. RFC 2104.

    Examples
    --------
    >>> import pandas as pd
    >>> from segml.data import read_orders
    >>> data = CustomerData(read_orders(pd.DataFrame({
    ...     "customer_id": ["a"], "order_id": [1], "ordered_at": ["2026-01-31"],
    ...     "revenue": [10.0], "email": [" Ann@Example.com"]})))
    >>> hidden = pseudonymise(data, b"a key for this example only").orders.to_pandas()
    >>> hidden["customer_id"][0]
    '42a2fd271c015d6b63cc2c8487b19785'
    """
    if not isinstance(key, PseudonymKey):
        key = PseudonymKey(key)
    if isinstance(also, str):
        also = (also,)
    kinds = {name: _kinds(table.columns, also) for name, table in data.tables.items()}
    known = {column for found in kinds.values() for column in found}
    if unknown := [column for column in also if column not in known]:
        raise ParameterError(
            "no table has this column",
            where="also",
            got=unknown[0],
            expected="columns of " + ", ".join(data.tables),
        )
    lookups = {kind: _lookup(data, kinds, kind, key) for kind in _in_order(kinds)}
    hidden = {}
    for name, table in data.tables.items():
        numbers = table.rejects.engine.sql(
            "SELECT source_row, reason FROM {rejects}", rejects=table.rejects
        ).materialise()
        choice = f"{', '.join(kinds[name])}: replaced by pseudonyms"
        account = table.account
        if kinds[name]:
            account = replace(account, choices=(*account.choices, choice))
        hidden[name] = replace(
            table,
            table=_replaced(table.table, kinds[name], lookups),
            rejects=numbers,
            account=account,
        )
    return replace(data, **hidden)


def _email(value: str) -> str:
    return value.strip().casefold()


def _phone(value: str) -> str:
    return re.sub(r"\D", "", value).removeprefix("00")


_NORMAL: Mapping[str, Callable[[str], str]] = {"email": _email, "phone": _phone}
_NAMES = {
    "customerid": "customer_id",
    **dict.fromkeys(("email", "emailaddress", "mail"), "email"),
    **dict.fromkeys(("phone", "phonenumber", "telephone", "mobile", "mobilephone"), "phone"),
}


def _kinds(columns: Sequence[str], also: Sequence[str]) -> dict[str, str]:
    """Say which columns hold what kind of identifier."""
    found = {}
    for column in columns:
        plain = "".join(c for c in column.casefold() if c.isalnum())
        if column in also:
            found[column] = _NAMES.get(plain, column)
        elif plain in _NAMES and column not in HIDDEN:
            found[column] = _NAMES[plain]
    return found


def _in_order(kinds: Mapping[str, Mapping[str, str]]) -> list[str]:
    return list(dict.fromkeys(kind for found in kinds.values() for kind in found.values()))


def _lookup(
    data: CustomerData, kinds: Mapping[str, Mapping[str, str]], kind: str, key: PseudonymKey
) -> pa.Table:
    """Return each distinct value of one kind over all tables, with its pseudonym."""
    engine = data.orders.table.engine
    parts, tables = [], {}
    for name, found in kinds.items():
        columns = [column for column, what in found.items() if what == kind]
        table = in_engine(data.tables[name].table, engine) if columns else None
        for i, column in enumerate(columns):
            tables[f"{name}_{i}"] = engine.sql(
                "SELECT CAST({column} AS STRING) AS value FROM {table}",
                column=Fragment(quote(column)),
                table=table,
            )
            parts.append(f"SELECT value FROM {{{name}_{i}}} WHERE value IS NOT NULL")
    values = engine.sql(" UNION ".join(parts), **tables).to_arrow()["value"].to_pylist()
    normal = _NORMAL.get(kind)
    plain = values if normal is None else [normal(value) for value in values]
    there = pa.array([value != "" for value in plain])
    made = pa.array(key.pseudonyms(kind, plain), pa.string())
    return pa.table(
        {"value": pa.array(values, pa.string()), "pseudonym": pc.if_else(there, made, None)}
    )


def _replaced(table: Table, kinds: Mapping[str, str], lookups: Mapping[str, pa.Table]) -> Table:
    if not kinds:
        return table
    number = {column: i for i, column in enumerate(kinds)}
    selected = ", ".join(
        f"p{number[name]}.pseudonym AS {quote(name)}" if name in number else f"t.{quote(name)}"
        for name in table.columns
    )
    joins = " ".join(
        f"LEFT JOIN {{lookup{i}}} AS p{i} ON CAST(t.{quote(column)} AS STRING) = p{i}.value"
        for column, i in number.items()
    )
    tables = {f"lookup{i}": table.engine.register(lookups[kinds[c]]) for c, i in number.items()}
    return table.engine.sql(
        "SELECT {selected} FROM {table} AS t " + joins + " {order}",
        selected=Fragment(selected),
        table=table,
        order=by_source_row(table),
        **tables,
    ).materialise()
