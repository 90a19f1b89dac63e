"""Segments without a customer: a table of rules has them, and they are said to be empty."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ._labels import NOISE


def empty_segments(names: Mapping[int, str], ids: Collection[int]) -> tuple[str, ...]:
    """Return the names of segments that are not among those of customers.

    Examples
    --------
    >>> empty_segments({0: "Champions", 1: "New", -1: "noise"}, [0])
    ('New',)
    """
    there = {int(i) for i in ids} | {NOISE}
    return tuple(str(name) for i, name in names.items() if i not in there)


def say_empty(names: Sequence[str]) -> str:
    """Say that segments are empty; nothing where none is.

    Examples
    --------
    >>> say_empty(["New", "Promising"]), say_empty(["New"]), say_empty([])
    ('“New” and “Promising” have no customers', '“New” has no customers', '')
    """
    if not names:
        return ""
    quoted = listed([f"“{name}”" for name in names])
    return f"{quoted} {'has' if len(names) == 1 else 'have'} no customers"


def listed(words: Sequence[object]) -> str:
    """Join words as a sentence does.

    Examples
    --------
    >>> listed([1, 2, 3])
    '1, 2 and 3'
    """
    texts = [str(word) for word in words]
    return " and ".join(filter(None, [", ".join(texts[:-1]), *texts[-1:]]))
