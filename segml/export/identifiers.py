"""E-mail addresses and phone numbers in the normal forms that marketing tools match by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Literal

from segml.engine.sql import Fragment, literal

AddressForm = Literal["plain", "google"]

_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[\p{L}\p{M}\p{N}]([\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?"
_TOP = r"\p{L}[\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}]"
#: A mailbox as the HTML standard has it, with dots only between, letters of any script in the
#: domain, and a top-level domain.
_ADDRESS = rf"^{_ATOM}(\.{_ATOM})*@({_LABEL}\.)+{_TOP}$"
#: RFC 5321, sections 4.5.3.1.1 and 4.5.3.1.3: a path has 256 characters, two of them brackets.
_LONGEST, _LONGEST_LOCAL = 254, 64
_WHITE = r"[\s\p{Z}]+"
_GMAIL = r"@(gmail|googlemail)\.com$"
#: What people write between the digits of a phone number.
_BETWEEN = r"[\s\p{Z}\p{Pd}().·/]+"
#: E.164: a plus sign, a country code, no more than 15 digits in all.
_E164 = r"^\+[1-9][0-9]{6,14}$"
#: At the start of a cell, these make a spreadsheet take it for a formula (OWASP).
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def address_sql(column: str, form: AddressForm = "plain") -> Fragment:
    r"""Return the SQL of an e-mail address in its normal form.

    Parameters
    ----------
    column : str
        SQL of the address as it is known.
    form : {"plain", "google"}
        ``plain`` is in lower case, without white space around it. ``google`` is without any
        white space, and of addresses at gmail.com and googlemail.com without dots in the
        mailbox and without what follows a plus sign in it.

    Examples
    --------
    >>> from segml.engine import connect
    >>> engine = connect()
    >>> address = literal(" Cloudy.SanFrancisco+Shopping@Gmail.com")
    >>> engine.fetch_row("SELECT {form}", form=address_sql(address))
    ('cloudy.sanfrancisco+shopping@gmail.com',)
    >>> engine.fetch_row("SELECT {form}", form=address_sql(address, "google"))
    ('cloudysanfrancisco@gmail.com',)
    """
    if form == "plain":
        return Fragment(f"lower(stripped(CAST({column} AS VARCHAR)))")
    bare = f"replace_all(lower(CAST({column} AS VARCHAR)), {literal(_WHITE)}, '')"
    mailbox = f"replace(replace_all(split_part({bare}, '@', 1), {literal('[+].*$')}, ''), '.', '')"
    return Fragment(
        f"CASE WHEN regexp_matches({bare}, {literal(_GMAIL)})"
        f" THEN concat({mailbox}, '@', split_part({bare}, '@', 2)) ELSE {bare} END"
    )


def valid_address_sql(address: str) -> Fragment:
    """Return the SQL condition that an address in normal form can be one.

    Examples
    --------
    >>> from segml.engine import connect
    >>> def valid(address):
    ...     sql = valid_address_sql(literal(address))
    ...     return connect().fetch_row("SELECT {sql}", sql=sql)[0]
    >>> valid("a.b@example.com"), valid("a..b@example.com"), valid("a@localhost")
    (True, False, False)
    """
    return Fragment(
        f"(regexp_matches({address}, {literal(_ADDRESS)}) AND length({address}) <= {_LONGEST}"
        f" AND length(split_part({address}, '@', 1)) <= {_LONGEST_LOCAL})"
    )


def phone_sql(column: str) -> Fragment:
    """Return the SQL of a phone number in the form of E.164, NULL where it has none.

    A number needs its country code, after a plus sign or 00: without one, nothing says which
    country it is of. What people write between digits is dropped, and so is the zero of
    "+44 (0)20".

    Examples
    --------
    >>> from segml.engine import connect
    >>> def phone(number):
    ...     sql = phone_sql(literal(number))
    ...     return connect().fetch_row("SELECT {sql}", sql=sql)[0]
    >>> phone("+44 (0)20 7183-8750"), phone("0044 20 71838750"), phone("020 7183 8750")
    ('+442071838750', '+442071838750', None)
    """
    digits = f"replace_all(replace(CAST({column} AS VARCHAR), '(0)', ''), {literal(_BETWEEN)}, '')"
    whole = (
        f"CASE WHEN substr({digits}, 1, 2) = '00' THEN concat('+', substr({digits}, 3))"
        f" ELSE {digits} END"
    )
    return Fragment(f"CASE WHEN regexp_matches({whole}, {literal(_E164)}) THEN {whole} END")


def country_sql(column: str) -> Fragment:
    """Return the SQL of a country code of two small letters (ISO 3166-1), NULL for what is none.

    Examples
    --------
    >>> from segml.engine import connect
    >>> connect().fetch_row("SELECT {sql}", sql=country_sql(literal("UK")))
    ('gb',)
    """
    code = f"lower(stripped(CAST({column} AS VARCHAR)))"
    return Fragment(
        f"CASE WHEN {code} = 'uk' THEN 'gb' WHEN regexp_matches({code}, '^[a-z][a-z]$')"
        f" THEN {code} END"
    )


def sha256_hex(values: Iterable[str | None]) -> list[str | None]:
    """Return the SHA-256 of texts in UTF-8, in small hexadecimal digits; missing stays missing.

    Examples
    --------
    >>> sha256_hex(["", None])
    ['e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', None]
    """
    sha256 = hashlib.sha256
    return [None if value is None else sha256(value.encode()).hexdigest() for value in values]


def harmless(values: Sequence[str]) -> list[str]:
    """Return texts that no spreadsheet takes for a formula: an apostrophe is put before those.

    References
    ----------
    OWASP (2024). CSV Injection. owasp.org/www-community/attacks/CSV_Injection.

    Examples
    --------
    >>> harmless(["Champions", "=1+1"])
    ['Champions', "'=1+1"]
    """
    return [f"'{value}" if value.startswith(FORMULA) else value for value in values]
