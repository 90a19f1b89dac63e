"""A run's page as PDF, printed by headless Chromium."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from segml._core.errors import MissingDependencyError, RunError
from segml._core.files import whole_file

from .data_files import display
from .page import PAGE_NAME

PDF_NAME = "report.pdf"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_ELSEWHERE = (  # where macOS and Windows put programs that are not on the path
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
)
_SECONDS = 120


def find_browser() -> str | None:
    """Return the path of Chromium or Chrome, None where there is none."""
    for name in BROWSERS:
        if (found := shutil.which(name)) is not None:
            return found
    return next((path for path in _ELSEWHERE if Path(path).is_file()), None)


def write_pdf(run_folder: str | os.PathLike[str]) -> Path:
    """Print the page of a run to ``report.pdf`` in its folder.

    Parameters
    ----------
    run_folder : path
        The run folder.

    Returns
    -------
    Path
        The PDF, A4, as the page prints: folded parts are open, code is left out.

    Raises
    ------
    MissingDependencyError
        There is neither Chromium nor Chrome.
    RunError
        The run has no page, or the browser did not print it.
    """
    folder = Path(run_folder)
    page = folder / PAGE_NAME
    if not page.is_file():
        raise RunError("the run has no page to print", where=display(folder))
    browser = find_browser()
    if browser is None:
        raise MissingDependencyError(
            "a PDF needs Chromium or Chrome, which is not installed",
            expected=f"one of {', '.join(BROWSERS)} on the path",
            hint="install it, or print report.html from any browser",
        )
    with whole_file(folder / PDF_NAME) as aside, tempfile.TemporaryDirectory() as profile:
        # Chromium as root, as in a container, runs only without its sandbox; the page it is
        # given runs no script but its own and fetches nothing.
        as_root = hasattr(os, "geteuid") and os.geteuid() == 0
        command = [
            browser,
            "--headless",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            *(["--no-sandbox"] if as_root else []),
            f"--user-data-dir={profile}",
            "--no-pdf-header-footer",
            f"--print-to-pdf={aside}",
            page.absolute().as_uri(),
        ]
        try:
            ran = subprocess.run(
                command, capture_output=True, text=True, timeout=_SECONDS, check=False
            )
            said = ran.stderr.strip().splitlines()[-1:] or [f"exit code {ran.returncode}"]
        except (OSError, subprocess.TimeoutExpired) as error:
            said = [f"{type(error).__name__}"]
        if not aside.read_bytes().startswith(b"%PDF"):
            raise RunError("the browser did not print the page", where=PAGE_NAME, got=said[0])
    return folder / PDF_NAME
