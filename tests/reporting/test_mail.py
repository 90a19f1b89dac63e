from __future__ import annotations

import email
from email.policy import default

import pytest

from segml._core.errors import ParameterError, RunError
from segml.reporting.mail import write_mail

from .test_compare import OLD, OLD_NAMES, run


@pytest.fixture
def folder(tmp_path):
    return run(tmp_path, "20261121T010000Z-aaaaaa", OLD, OLD_NAMES, title="Größe\nof shops")


def read(path):
    return email.message_from_bytes(path.read_bytes(), policy=default)


def test_mail_has_a_summary_and_the_report(folder):
    page = folder / "report.html"
    page.write_bytes("<p>Größe</p>\nécole\r\n".encode())
    path = write_mail(folder, to=["Ann <ann@example.org>", "bob@example.org"], sender="c@d.example")
    mail = read(path)
    assert path == folder / "report.eml"
    assert mail["Subject"] == "Größe of shops: completed"
    assert [(a.display_name, a.addr_spec) for a in mail["To"].addresses] == [
        ("Ann", "ann@example.org"),
        ("", "bob@example.org"),
    ]
    assert mail["From"].addresses[0].addr_spec == "c@d.example"
    assert mail["Date"].datetime.isoformat() == "2026-11-21T03:00:00+00:00"
    assert not mail.defects
    text, attached = mail.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert "completed" in text.get_content()
    assert attached.get_content_type() == "text/html"
    assert attached.get_filename().endswith(f"{folder.name}.html")
    assert attached.get_payload(decode=True) == page.read_bytes()
    assert b"secret" not in path.read_bytes()


def test_no_address_is_made_up(folder):
    mail = read(write_mail(folder))
    assert mail["To"] is None
    assert mail["From"] is None
    assert "@" not in "".join(str(value) for value in mail.values())


def test_link_where_reports_are_published(folder):
    (text, _) = read(write_mail(folder, address="https://example.org/r")).iter_parts()
    assert f"https://example.org/r/{folder.parent.name}/{folder.name}/report.html" in (
        text.get_content()
    )


def test_same_run_same_mail(folder):
    first = write_mail(folder, to="ann@example.org").read_bytes()
    assert write_mail(folder, to="ann@example.org").read_bytes() == first


@pytest.mark.parametrize(
    "wrong", ["ann", "ann@", "@example.org", "a b@c.d", "ann@example.org\nBcc: x@y.z", "<>"]
)
def test_what_is_no_address_is_refused(folder, wrong):
    with pytest.raises(ParameterError, match="not a mail address"):
        write_mail(folder, to=wrong)
    with pytest.raises(ParameterError, match="not a mail address"):
        write_mail(folder, to="ok@example.org", sender=wrong)
    assert not (folder / "report.eml").exists()


def test_run_without_a_page(folder):
    (folder / "report.html").unlink()
    with pytest.raises(RunError, match="no page to send"):
        write_mail(folder)
