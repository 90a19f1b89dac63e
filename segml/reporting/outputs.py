"""What a page holds of an executed notebook, as plain data: its text, its code, its outputs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .execute import own_cells, plain

NOTEBOOK_ONLY = "notebook-only"  # tag of cells for whoever opens the notebook itself
IMAGES = ("image/svg+xml", "image/png", "image/jpeg")

_RICHEST_FIRST = ("text/html", *IMAGES, "text/markdown", "text/plain")
_WIDGET = "application/vnd.jupyter.widget-view+json"
# The text of objects that only says which object it is.
_NOISE = re.compile(r"^<(?:Figure|Axes|[\w.]+ object|.* at 0x[0-9a-f]+).*>$")


@dataclass(frozen=True)
class Text:
    """Markdown: a cell, or an output that is Markdown."""

    source: str
    attachments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Html:
    """HTML that a result object made."""

    source: str


@dataclass(frozen=True)
class Image:
    """A picture: SVG text, or base64 of the other kinds."""

    mime: str
    data: str
    alt: str
    width: int | None


@dataclass(frozen=True)
class Pre:
    """Printed text, or the text of a value."""

    text: str
    stream: bool


@dataclass(frozen=True)
class Error:
    """An exception that a cell raised."""

    what: str
    traceback: str


@dataclass(frozen=True)
class Code:
    """The source of a cell: on the page for who wants it, and hidden until then."""

    source: str


Piece = Text | Html | Image | Pre | Error | Code


def pieces(notebook: Mapping[str, Any]) -> list[Piece]:
    r"""Return what a page holds of a notebook, in order.

    Parameters
    ----------
    notebook : mapping
        The parsed ``.ipynb``.

    Examples
    --------
    >>> cell = {"cell_type": "markdown", "metadata": {}, "source": ["# Orders", "\n"]}
    >>> pieces({"cells": [cell]})
    [Text(source='# Orders\n', attachments={})]
    """
    found: list[Piece] = []
    for cell in own_cells(dict(notebook)):
        if NOTEBOOK_ONLY in cell["metadata"].get("tags", []):
            continue
        if cell["cell_type"] == "markdown":
            found.append(Text(_joined(cell["source"]), cell.get("attachments", {})))
        elif cell["cell_type"] == "code":
            source = plain(_joined(cell["source"])).strip("\n")
            found.extend([Code(source)] if source.strip() else [])
            found.extend(_merged(_outputs(cell)))
    return found


def _outputs(cell: Mapping[str, Any]) -> Iterator[Piece]:
    for output in cell.get("outputs", []):
        kind = output["output_type"]
        if kind == "stream" and output["name"] == "stdout":
            yield Pre(_joined(output["text"]), stream=True)
        elif kind == "error":
            what = plain(f"{output['ename']}: {output['evalue']}")
            yield Error(what, plain("\n".join(output["traceback"])))
        elif kind in ("display_data", "execute_result"):
            piece = _richest(output["data"], output.get("metadata", {}))
            if piece is not None:
                yield piece


def _richest(data: Mapping[str, Any], metadata: Mapping[str, Any]) -> Piece | None:
    mime = next((mime for mime in _RICHEST_FIRST if mime in data), None)
    if mime is None:
        return None
    value = _joined(data[mime])
    if mime == "text/html":
        return Html(value)
    if mime in IMAGES:
        about = {**metadata, **metadata.get(mime, {})}
        words = _joined(data.get("text/plain", ""))
        alt = str(about.get("alt") or ("" if _NOISE.match(words) else words))
        width = about.get("width")
        return Image(mime, value, alt, width if isinstance(width, int) else None)
    if mime == "text/markdown":
        return Text(value)
    return None if _WIDGET in data or _NOISE.match(value) else Pre(plain(value), stream=False)


def _merged(found: Iterator[Piece]) -> Iterator[Piece]:
    """Join what was printed in a row, and let a carriage return overwrite its line."""
    printed = ""
    for piece in found:
        if isinstance(piece, Pre) and piece.stream:
            printed += piece.text
            continue
        yield from _printed(printed)
        printed = ""
        yield piece
    yield from _printed(printed)


def _printed(text: str) -> Iterator[Piece]:
    lines = plain(text).replace("\r\n", "\n").split("\n")
    shown = "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in lines).strip("\n")
    if shown.strip():
        yield Pre(shown, stream=True)


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)
