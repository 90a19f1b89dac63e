"""The numbers at the top of a report: those that its notebooks name, or the first they show."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from segml._core.errors import SegmlWarning

from .outputs import Html, Piece

HEADLINES = "headlines.json"
_LEAST = 2


@dataclass(frozen=True)
class Headline:
    """A number with what it is.

    Parameters
    ----------
    label, value, note : str
        What it is, the number as people read it, and what to know about it.
    chapter : str
        Notebook that shows it; empty where the notebooks named it for the whole report.
    """

    label: str
    value: str
    note: str = ""
    chapter: str = ""


def headlines(folder: Path, notebooks: Sequence[tuple[str, list[Piece]]]) -> list[Headline]:
    """Return the headline numbers of a run.

    Parameters
    ----------
    folder : Path
        The run folder. Notebooks may write ``artefacts/headlines.json``, a list of objects
        with ``label``, ``value`` and, if they like, ``note``.
    notebooks : sequence of (str, list of Piece)
        Name and content of each; where there is no such file, the first facts that each of
        them shows are the headline numbers.

    Returns
    -------
    list of Headline
        Each label once; facts of which fewer than two are new are left to their notebook.

    Warns
    -----
    SegmlWarning
        The file is not such a list; it is passed over.
    """
    named = _named(folder / "artefacts" / HEADLINES)
    if named:
        return named
    seen: set[str] = set()
    found = []
    for name, content in notebooks:
        new = [fact for fact in _first_facts(content) if fact[0].casefold() not in seen]
        if len(new) < _LEAST:  # what is left of facts that were told before
            continue
        seen.update(label.casefold() for label, _, _ in new)
        found += [Headline(label, value, note, name) for label, value, note in new]
    return found


def _named(file: Path) -> list[Headline]:
    if not file.is_file():
        return []
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(said, list):
            raise TypeError("not a list")
        return [
            Headline(str(one["label"]), str(one["value"]), str(one.get("note") or ""))
            for one in said
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        warnings.warn(
            SegmlWarning(
                "the headline numbers that a notebook wrote cannot be read",
                where=f"artefacts/{HEADLINES}",
                got=f"{type(error).__name__}: {error}",
                expected="a list of objects with label, value and note",
            ),
            stacklevel=2,
        )
        return []


def _first_facts(content: Iterable[Piece]) -> list[tuple[str, str, str]]:
    for piece in content:
        if isinstance(piece, Html):
            reader = _Facts()
            reader.feed(piece.source)
            if reader.found:
                return reader.found
    return []


class _Facts(HTMLParser):
    """Reads the first list of facts that a result object shows."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []
        self._within: list[str] = []
        self._done = False
        self._parts = {"dt": "", "dd": "", "small": ""}

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag == "dl" and "facts" in (dict(attrs).get("class") or "").split():
            self._within = ["dl"]
        elif self._within and not self._done:
            self._within.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._done or tag not in self._within:
            return
        while self._within.pop() != tag:
            pass
        if tag == "dd":
            label, value, note = (" ".join(part.split()) for part in self._parts.values())
            self.found.append((label, value, note))
            self._parts = dict.fromkeys(self._parts, "")
        self._done = tag == "dl"

    def handle_data(self, data: str) -> None:
        if self._within and not self._done and self._within[-1] in self._parts:
            self._parts[self._within[-1]] += data
