"""Names for segments: the strongest contrasts, in words, no two alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count, product
from string import ascii_uppercase

import numpy as np
import pandas as pd

from segml._core.errors import ParameterError
from segml.features import Feature
from segml.features.registry import find_feature
from segml.features.words import in_sentence

CLEAR = 0.5  # a contrast under half a standard deviation is not worth a word
_STRONG = 1.5
_BESIDE = 0.6  # a second word must be this strong beside the first


def name_segments(
    contrasts: pd.DataFrame,
    own: Mapping[int, str] | None = None,
    words: pd.DataFrame | None = None,
) -> list[str]:
    """Name segments by what sets them apart most.

    Parameters
    ----------
    contrasts : DataFrame, shape (n_segments, n_features)
        Difference of each segment's mean to that of all customers, in standard
        deviations; rows by segment id, columns by feature.
    own : mapping of int to str, optional
        Names that take precedence.
    words : DataFrame, shape (n_segments, n_features), optional
        What each contrast is called; from the registry when not given.

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
    features, values = [str(name) for name in contrasts], contrasts.to_numpy(dtype=float)
    strengths = -np.sort(-np.abs(values), axis=1)
    own_words = None if words is None else words[features].to_numpy(dtype=object)
    said = [
        _words(features, row, None if own_words is None else own_words[i])
        for i, row in enumerate(values)
    ]
    depth = [2 if len(s) > 1 and s[1] >= _BESIDE * s[0] else 1 for s in strengths]
    while clashing := [i for i in _alike(said, depth, own) if depth[i] < len(said[i])]:
        for i in clashing:
            depth[i] += 1
    names = [_phrase(said[i][: depth[i]]) for i in range(len(said))]
    alike = _alike(said, depth, own)
    taken = {*own.values(), *(name for i, name in enumerate(names) if i not in alike)}
    letters: dict[frozenset[str], Iterator[str]] = {}
    for i in alike:
        following = letters.setdefault(frozenset(said[i][: depth[i]]), _letters())
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


def _words(features: list[str], row: np.ndarray, words: np.ndarray | None) -> list[str]:
    """Return the words of the clear contrasts of a segment, the strongest first."""
    clear = [j for j in np.argsort(-np.abs(row), kind="stable") if abs(row[j]) >= CLEAR]
    if words is not None:
        return [str(words[j]) for j in clear]
    return [number_word(features[j], row[j], find_feature(features[j])) for j in clear]


def number_word(name: str, value: float, feature: Feature | None) -> str:
    """Return what customers with a lower or a higher number are called.

    Examples
    --------
    >>> number_word("visits_a_week", -2.0, None)
    'very low visits a week'
    """
    degree = "very " if abs(value) >= _STRONG else ""
    if feature:
        return degree + (feature.high if value > 0 else feature.low)
    return f"{degree}{'high' if value > 0 else 'low'} {name.replace('_', ' ')}"


def level_word(level: str, share: float, more: bool, label: str = "") -> str:
    """Return what customers of whom more or fewer have a level are called.

    Parameters
    ----------
    level : str
        Such as a country.
    share : float
        Of the segment that has it.
    more : bool
        Whether that is more than of everyone.
    label : str
        Of the feature, where the level alone does not tell.

    Examples
    --------
    >>> level_word("FR", 0.7, True), level_word("yes", 0.1, False, "Consent")
    ('mostly FR', 'rarely yes (consent)')
    """
    degree = ("mostly" if share >= 0.5 else "often") if more else "rarely"
    return f"{degree} {level}" + (f" ({in_sentence(label)})" if label else "")


def missing_word(label: str, share: float) -> str:
    """Return what customers are called of whom that share, more than of all, lack a feature.

    Examples
    --------
    >>> missing_word("Income", 0.8), missing_word("Income", 0.3)
    ('unknown income', 'often unknown income')
    """
    return ("" if share >= 0.5 else "often ") + f"unknown {in_sentence(label)}"


def _phrase(words: list[str]) -> str:
    if not words:
        return "Average"
    text = ", ".join(words)
    return text[0].upper() + text[1:]


def check_own_names(names: Mapping[int, str] | None, n_segments: int) -> dict[int, str]:
    """Return own names by id.

    Raises
    ------
    ParameterError
        A name is given to no segment or to two.
    """
    own = dict(names or {})
    if unknown := [key for key in own if key not in range(n_segments)]:
        raise ParameterError(
            "a name is given to a segment that is not there",
            where="names",
            got=unknown[0],
            expected=f"ids from 0 to {n_segments - 1}",
        )
    if len(set(own.values())) < len(own):
        raise ParameterError(
            "two segments are given the same name",
            where="names",
            got=own,
            expected="a name of its own for each segment",
        )
    return own
