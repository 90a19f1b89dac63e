"""Executed notebooks as HTML: headings with anchors, text, outputs; nothing is fetched."""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape, unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import mistune

from .outputs import IMAGES, Code, Error, Html, Image, Piece, Pre, Text

_STYLE = re.compile(r"<style data-segml\b[^>]*>.*?</style\s*>", re.DOTALL | re.IGNORECASE)
_ACTIVE = re.compile(r"<script\b.*?</script\s*>|<link\b[^>]*>", re.DOTALL | re.IGNORECASE)
_SUFFIXES = {".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg"}
_PLUGINS = ["table", "strikethrough"]


@dataclass(frozen=True)
class Heading:
    """A heading of the page: its level there, its words and its anchor."""

    level: int
    text: str
    id: str
    below: list[Heading] = field(default_factory=list)


@dataclass(frozen=True)
class Section:
    """One notebook on the page."""

    id: str
    body: str
    headings: list[Heading]


@dataclass(frozen=True)
class Document:
    """All notebooks, without the style that each of their results carries."""

    sections: list[Section]


def build(notebooks: Sequence[tuple[str, list[Piece]]], folder: Path) -> Document:
    r"""Return notebooks, in order, as sections with anchors that are unique on the page.

    Parameters
    ----------
    notebooks : sequence of (str, list of Piece)
        Name and content of each.
    folder : Path
        The run folder; pictures that Markdown names by a path below it are embedded.

    Examples
    --------
    >>> document = build([("01_orders", [Text("# Orders\n\n## By month")])], Path())
    >>> [(heading.level, heading.id) for heading in document.sections[0].headings]
    [(2, 'orders'), (3, 'by-month')]
    """
    ids = _Ids()
    planned = [
        (ids.take(f"notebook-{name}"), content, *_plan(content, name, ids))
        for name, content in notebooks
    ]
    sections = []
    for identity, content, headings, named in planned:
        renderer = _Renderer(headings, ids.taken, folder)
        body = [renderer.heading("", 1)] if named else []
        body += [_rendered(piece, renderer) for piece in content]
        sections.append(Section(identity, "\n".join(body), headings))
    return Document([Section(s.id, _STYLE.sub("", s.body), s.headings) for s in sections])


class _Ids:
    def __init__(self) -> None:
        self.taken = {"main", "failure", "alerts", "headlines", "show-code", "about", "parameters"}

    def take(self, text: str) -> str:
        base = slug(text)
        identity, i = base, 1
        while identity in self.taken:
            i += 1
            identity = f"{base}-{i}"
        self.taken.add(identity)
        return identity


def slug(text: str) -> str:
    """Return text as an anchor.

    Examples
    --------
    >>> slug("Who buys again?"), slug("???")
    ('who-buys-again', 'section')
    """
    text = unicodedata.normalize("NFKC", text).lower()
    return re.sub(r"[^\w]+", "-", text).strip("-") or "section"


def _plan(content: list[Piece], name: str, ids: _Ids) -> tuple[list[Heading], bool]:
    """Give every heading its level and anchor; the top level of a notebook is h2 on the page.

    A notebook without headings gets one from its name; the flag says so.
    """
    parse = mistune.create_markdown(renderer=None, plugins=_PLUGINS)
    found = [
        (token["attrs"]["level"], _words(token).strip())
        for piece in content
        if isinstance(piece, Text)
        for token in _walk(parse(piece.source))
        if token["type"] == "heading"
    ]
    if not found:
        text = re.sub(r"^\d+[_-]", "", name).replace("_", " ").strip().capitalize() or name
        return [Heading(2, text, ids.take(text))], True
    top = min(level for level, _ in found)
    return [Heading(min(level - top + 2, 6), text, ids.take(text)) for level, text in found], False


def _walk(tokens: Any) -> Iterator[dict[str, Any]]:
    for token in tokens:
        yield token
        yield from _walk(token.get("children", []))


def _words(token: dict[str, Any]) -> str:
    if "children" in token:
        return "".join(_words(child) for child in token["children"])
    return unescape(token.get("raw", " " if token["type"] == "softbreak" else ""))


class _Renderer(mistune.HTMLRenderer):
    """Markdown to HTML with the planned headings; raw HTML is shown, not obeyed."""

    def __init__(self, headings: list[Heading], ids: set[str], folder: Path) -> None:
        super().__init__(escape=True)
        self.current = ""
        self.attachments: Mapping[str, Mapping[str, str]] = {}
        self._headings = iter(headings)
        self._ids = ids
        self._folder = folder
        self.markdown = mistune.create_markdown(renderer=self, plugins=_PLUGINS)

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        planned = next(self._headings)
        self.current = planned.text
        inside = text or escape(planned.text)
        return f'<h{planned.level} id="{planned.id}">{inside}</h{planned.level}>\n'

    def table(self, text: str) -> str:
        return f'<div class="md-table scroll" tabindex="0"><table>{text}</table></div>\n'

    def link(self, text: str, url: str, title: str | None = None) -> str:
        if url.startswith("#"):  # notebooks spell anchors like the heading, with hyphens
            target = slug(unquote(url[1:]))
            return f'<a href="#{target}">{text}</a>' if target in self._ids else text
        return super().link(text, url, title)

    def image(self, text: str, url: str, title: str | None = None) -> str:
        source = self._picture(unquote(url))
        if source is None:  # never fetched: a link, for the reader to follow or not
            return super().link(text or url, url, title)
        return f'<img src="{source}" alt="{text}">'

    def _picture(self, url: str) -> str | None:
        if url.startswith("attachment:"):
            for mime, data in self.attachments.get(url[11:], {}).items():
                return _data_uri(mime, data) if mime in IMAGES else None
        path = (self._folder / url).resolve()
        inside = path.is_relative_to(self._folder.resolve()) and path.is_file()
        if ":" in url or not inside or path.suffix not in _SUFFIXES:
            return None
        data = base64.b64encode(path.read_bytes()).decode()
        return f"data:{_SUFFIXES[path.suffix]};base64,{data}"


def _rendered(piece: Piece, renderer: _Renderer) -> str:
    match piece:
        case Text():
            renderer.attachments = piece.attachments
            return str(renderer.markdown(piece.source))
        case Html():
            inside = _ACTIVE.sub("", piece.source)
            # Results of segml scroll by themselves where they must.
            scroll = "" if 'class="segml"' in inside else ' tabindex="0"'
            return f'<div class="output{" scroll" if scroll else ""}"{scroll}>{inside}</div>'
        case Image():
            return figure_html(piece, renderer.current)
        case Pre():
            kind = "stream" if piece.stream else "plain"
            return f'<pre class="{kind}" tabindex="0">{escape(piece.text)}</pre>'
        case Code():
            return f'<pre class="code"><code>{escape(piece.source)}</code></pre>'
        case Error():
            return (
                f'<div class="error"><p><strong>{escape(piece.what)}</strong></p>'
                f'<details><summary>Traceback</summary><pre tabindex="0">'
                f"{escape(piece.traceback)}</pre></details></div>"
            )


def figure_html(image: Image, heading: str) -> str:
    """Return a picture on the page, embedded, with its alternative text."""
    alt = escape(image.alt or f"Figure in {heading}")
    width = f' width="{image.width}"' if image.width else ""
    return (
        '<figure class="image scroll" tabindex="0"><div class="paper">'
        f'<img src="{_data_uri(image.mime, image.data)}" alt="{alt}"{width}></div></figure>'
    )


def _data_uri(mime: str, data: str) -> str:
    if mime == "image/svg+xml":
        data = base64.b64encode(data.encode()).decode()
    return f"data:{mime};base64,{escape(''.join(data.split()))}"
