"""Segments as files that marketing tools take, for customers who consented and no others."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from segml._core import text
from segml._core.check import one_of
from segml._core.errors import NotEnoughDataError, ParameterError
from segml._core.files import whole_file
from segml.data.account import RowAccount
from segml.engine import Table
from segml.engine.sql import Fragment

from .audience_files import write_files
from .audience_input import customers_table, groups_table, segments_table
from .audience_result import Audience, audience_of, files_before, record_text
from .audience_rows import judge, not_in
from .audience_systems import SYSTEMS, System

_RUN_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_FETCHED = 100_000  # rows at a time


def to_audience(
    segments: Any,
    customers: Any,
    *,
    system: str,
    path: str | os.PathLike[str],
    names: Mapping[Any, str] | pd.Series | None = None,
    groups: Any = None,
    control: str | Collection[str] | None = None,
    run_id: str | None = None,
) -> Audience:
    """Write customers and their segments as a file that a marketing tool takes as it is.

    Only customers who consented to marketing are written. Everyone else is counted under
    the reason why they are not: customers in are customers written and left out.

    Parameters
    ----------
    segments : Series, segmenter or Table
        Segment labels indexed by customer id; a segmenter fitted to a table of customers; or
        a table of any engine with ``customer_id``, ``segment`` and perhaps ``name``, such as
        `assign_segments` defines. For some segments only, give the labels of these.
    customers : CustomerData or DataTable
        A bundle of tables with ``customers``, or this table, with ``customer_id``, ``email``
        and ``consent_marketing``, and perhaps ``phone`` and ``country``.
    system : str
        ``klaviyo``, ``mailchimp``, ``constant_contact``, ``hubspot``, ``salesforce``,
        ``segment``, ``meta`` or ``google_ads``.
    path : str or path
        The file, that ends in ``.csv``, or in ``.jsonl`` for ``segment``. A file that is there
        is replaced. Further files are called after it: parts, where the system takes no more
        in one, and the lists of ``meta`` and ``google_ads``, one a segment and group, whose
        names also bear the run id. A ``.json`` file of the same name says what was written.
    names : mapping or Series of str, optional
        Segment names by label; those of a segmenter are its own.
    groups : Assignment or Series, optional
        Group of an experiment by customer. The control group is not written at all, nor is
        who is in no group; the others are told apart by a column, or have files of their own.
    control : str or collection of str, optional
        Which groups are control groups. When not given, those called "holdout", and that of
        the Assignment or those called "control".
    run_id : str, optional
        The stamp on the rows, or on the files' names: up to 100 letters, digits, dots, hyphens
        and underscores. When not given, the time.

    Returns
    -------
    Audience
        Files, counts and reasons.

    Raises
    ------
    DataError
        A customer is in two segments or groups, has no id, or none of the ids is known.
    MissingTableError
        There is no table of customers, or it has no address or no consent.
    NotEnoughDataError
        Nobody is left to write to; no file is written. Says why not.
    ParameterError
        The system is not known, the path ends in something else or is a folder, a file that
        is not of this system is in the way, or no group is a control group.

    Notes
    -----
    *Consent* goes by ``customers.consent_marketing``, as of ``apply_consent(data, "export")``:
    consent that is not known is none, and of several rows of a customer one refusal is a
    refusal. Without the column nothing is written. An address or a phone number that is also
    of a customer who refused, or who is in the control group, is not written either. Consent
    is not passed on as a status: who unsubscribed in the tool stays unsubscribed.

    *Addresses* are trimmed and in lower case; what cannot be an address is left out. Of several
    customers with one address the one of the lowest id is written. Of several rows of a
    customer, the alphabetically first valid address counts.

    *Phone numbers* are written as E.164 has them. One without a country code is left out, the
    customer is not.

    *Hashes* for ``meta`` and ``google_ads`` are SHA-256 of UTF-8, in small hexadecimal digits,
    of addresses, phone numbers (``meta``: digits only; ``google_ads``: with the plus sign) and
    countries (``meta``: two small letters). For ``google_ads``, white space anywhere is dropped,
    and at gmail.com and googlemail.com also dots before the @ and what follows a plus sign.
    Neither gets ids.

    *Formulas*: in CSV files a cell that begins with =, +, -, @, a tab or a line break gets an
    apostrophe before it, where it is a name, a group or an id. An address cannot, as it would
    be another: it is left out. Phone numbers keep their plus sign, since nothing but digits
    follows it.

    *Order* is by customer id, so that the same input and run id give the same bytes. All files
    appear together, after the last is complete; lists of an earlier run that the record names,
    and that are not written again, are deleted: consent may have been withdrawn since.

    References
    ----------
    Klaviyo, Create and add contacts to a new list (50 MB a file; columns).
    help.klaviyo.com/hc/en-us/articles/115005078967
    Mailchimp, Format guidelines for your import file. mailchimp.com/help
    Constant Contact, Standard contact headings and character limits (80 characters), article
    37423; Common questions when importing (100 MB or a million rows), article 35742.
    knowledgebase.constantcontact.com
    HubSpot, Set up import files (512 MB, 1,048,576 rows). knowledge.hubspot.com
    Salesforce, Bulk API 2.0 Developer Guide, Prepare CSV Files (100 MB).
    developer.salesforce.com
    Twilio Segment, Spec: Identify. twilio.com/docs/segment/connections/spec/identify
    Meta, How to format a customer list (headers, 100 people at least).
    facebook.com/business/help/2082575038703844; Marketing API, Custom Audiences, Hashing and
    normalization of data.
    Google, Format your customer data file. support.google.com/google-ads/answer/7659867; Data
    Manager API, Format user data.
    developers.google.com/data-manager/api/devguides/concepts/formatting
    OWASP, CSV Injection. owasp.org/www-community/attacks/CSV_Injection

    Examples
    --------
    >>> import tempfile
    >>> from segml.data import read_table
    >>> customers = read_table(pd.DataFrame({
    ...     "customer_id": ["a", "b", "c"], "consent_marketing": [True, False, True],
    ...     "email": ["Ann@Example.com ", "bob@example.com", None]}), "customers")
    >>> path = Path(tempfile.mkdtemp()) / "audience.csv"
    >>> audience = to_audience(pd.Series([0, 0, 1], index=["a", "b", "c"]), customers,
    ...     system="klaviyo", path=path, names={0: "Champions"}, run_id="june")
    >>> print(path.read_text())
    "Email","Phone Number","External ID","Segment","Segment Run"
    "ann@example.com",,"a","Champions","june"
    >>> audience.account.rejected
    {'consent refused': 1, 'no e-mail address': 1}
    """
    known = SYSTEMS[one_of(system, SYSTEMS, "system")]
    target = _checked_path(path, system, known)
    stamp = _checked_run_id(run_id)
    record = target.with_suffix(".json")
    before = files_before(record, system)
    table = customers_table(customers)
    engine = table.engine
    given, called = segments_table(segments, names, engine)
    assigned: Table | None = None
    written_groups: list[str] = []
    notes: list[str] = []
    if groups is not None:
        assigned, written_groups = groups_table(groups, control, engine)
        if absent := not_in(assigned, given):
            notes.append(
                "Customers of the experiment who are in none of these segments: "
                f"{text.count(absent)}."
            )
    judged = judge(given, table, assigned, known)
    named = {
        label: called.get(label, f"segment {label}" if label.isdecimal() else label)
        for label in judged.segments
    }
    rows_in = len(judged.table)
    rows_used = sum(written for _, written in judged.segments.values())
    account = RowAccount("customers in segments", rows_in, rows_used, judged.left_out, judged.noted)
    if not rows_used:
        raise NotEnoughDataError(
            "nobody is left to write to, and no file is written",
            where="customers",
            got=", ".join(f"{reason}: {n:,}" for reason, n in account.rejected.items())
            or "no customer in a segment",
        )
    order = "segment, experiment_group, customer_id" if known.hashed else "customer_id"
    rows = engine.sql(
        "SELECT customer_id, segment, experiment_group, address, phone, country FROM {table}"
        " WHERE reason IS NULL ORDER BY {order}",
        table=judged.table,
        order=Fragment(order),
    )
    with ExitStack() as stack:
        aside = stack.enter_context(whole_file(record))  # so it appears last
        files = write_files(
            rows.batches(_FETCHED), known, target, named, written_groups, stamp, stack
        )
        audience = audience_of(system, stamp, files, judged, named, account, record, notes)
        if audience.files["rows"].sum() != rows_used:
            raise AssertionError(f"{audience.files['rows'].sum()} rows written of {rows_used}")
        aside.write_text(record_text(audience), encoding="utf-8", newline="\n")
    for name in before - {file.path.name for file in files}:
        target.with_name(name).unlink(missing_ok=True)
    return audience


def _checked_path(path: str | os.PathLike[str], system: str, known: System) -> Path:
    target = Path(path)
    if target.is_dir():
        raise ParameterError(
            "the path is a folder",
            where="path",
            got=str(path),
            expected=f"a file that ends in {known.suffix}",
        )
    if target.suffix != known.suffix:
        raise ParameterError(
            f"a file for {system} ends in {known.suffix}", where="path", got=str(path)
        )
    return target


def _checked_run_id(run_id: str | None) -> str:
    if run_id is None:
        return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    if not isinstance(run_id, str) or not _RUN_ID.fullmatch(run_id):
        raise ParameterError(
            "this cannot be stamped on files",
            where="run_id",
            got=run_id,
            expected="up to 100 letters, digits, dots, hyphens and underscores",
        )
    return run_id
