"""The parts of two runs beside each other, as tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import pandas as pd

from segml._core.text import count

from .manifest import Manifest
from .metrics import Metric
from .run_tables import NOT_SET

NONE = ""  # a run that has no such thing; what is known and not set says so in words

_EQUAL = 1e-9  # numbers that engines and versions may tell apart are the same up to there


def different(a: Iterable[tuple[str, str]], b: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """Return the rows that are not the same: ``name``, ``a`` and ``b``; of one run only, last.

    Examples
    --------
    >>> different([("seed", "1"), ("x", "2")], [("seed", "1"), ("y", "2")]).values.tolist()
    [['x', '2', ''], ['y', '', '2']]
    """
    first, second = dict(a), dict(b)
    names = dict.fromkeys([*first, *second])
    rows = [(name, first.get(name, NONE), second.get(name, NONE)) for name in names]
    # A key that one version of segml does not know is as one that is not set.
    found = [row for row in rows if row[1] != row[2] and {row[1], row[2]} != {NONE, NOT_SET}]
    found.sort(key=lambda row: NONE in row[1:])
    return pd.DataFrame(found, columns=["name", "a", "b"], dtype=object)


def readable_data(run: Manifest) -> list[tuple[str, str]]:
    """Return the data of a run with hashes cut to what tells them apart."""
    rows = [
        (f["path"], f"{count(f['bytes'])} bytes, SHA-256 {f['sha256'][:12]}…")
        for f in run.data.get("files", [])
    ]
    return [("source", str(run.data.get("source", NONE))), *rows]


def same_data(a: Manifest, b: Manifest) -> bool | None:
    """Return whether two runs read the same bytes; None where one of them does not tell."""
    hashes = [sorted(f["sha256"] for f in run.data.get("files", [])) for run in (a, b)]
    if not (hashes[0] or hashes[1]):
        # Data that are simulated or come with a package are known by their name.
        sources = [run.data.get("source") for run in (a, b)]
        return None if None in sources else sources[0] == sources[1]
    return hashes[0] == hashes[1]


def compare_metrics(a: Sequence[Metric], b: Sequence[Metric]) -> pd.DataFrame:
    """Return the metrics that either run has, by key."""
    rows = {}
    for one, other in zip(a, b, strict=True):
        if math.isnan(one.value) and math.isnan(other.value):
            continue
        comparable = one.currency == other.currency
        rows[one.key] = {
            "label": one.label,
            "unit": one.unit,
            "a_currency": one.currency,
            "b_currency": other.currency,
            **{f"a{k}": v for k, v in _numbers(one).items()},
            **{f"b{k}": v for k, v in _numbers(other).items()},
            **change(one.value, other.value, comparable=comparable),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("metric")


def change(a: float, b: float, *, comparable: bool = True) -> dict[str, float]:
    """Return the change from `a` to `b` and its ratio to `a`, missing where there is none.

    Examples
    --------
    >>> change(4.0, 5.0), change(0.0, 5.0)
    ({'change': 1.0, 'relative': 0.25}, {'change': 5.0, 'relative': nan})
    """
    if not comparable:
        return {"change": math.nan, "relative": math.nan}
    difference = 0.0 if math.isclose(a, b, rel_tol=_EQUAL) else b - a
    return {"change": difference, "relative": difference / abs(a) if a else math.nan}


def _numbers(metric: Metric) -> dict[str, float]:
    return {"": metric.value, "_low": metric.low, "_high": metric.high}
