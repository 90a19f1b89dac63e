from __future__ import annotations

import os
import stat

import pytest

from segml._core.errors import MissingDependencyError, RunError
from segml.reporting import pdf
from segml.reporting.pdf import find_browser, write_pdf


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "run with #1"
    made.mkdir()
    (made / "report.html").write_text("<!doctype html><title>t</title><p>text")
    return made


def stand_in(tmp_path, monkeypatch, script: str) -> None:
    """Put a browser on the path that does what the script says."""
    program = tmp_path / "bin" / "chromium"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}/usr/bin{os.pathsep}/bin")


def test_without_a_browser_it_says_what_to_do(folder, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(pdf, "_ELSEWHERE", ())
    assert find_browser() is None
    with pytest.raises(MissingDependencyError, match="Chromium or Chrome") as caught:
        write_pdf(folder)
    assert "print report.html from any browser" in str(caught.value)
    assert [file.name for file in folder.iterdir()] == ["report.html"]


def test_without_a_page(tmp_path):
    with pytest.raises(RunError, match="no page to print"):
        write_pdf(tmp_path)


def test_a_browser_that_prints_nothing(folder, tmp_path, monkeypatch):
    stand_in(tmp_path, monkeypatch, "echo 'no screen' >&2; exit 3")
    with pytest.raises(RunError, match="no screen"):
        write_pdf(folder)
    assert [file.name for file in folder.iterdir()] == ["report.html"]


def test_a_browser_that_hangs(folder, tmp_path, monkeypatch):
    stand_in(tmp_path, monkeypatch, "exec sleep 60")
    monkeypatch.setattr(pdf, "_SECONDS", 0.2)
    with pytest.raises(RunError, match="TimeoutExpired"):
        write_pdf(folder)


@pytest.mark.browser
@pytest.mark.skipif(find_browser() is None, reason="needs Chromium or Chrome")
def test_page_is_printed(folder):
    path = write_pdf(folder)
    assert path == folder / "report.pdf"
    assert path.read_bytes().startswith(b"%PDF")
    assert sorted(file.name for file in folder.iterdir()) == ["report.html", "report.pdf"]
