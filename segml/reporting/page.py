"""The page of a run: one HTML file that needs nothing else and fetches nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from segml._core.files import write_text
from segml._core.html import STYLE
from segml._core.text import MONTHS, count

from .manifest import Manifest
from .notebook_html import Heading, Section, build
from .outputs import Piece, pieces

PAGE_NAME = "report.html"


@dataclass(frozen=True)
class Failure:
    """Why a run failed.

    Parameters
    ----------
    what : str
        The error's type and message.
    notebook : str
        In which notebook; empty when in none.
    cell, of : int
        In which of its cells, counted from 1; None when unknown.
    traceback : str
        Plain text.
    command : str
        What runs the report again; may be empty.
    """

    what: str
    notebook: str = ""
    cell: int | None = None
    of: int = 0
    traceback: str = ""
    command: str = ""

    @property
    def place(self) -> str:
        """Say where it failed."""
        if not self.notebook:
            return ""
        return self.notebook + (f", cell {self.cell} of {self.of}" if self.cell else "")

    def text(self, run: Manifest) -> str:
        """Return the failure as a text file."""
        lines = [
            f"{run.report} failed, run {run.run_id}",
            self.what,
            f"in {self.place}" if self.place else "",
            f"again: {self.command}" if self.command else "",
        ]
        return "\n".join([line for line in lines if line] + ["", self.traceback.strip(), ""])


def write_page(folder: Path, run: Manifest, failure: Failure | None = None) -> Path:
    """Render the executed notebooks of a run folder and write ``report.html``, whole."""
    return write_text(folder / PAGE_NAME, render_page(folder, run, failure))


def render_page(folder: Path, run: Manifest, failure: Failure | None = None) -> str:
    """Return the page of a run as HTML.

    Parameters
    ----------
    folder : Path
        The run folder, with the executed notebooks.
    run : Manifest
        What ran.
    failure : Failure, optional
        Why it failed; shown first.
    """
    document = build(list(_executed(folder, run)), folder)
    return template("report.html").render(
        run=run,
        failure=failure,
        when=day_and_time(run.started_at),
        sections=[{"id": s.id, "body": Markup(s.body)} for s in document.sections],
        chapters=list(_chapters(document.sections)),
        shared_style=Markup(document.style or STYLE),
        tables=list(_tables(run)),
    )


@cache
def template(name: str) -> Any:
    """Return one of the templates that pages share; what is filled in is escaped."""
    folder = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(folder, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name)


def day_and_time(iso: str) -> str:
    """Return a UTC time as people write it.

    Examples
    --------
    >>> day_and_time("2026-11-21T22:15:00.000+00:00")
    '21 November 2026, 22:15 UTC'
    """
    when = datetime.fromisoformat(iso)
    return f"{when.day} {MONTHS[when.month - 1]} {when:%Y, %H:%M} UTC"


def _executed(folder: Path, run: Manifest) -> Iterator[tuple[str, list[Piece]]]:
    for notebook in run.notebooks:
        path = folder / "notebooks" / f"{notebook.name}.ipynb"
        if path.is_file():
            yield notebook.name, pieces(json.loads(path.read_text(encoding="utf-8")))


def _chapters(sections: Iterable[Section]) -> Iterator[Heading]:
    """Nest each h3 below the h2 before it."""
    for section in sections:
        chapter: Heading | None = None
        for heading in section.headings:
            if heading.level == 2:
                if chapter is not None:
                    yield chapter
                chapter = Heading(2, heading.text, heading.id)
            elif heading.level == 3 and chapter is not None:
                chapter.below.append(heading)
        if chapter is not None:
            yield chapter


def _tables(run: Manifest) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    yield "Parameters", list(_flat(run.params))
    files = run.data.get("files", [])
    if files:
        rows = [(f["path"], f"{count(f['bytes'])} bytes, SHA-256 {f['sha256']}") for f in files]
        yield "Data", rows
    version_rows = [(name, version or "not installed") for name, version in run.versions.items()]
    if run.git:
        state = ", with changes" if run.git["dirty"] else ""
        version_rows.append(("git revision", f"{run.git['revision']}{state}"))
    yield "Versions", version_rows


def _flat(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            yield f"{prefix}{name}", ", ".join(str(item) for item in value)
        else:
            yield f"{prefix}{name}", "not set" if value in (None, "", {}) else str(value)
