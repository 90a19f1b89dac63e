"""Who may be written to: segments beside customers, consent, addresses and groups, as SQL."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from segml._core.errors import DataError
from segml.data.consent import CONSENT_COLUMNS, REFUSED, UNKNOWN
from segml.engine import Table
from segml.engine.sql import Fragment, quote

from .audience_systems import System
from .identifiers import FORMULA, address_sql, country_sql, phone_sql, valid_address_sql

CONSENT = CONSENT_COLUMNS["export"]
NOISE = "in no segment (noise)"
NO_ROW = "not in the table of customers (erased, or never there)"
CONTROL = "control group of the experiment"
NO_GROUP = "in no group of the experiment"
NO_ADDRESS = "no e-mail address"
INVALID = "e-mail address is not valid"
LIKE_FORMULA = "e-mail address that a spreadsheet would take for a formula"
TOO_LONG = "e-mail address is longer than the system takes"
OF_REFUSER = "e-mail address of a customer who refused"
OF_CONTROL = "e-mail address of a customer in the control group"
REPEATED = "e-mail address of another customer in the file"
#: What keeps a customer out, in the order in which it is looked for.
REASONS = (
    NOISE, NO_ROW, REFUSED, UNKNOWN, CONTROL, NO_GROUP, NO_ADDRESS, INVALID, LIKE_FORMULA,
    TOO_LONG, OF_REFUSER, OF_CONTROL, REPEATED,
)  # fmt: skip
NO_COUNTRY_CODE = "phone left out: it has no country code, or is not valid"
PHONE_CLOSED = "phone left out: of a customer who refused or is in the control group"
PHONE_REPEATED = "phone left out: of another customer in the file"
COUNTRY_UNREAD = "country left out: it is not a code of two letters"
APOSTROPHE = "customer id with an apostrophe before it, as it begins like a formula"

# Of a customer with several rows one refusal is a refusal, and the first address counts.
_PEOPLE = """
WITH read AS (
    SELECT customer_id, CAST({consent} AS INTEGER) AS consent, {email} AS email,
        {address} AS address, {phone} AS phone, {phone_form} AS phone_form,
        {country} AS country, {country_form} AS country_form
    FROM {customers}
)
SELECT customer_id,
    CASE min(consent) WHEN 1 THEN NULL WHEN 0 THEN {refused} ELSE {unknown} END AS objection,
    count(CASE WHEN stripped(email) <> '' THEN 1 END) AS emails,
    count(CASE WHEN stripped(phone) <> '' THEN 1 END) AS phones,
    count(CASE WHEN stripped(country) <> '' THEN 1 END) AS countries,
    min(CASE WHEN {valid} THEN address END) AS address,
    min(phone_form) AS phone,
    min(country_form) AS country
FROM read
GROUP BY customer_id
"""

_JUDGED = """
WITH placed AS (
    SELECT p.*, g.experiment_group, coalesce(g.is_control, FALSE) AS is_control
    FROM {people} AS p LEFT JOIN {groups} AS g ON p.customer_id = g.customer_id
),
closed AS (
    SELECT address, max(CASE WHEN objection = {refused} THEN 1 ELSE 0 END) AS by_refusal
    FROM placed WHERE address IS NOT NULL AND (objection = {refused} OR is_control)
    GROUP BY address
),
closed_phones AS (
    SELECT DISTINCT phone FROM placed
    WHERE phone IS NOT NULL AND (objection = {refused} OR is_control)
),
judged AS (
    SELECT s.customer_id, s.segment, p.experiment_group, p.address, p.country, p.phones,
        p.countries, p.phone, CASE WHEN d.phone IS NULL THEN p.phone END AS open_phone,
        CASE WHEN s.segment IS NULL OR s.segment IN ('-1', 'noise') THEN {noise}
            WHEN p.customer_id IS NULL THEN {no_row}
            WHEN p.objection IS NOT NULL THEN p.objection
            WHEN p.is_control THEN {control}
            WHEN {assigned} AND p.experiment_group IS NULL THEN {no_group}
            WHEN p.emails = 0 THEN {no_address}
            WHEN p.address IS NULL THEN {invalid}
            WHEN {formulas} AND substr(p.address, 1, 1) IN {formula} THEN {like_formula}
            WHEN length(p.address) > {longest} THEN {too_long}
            WHEN c.by_refusal = 1 THEN {of_refuser}
            WHEN c.by_refusal = 0 THEN {of_control}
        END AS objection
    FROM {segments} AS s
    LEFT JOIN placed AS p ON s.customer_id = p.customer_id
    LEFT JOIN closed AS c ON p.address = c.address
    LEFT JOIN closed_phones AS d ON p.phone = d.phone
),
once AS (
    SELECT *, CASE WHEN objection IS NULL AND row_number() OVER (
            PARTITION BY CASE WHEN objection IS NULL THEN address END ORDER BY customer_id
        ) > 1 THEN {repeated} ELSE objection END AS reason
    FROM judged
),
called AS (
    SELECT *, row_number() OVER (
            PARTITION BY CASE WHEN reason IS NULL THEN open_phone END ORDER BY customer_id
        ) AS place
    FROM once
)
SELECT customer_id, segment, experiment_group, address, country, reason,
    CASE WHEN place = 1 THEN open_phone END AS phone,
    CASE WHEN phones = 0 THEN NULL
        WHEN phone IS NULL THEN {no_country_code}
        WHEN open_phone IS NULL THEN {phone_closed}
        WHEN place > 1 THEN {phone_repeated}
    END AS phone_note,
    CASE WHEN countries > 0 AND country IS NULL THEN {country_unread} END AS country_note,
    CASE WHEN {formulas} AND substr(customer_id, 1, 1) IN {formula} THEN {apostrophe}
    END AS id_note
FROM called
"""


@dataclass(frozen=True)
class Judged:
    """Every customer of the segments, written to or left out for a reason.

    Parameters
    ----------
    table : Table
        ``customer_id``, ``segment``, ``experiment_group``, ``address``, ``phone``, ``country``
        and ``reason``, missing where the customer may be written to; materialised.
    left_out : mapping of str to int
        Customers by reason, in the order of `REASONS`.
    noted : mapping of str to int
        What is lacking of customers who are written to.
    segments : mapping of str to (int, int)
        Customers of each segment: all, and those who may be written to.
    """

    table: Table
    left_out: dict[str, int]
    noted: dict[str, int]
    segments: dict[str, tuple[int, int]]


def judge(segments: Table, customers: Table, groups: Table | None, system: System) -> Judged:
    """Say of every customer of the segments whether they may be written to.

    Parameters
    ----------
    segments : Table
        ``customer_id`` and ``segment``, as text, one row a customer.
    customers : Table
        The canonical table, on the same engine.
    groups : Table, optional
        ``customer_id``, ``experiment_group`` and ``is_control``, one row a customer.
    system : System
        Whom the file is for.

    Raises
    ------
    DataError
        No customer of the segments is in the table of customers.
    """
    engine = customers.engine
    people = engine.sql(
        _PEOPLE,
        customers=customers,
        consent=Fragment(quote(CONSENT)),
        email=_column(customers, "email"),
        address=address_sql("email", system.address),
        valid=valid_address_sql("address"),
        phone=_column(customers, "phone"),
        phone_form=phone_sql(_column(customers, "phone")),
        country=_column(customers, "country"),
        country_form=country_sql(_column(customers, "country")),
        refused=REFUSED,
        unknown=UNKNOWN,
    ).materialise()
    nobody = "SELECT '' AS customer_id, '' AS experiment_group, FALSE AS is_control WHERE FALSE"
    table = engine.sql(
        _JUDGED,
        people=people,
        groups=engine.sql(nobody) if groups is None else groups,
        segments=segments,
        assigned=groups is not None,
        formulas=system.form == "csv" and not system.hashed,
        formula=FORMULA,
        longest=system.longest_address,
        refused=REFUSED,
        noise=NOISE,
        no_row=NO_ROW,
        control=CONTROL,
        no_group=NO_GROUP,
        no_address=NO_ADDRESS,
        invalid=INVALID,
        like_formula=LIKE_FORMULA,
        too_long=TOO_LONG,
        of_refuser=OF_REFUSER,
        of_control=OF_CONTROL,
        repeated=REPEATED,
        no_country_code=NO_COUNTRY_CODE,
        phone_closed=PHONE_CLOSED,
        phone_repeated=PHONE_REPEATED,
        country_unread=COUNTRY_UNREAD,
        apostrophe=APOSTROPHE,
    ).materialise()
    left_out = _count(table, "reason", "reason IS NOT NULL")
    if left_out.get(NO_ROW) and left_out[NO_ROW] + left_out.get(NOISE, 0) == len(table):
        raise DataError(
            "no customer of the segments is in the table of customers",
            where="segments",
            got=f"{left_out[NO_ROW]:,} unknown ids",
            expected="ids of customers.customer_id",
            hint="are they of the same data, and pseudonymised or not, both of them?",
        )
    notes = ["phone_note", "id_note"]
    notes += ["country_note"] if "country" in system.columns.values() else []
    noted: dict[str, int] = {}
    for note in notes:
        noted |= _count(table, note, f"reason IS NULL AND {note} IS NOT NULL")
    given = _count(table, "segment", "segment IS NOT NULL")
    written = _count(table, "segment", "reason IS NULL")
    return Judged(
        table,
        {reason: left_out[reason] for reason in REASONS if reason in left_out},
        noted,
        {segment: (n, written.get(segment, 0)) for segment, n in given.items()},
    )


def check_once(table: Table, where: str, what: Collection[str]) -> None:
    """Refuse a customer without an id, and one who is there twice.

    Raises
    ------
    DataError
        Says how many customers, and of the second kind whether their rows contradict.
    """
    (column,) = what
    rows, known, distinct, pairs = table.row(
        "SELECT count(*), count(customer_id), count(DISTINCT customer_id),"
        " (SELECT count(*) FROM (SELECT DISTINCT customer_id, {column} FROM {self}) AS p)"
        " FROM {self}",
        column=Fragment(quote(column)),
    )
    if known < rows:
        raise DataError("a customer has no id", where=where, got=f"{rows - known:,} rows")
    if distinct < rows:
        raise DataError(
            f"a customer is in two {where}" if pairs > distinct else "a customer is there twice",
            where=where,
            got=f"{rows - distinct:,} rows of customers that came before",
            expected="one row a customer",
        )


def not_in(groups: Table, segments: Table) -> int:
    """Count the customers of an experiment who are in no segment that is given."""
    return int(
        groups.scalar(
            "SELECT count(*) FROM {self} AS g LEFT JOIN {segments} AS s"
            " ON g.customer_id = s.customer_id WHERE s.customer_id IS NULL",
            segments=segments,
        )
    )


def _column(customers: Table, name: str) -> Fragment:
    return Fragment(quote(name) if name in customers.types else "CAST(NULL AS VARCHAR)")


def _count(table: Table, column: str, condition: str) -> dict[str, int]:
    found = table.engine.sql(
        "SELECT {column}, count(*) AS n FROM {table} WHERE {condition}"
        " GROUP BY {column} ORDER BY {column}",
        column=Fragment(column),
        condition=Fragment(condition),
        table=table,
    ).to_arrow()
    return dict(zip(*(part.to_pylist() for part in found.columns), strict=True))
