"""The card of a segment, as HTML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

from segml._core import html, text
from segml.features.words import in_sentence


@dataclass(frozen=True)
class Persona:
    """One segment as a card.

    Parameters
    ----------
    segment : int
        Its id.
    name : str
        What it is called.
    size, share : int, float
        Customers, and their share of all who are in a segment.
    orders, revenue, revenue_share : int, float, float
        Of its customers; the share of the revenue of all segments.
    currency : str
        Of the revenue, where there is one.
    sets_apart : tuple of str
        What differs most from everyone else, significantly so.
    behaviour, attributes : tuple of (str, str)
        Label and median, or level with its share.
    channels, when, buys : tuple of str
        In words.
    examples : tuple of (str, tuple of (str, str))
        Customers nearest to the segment's medians: a letter, labels and values to two digits.
    """

    segment: int
    name: str
    size: int
    share: float
    orders: int
    revenue: float
    revenue_share: float
    currency: str = ""
    sets_apart: tuple[str, ...] = ()
    behaviour: tuple[tuple[str, str], ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    channels: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    buys: tuple[str, ...] = ()
    examples: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()

    def card(self) -> str:
        """Return the card as HTML, without its style."""
        per_customer = text.money(self.revenue / self.size, self.currency)
        order = text.money(self.revenue / self.orders, self.currency) if self.orders else "n/a"
        facts = html.facts(
            [
                ("customers", text.count(self.size), f"{text.share(self.share)} of all"),
                (
                    "revenue",
                    text.money(self.revenue, self.currency),
                    f"{text.share(self.revenue_share)} of all",
                ),
                ("revenue a customer", per_customer, ""),
                ("average order", order, f"{text.count(self.orders)} orders"),
            ]
        )
        parts = [
            _listed("What sets them apart", self.sets_apart),
            _listed("What they do (median)", [f"{a}: {b}" for a, b in self.behaviour]),
            _listed("Who they are", [f"{a}: {b}" for a, b in self.attributes]),
            _listed("Channels", self.channels),
            _listed("When they order", self.when),
            _listed("What they buy beyond their share", self.buys),
            _listed(
                "Examples",
                [
                    f"{who}: " + ", ".join(f"{in_sentence(a)} {b}" for a, b in said)
                    for who, said in self.examples
                ],
            ),
        ]
        return (
            f'<article class="card"><h3>{escape(self.name)}</h3>{facts}{"".join(parts)}</article>'
        )

    def _repr_html_(self) -> str:
        return html.block(f'<div class="cards">{self.card()}</div>')


def _listed(title: str, items: Any) -> str:
    lines = "".join(f"<li>{escape(str(one))}</li>" for one in items)
    return f"<h4>{escape(title)}</h4><ul>{lines}</ul>" if lines else ""


@dataclass(frozen=True)
class Personas:
    """One card per segment.

    Parameters
    ----------
    cards : tuple of Persona
        By segment id.
    notes : tuple of str
        What is not told, and why.
    """

    cards: tuple[Persona, ...]
    notes: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Persona]:
        return iter(self.cards)

    def __len__(self) -> int:
        return len(self.cards)

    def __getitem__(self, place: int) -> Persona:
        return self.cards[place]

    def _repr_html_(self) -> str:
        cards = "".join(one.card() for one in self.cards)
        notes = [html.note(one) for one in self.notes]
        return html.block(f'<div class="cards">{cards}</div>', *notes)
