"""The figures of a run, found in its executed notebooks, and beside those of another run."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape

from .notebook_html import figure_html
from .outputs import Html, Image, Piece, Text

# The form of a FigureCard, see segml/plots/card.py.
_CARD = re.compile(
    r'<figure><p class="finding">(?P<finding>.*?)</p>.*?(?P<svg><svg\b.*?</svg>)'
    r".*?(?:<figcaption>(?P<caption>.*?)</figcaption>)?(?:<details>.*?)?</figure>",
    re.DOTALL,
)
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)


@dataclass(frozen=True)
class Figure:
    """A figure of a notebook.

    Parameters
    ----------
    notebook, heading : str
        Where it stands.
    finding, caption : str
        What it says and how to read it; empty where it does not tell.
    drawing : str
        The drawing as HTML.
    """

    notebook: str
    heading: str
    finding: str
    caption: str
    drawing: str


@dataclass(frozen=True)
class FigurePair:
    """The same figure of two runs; one of them may be missing."""

    a: Figure | None
    b: Figure | None

    @property
    def same(self) -> bool:
        """Whether both runs drew the very same."""
        return self.a is not None and self.b is not None and self.a.drawing == self.b.drawing

    @property
    def place(self) -> str:
        """The heading that it stands below."""
        found = self.b or self.a
        return found.heading if found else ""


def figures(notebooks: Sequence[tuple[str, list[Piece]]]) -> list[Figure]:
    """Return the figures of executed notebooks, in order.

    Examples
    --------
    >>> card = '<figure><p class="finding">A &amp; B</p><div><svg></svg></div></figure>'
    >>> [(f.heading, f.finding) for f in figures([("n", [Text("# Value"), Html(card)])])]
    [('Value', 'A & B')]
    """
    return [figure for name, content in notebooks for figure in _of(name, content)]


def _of(name: str, content: Sequence[Piece]) -> Iterator[Figure]:
    heading = name
    for piece in content:
        if isinstance(piece, Text) and (found := _HEADING.findall(piece.source)):
            heading = found[-1]
        elif isinstance(piece, Image):
            yield Figure(name, heading, piece.alt, "", figure_html(piece, heading))
        elif isinstance(piece, Html):
            for card in _CARD.finditer(piece.source):
                finding, caption = (unescape(card[part] or "") for part in ("finding", "caption"))
                yield Figure(name, heading, finding, caption, card["svg"])


def pair_figures(a: Sequence[Figure], b: Sequence[Figure]) -> list[FigurePair]:
    """Return the figures of two runs side by side, those below one heading in their order.

    Those that only the first run has come last.
    """
    first, second = _by_place(a), _by_place(b)
    places = list(dict.fromkeys([*second, *first]))
    return [FigurePair(first.get(place), second.get(place)) for place in places]


def _by_place(figures: Sequence[Figure]) -> dict[tuple[str, str, int], Figure]:
    """Return figures by notebook, heading and how many are below that heading before them."""
    places: dict[tuple[str, str, int], Figure] = {}
    before: Counter[tuple[str, str]] = Counter()
    for figure in figures:
        below = (figure.notebook, figure.heading)
        places[*below, before[below]] = figure
        before[below] += 1
    return places
