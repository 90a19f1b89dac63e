"""Names for segments: the strongest contrasts, in words, no two alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count, product
from string import ascii_uppercase

import pandas as pd

from segml.features import FEATURES

_CLEAR = 0.5  # a contrast under half a standard deviation is not worth a word
_STRONG = 1.5
_BESIDE = 0.6  # a second word must be this strong beside the first


def name_segments(contrasts: pd.DataFrame, own: Mapping[int, str] | None = None) -> list[str]:
    """Name segments by what sets them apart most.

    Parameters
    ----------
    contrasts : DataFrame, shape (n_segments, n_features)
        Difference of each segment's mean to that of all customers, in standard
        deviations; rows by segment id, columns by feature.
    own : mapping of int to str, optional
        Names that take precedence.

    Returns
    -------
    list of str
        A name per segment: its clearest contrast in words and a second one of nearly the
        same strength, more where two segments would share them, and a letter where words
        do not tell them apart.

    Examples
    --------
    >>> contrasts = pd.DataFrame({"orders": [1.6, -0.6, 0.1], "recency_days": [-0.7, 0.9, 0.2]})
    >>> name_segments(contrasts)
    ['Very frequent', 'Lapsed, few-order', 'Average']
    """
    own = dict(own or {})
    strengths = [
        row.abs().sort_values(ascending=False).to_numpy() for _, row in contrasts.iterrows()
    ]
    words = [_words(row) for _, row in contrasts.iterrows()]
    depth = [2 if len(s) > 1 and s[1] >= _BESIDE * s[0] else 1 for s in strengths]
    while clashing := [i for i in _alike(words, depth, own) if depth[i] < len(words[i])]:
        for i in clashing:
            depth[i] += 1
    names = [_phrase(words[i][: depth[i]]) for i in range(len(words))]
    alike = _alike(words, depth, own)
    taken = {*own.values(), *(name for i, name in enumerate(names) if i not in alike)}
    letters: dict[frozenset[str], Iterator[str]] = {}
    for i in alike:
        following = letters.setdefault(frozenset(words[i][: depth[i]]), _letters())
        names[i] = next(name for x in following if (name := f"{names[i]} {x}") not in taken)
        taken.add(names[i])
    return [own.get(i, name) for i, name in enumerate(names)]


def _letters() -> Iterator[str]:
    """Yield A to Z, AA to ZZ and so on."""
    for size in count(1):
        yield from ("".join(letters) for letters in product(ascii_uppercase, repeat=size))


def _alike(words: list[list[str]], depth: list[int], own: Mapping[int, str]) -> list[int]:
    """Find the segments whose words, in whatever order, are those of another."""
    keys = [frozenset(words[i][: depth[i]]) for i in range(len(words))]
    others = [key for i, key in enumerate(keys) if i not in own]
    return [
        i
        for i, key in enumerate(keys)
        if i not in own and (others.count(key) > 1 or _phrase(words[i][: depth[i]]) in own.values())
    ]


def _words(row: pd.Series) -> list[str]:
    strongest = row.reindex(row.abs().sort_values(ascending=False, kind="stable").index)
    return [_word(str(name), value) for name, value in strongest.items() if abs(value) >= _CLEAR]


def _word(feature: str, value: float) -> str:
    degree = "very " if abs(value) >= _STRONG else ""
    if feature in FEATURES:
        return degree + (FEATURES[feature].high if value > 0 else FEATURES[feature].low)
    return f"{degree}{'high' if value > 0 else 'low'} {feature.replace('_', ' ')}"


def _phrase(words: list[str]) -> str:
    if not words:
        return "Average"
    text = ", ".join(words)
    return text[0].upper() + text[1:]
