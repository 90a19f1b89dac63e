"""The page of a run: one HTML file that needs nothing else and fetches nothing."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from segml._core.files import write_text
from segml._core.html import STYLE

from .headlines import headlines
from .manifest import Manifest
from .notebook_html import Heading, Section, build
from .outputs import Code, Piece, pieces
from .run_tables import day_and_time, duration, run_tables

PAGE_NAME = "report.html"
COMPARISON_NAME = "compare.html"


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
    notebooks = list(executed(folder, run))
    document = build(notebooks, folder)
    return render(
        "report.html",
        run=run,
        failure=failure,
        when=day_and_time(run.started_at),
        took=duration(run.seconds),
        headlines=_headlines(folder, notebooks, document.sections),
        sections=[{"id": s.id, "body": Markup(s.body)} for s in document.sections],
        chapters=list(_chapters(document.sections)),
        has_code=any(isinstance(piece, Code) for _, content in notebooks for piece in content),
        compared=(folder / COMPARISON_NAME).is_file(),
        shared_style=Markup(STYLE),
        tables=run_tables(run),
    )


def render(name: str, **values: Any) -> str:
    """Return one of the templates filled in; all text is escaped, Markup is HTML already."""
    environment, script, script_hash = _environment()
    page = environment.get_template(name)
    return page.render(script=Markup(script), script_hash=script_hash, **values)


@cache
def _environment() -> tuple[Environment, str, str]:
    """Return the templates and the script that pages share, with the hash that allows only it."""
    folder = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(folder, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    script = (folder / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment, script, f"sha256-{digest}"


def executed(folder: Path, run: Manifest) -> Iterator[tuple[str, list[Piece]]]:
    """Yield name and content of the notebooks of a run, as far as they were executed."""
    for notebook in run.notebooks:
        path = folder / "notebooks" / f"{notebook.name}.ipynb"
        if path.is_file():
            yield notebook.name, pieces(json.loads(path.read_text(encoding="utf-8")))


def _headlines(
    folder: Path, notebooks: Sequence[tuple[str, list[Piece]]], sections: Sequence[Section]
) -> list[dict[str, Any]]:
    """Return the headline numbers, those of a notebook below a link to where it begins."""
    begins = {
        name: section.headings[0]
        for (name, _), section in zip(notebooks, sections, strict=True)
        if section.headings
    }
    groups = groupby(headlines(folder, notebooks), key=lambda one: one.chapter)
    return [{"begins": begins.get(name), "numbers": list(some)} for name, some in groups]


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
