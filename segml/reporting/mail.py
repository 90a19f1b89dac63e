"""A run as a mail that is ready to be sent."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

from segml._core.errors import ParameterError, RunError
from segml._core.files import whole_file

from .manifest import read_manifest
from .page import PAGE_NAME
from .summary import summarise

MAIL_NAME = "report.eml"


def write_mail(
    run_folder: str | os.PathLike[str],
    to: str | Sequence[str] = (),
    sender: str = "",
    address: str = "",
) -> Path:
    """Write ``report.eml`` into a run folder: a summary, and the report as an attachment.

    Parameters
    ----------
    run_folder : path
        The run folder.
    to : str or sequence of str
        Addresses, as ``ann@example.org`` or ``Ann <ann@example.org>``. Without any, the mail
        has no recipient: whoever opens it fills one in.
    sender : str, optional
        Address of the sender; without it, that of who sends it.
    address : str, optional
        Where the reports folder is published, such as ``https://example.org/reports``; the
        text then names the report's place there.

    Returns
    -------
    Path
        The mail, RFC 5322 with MIME parts. Programs for mail open it as a draft; ``sendmail -t``
        and ``smtplib`` send it.

    Raises
    ------
    ParameterError
        Something is no address.
    RunError
        The run has no page.
    DataError
        The manifest cannot be read.
    """
    folder = Path(run_folder)
    run = read_manifest(folder)
    page = folder / PAGE_NAME
    if not page.is_file():
        raise RunError("the run has no page to send", where=f"{run.report}/{run.run_id}")
    said = summarise(folder, address)
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = " ".join(said.subject.split())
    for header, given in (("To", [to] if isinstance(to, str) else list(to)), ("From", [sender])):
        if any(given):
            _set_address(mail, header, given)
    # Not the time of writing: the same run gives the same mail.
    mail["Date"] = format_datetime(datetime.fromisoformat(run.finished_at or run.started_at))
    mail["X-Unsent"] = "1"  # Outlook opens it as a draft
    where = f"The report is at {said.link}\n" if address else ""
    mail.set_content(f"{said.text()}{where}The report is attached; it opens in any browser.\n")
    mail.add_attachment(
        page.read_bytes(),
        maintype="text",
        subtype="html",
        filename=f"{run.report}-{run.run_id}.html",
    )
    mark = hashlib.sha256(run.run_id.encode()).hexdigest()[:32]
    mail.set_boundary(f"=_segml_{mark}")
    with whole_file(folder / MAIL_NAME) as aside:
        aside.write_bytes(mail.as_bytes())
    return folder / MAIL_NAME


def _set_address(mail: EmailMessage, header: str, given: Sequence[str]) -> None:
    """Set a header of addresses.

    Raises
    ------
    ParameterError
        Something is no address.
    """
    try:
        mail[header] = ", ".join(given)
        found = mail[header].addresses
        wrong = bool(mail[header].defects) or not all(one.username and one.domain for one in found)
    except (ValueError, IndexError):  # a line break, or what cannot be read at all
        wrong = True
    if wrong:
        raise ParameterError(
            "this is not a mail address",
            where=header,
            got=", ".join(given),
            expected="such as ann@example.org or Ann <ann@example.org>",
        )
