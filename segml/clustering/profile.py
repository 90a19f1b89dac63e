"""What each segment is like: levels of the features and what sets it apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from segml._core import html, text
from segml.features import Feature
from segml.features.words import say_value

from ._comparisons import holm
from ._empty import empty_segments, say_empty
from ._input import as_frame, features_of
from ._labels import aligned, coverage, labels_of, named_segments
from .profile_rows import feature_rows

WIDE = 8  # more features than this are set below each other
_COLUMNS = ["segment", "feature", "median", "mean", "median_all", "effect", "low", "high"]
_COLUMNS += [
    "p_value",
    "p_adjusted",
    "significant",
    "missing",
    "level",
    "share",
    "share_all",
    "lift",
]


@dataclass(frozen=True)
class SegmentProfile:
    """Segments by features.

    Parameters
    ----------
    segments : DataFrame
        By segment id: ``name``, ``size``, ``share``.
    table : DataFrame
        One row per segment and feature: ``segment``, ``feature``; of numbers ``median``
        and ``mean`` in the feature's unit, and ``median_all``; ``effect`` with its
        interval ``low`` to ``high``; ``p_value`` of no difference, ``p_adjusted`` for the
        number of comparisons, and whether it is ``significant`` at the level of the
        intervals; ``missing``, how many customers have no value; of categories the most
        over-represented ``level``, its ``share`` of the segment's customers who have one,
        ``share_all`` of all of these, and the ``lift``, the one over the other.
    features : mapping of str to Feature
        What is known of the features, by name.
    level : float
        Coverage of the intervals; differences are significant at 1 - `level`.
    empty : tuple of str
        Names of segments without a customer, of which there is nothing to tell.
    """

    segments: pd.DataFrame
    table: pd.DataFrame
    features: Mapping[str, Feature] = field(default_factory=dict)
    level: float = 0.95
    empty: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """The features' names, in order."""
        return list(dict.fromkeys(self.table["feature"]))

    def label(self, name: str) -> str:
        """Return the name of a feature for people."""
        return self.features[name].label if name in self.features else str(name)

    def effects(self) -> pd.DataFrame:
        """Return the effects, segments by features."""
        return self._wide("effect")

    def medians(self) -> pd.DataFrame:
        """Return the medians, segments by features; missing for categories."""
        return self._wide("median")

    def shown(self) -> pd.DataFrame:
        """Return medians, and levels with their share, as texts, segments by features."""
        table = self.table.assign(
            shown=[
                self._median(row) if pd.isna(row["level"]) else _level(row)
                for row in self.table.to_dict("records")
            ]
        )
        return table.pivot(index="segment", columns="feature", values="shown")[self.names]

    def _median(self, row: Mapping[Any, Any]) -> str:
        return say_value(self.features.get(row["feature"]), row["median"])

    def _wide(self, column: str) -> pd.DataFrame:
        return self.table.pivot(index="segment", columns="feature", values=column)[self.names]

    def _repr_html_(self) -> str:
        cells = {
            (row["segment"], row["feature"]): self._cell(row)
            for row in self.table.to_dict("records")
        }
        heads = [html.Cell(self.label(name)) for name in self.names]
        segments = self.segments.reset_index().to_dict("records")
        caption = "Median customer of each segment, and the difference to everyone else "
        caption += "in standard deviations"
        if self.table["level"].notna().any():
            caption += "; of categories the level that is most over-represented, its share, "
            caption += "and Cohen's h"
        sizes = [html.Cell(text.count(row["size"]), text.share(row["share"])) for row in segments]
        if len(self.names) > WIDE:  # features down the page: there is room for more
            head = ["feature", *(str(row["name"]) for row in segments)]
            rows = [[html.Cell("customers"), *sizes]]
            for name, label in zip(self.names, heads, strict=True):
                rows.append([label, *(cells[row["segment"], name] for row in segments)])
        else:
            head = ["segment", "customers", *(cell.text for cell in heads)]
            rows = [
                [html.Cell(str(row["name"])), size]
                + [cells[row["segment"], name] for name in self.names]
                for row, size in zip(segments, sizes, strict=True)
            ]
        made = html.table(head, rows, caption=caption, numeric=range(1, len(head)))
        return html.block(made, *self._note())

    def _note(self) -> list[str]:
        notes = [html.note(say_empty(self.empty))] if self.empty else []
        compared = int(self.table["p_value"].notna().sum())
        if not compared or self.table["significant"].all():
            return notes
        alpha = text.decimal(1 - self.level, 2)
        said = f"Pale: no significant difference (Holm's correction for {text.count(compared)} "
        return [html.note(f"{said}comparisons, {alpha})"), *notes]

    def _cell(self, row: Mapping[Any, Any]) -> html.Cell:
        lacking = [f"{text.count(row['missing'])} unknown"] if row["missing"] else []
        kind = html.Cell if row["significant"] else _Pale
        if pd.isna(row["level"]):
            said = [_effect(row["effect"], "{:+.1f} sd")]
            return kind(self._median(row), ", ".join([*said, *lacking]))
        said = [f"of all {text.share(row['share_all'])}", _effect(row["effect"], "h {:+.1f}")]
        return kind(_level(row), ", ".join([*said, *lacking]))


class _Pale(html.Cell):
    """A cell that says little."""

    def html(self) -> str:
        return f'<span class="muted">{super().html()}</span>'


def _level(row: Mapping[Any, Any]) -> str:
    return f"{row['level']} {text.share(row['share'])}"


def _effect(value: float, form: str) -> str:
    return text.MISSING if np.isnan(value) else form.format(value)


def profile_segments(
    features: Any,
    labels: Any,
    names: Mapping[int, str] | pd.Series | None = None,
    level: float = 0.95,
) -> SegmentProfile:
    """Describe segments by the features of their customers.

    Parameters
    ----------
    features : DataFrame, FeatureTable, Polars or Arrow table
        One row per customer.
    labels : Series or segmenter
        Segment id, indexed by customer; or a segmenter fitted to these customers, which
        brings its names. Noise, where it was kept, is described beside the segments; a
        segment that has a name and no customer is said to be empty.
    names : mapping or Series of int to str, optional
        Segment names; "segment 0" and so on when not given.
    level : float, default 0.95
        Coverage of the intervals; differences are significant at 1 - `level`.

    Returns
    -------
    SegmentProfile
        ``effect`` is the standardised mean difference d between the segment and
        everyone else, of categories Cohen's h; it is missing where there is no one else
        or no variation. All is over the customers whose value is known.

    Raises
    ------
    DataError
        The customers of `features` and `labels` are not the same, a customer has no
        segment or is there twice, or values are infinite.
    ParameterError
        `labels` are no segments, or `level` is not between 0 and 1.

    Notes
    -----
    With means m, sizes n and the pooled variance s² of the segment and the rest,
    d = (m1 - m2) / s, and its large-sample variance is
    (n1 + n2) / (n1 n2) + d² / (2 (n1 + n2)) (Hedges and Olkin 1985, Statistical Methods
    for Meta-Analysis, p. 86). Features registered with scale "log" are compared as
    sign(x) log(1 + |x|).

    Categories are texts, yes or no, and the hours, weekdays or months of cyclic features;
    levels of less than 1% of customers are "other"
    where the feature has no fixed list. With shares p of the segment and q of
    the rest, h = 2 arcsin √p - 2 arcsin √q, of the level for which it is largest; its
    large-sample variance is 1 / n1 + 1 / n2 (Cohen 1988, Statistical Power Analysis,
    ch. 6). As that level is picked among k > 2, its interval has the coverage
    1 - (1 - `level`) / k (Bonferroni), so that it holds for whichever is picked. A
    difference of h is as easy to detect as one of as many standard deviations.

    p-values are of Welch's t-test [1]_, on the feature's scale, which does not take the
    spread of the segment for that of the rest; of categories those of the interval
    above. They are missing where there is no effect and where a segment or the rest is one
    customer. Holm's correction [2]_ over all segments and features keeps the chance of
    any false finding under 1 - `level` however the comparisons depend on each other, and
    they do: what one segment has more of, the others have less of. Of features that the
    segments were made from, significance says only that these customers differ, as the
    segments were chosen so: whether segments are real is for `stability` to say.

    References
    ----------
    .. [1] Welch, B. L. (1947). The generalization of "Student's" problem when several
       different population variances are involved. Biometrika 34, 28-35: eq. 28.
    .. [2] Holm, S. (1979). A simple sequentially rejective multiple test procedure.
       Scandinavian Journal of Statistics 6(2), 65-70.

    Examples
    --------
    >>> frame = pd.DataFrame({"orders": [1, 2, 1, 9, 8, 10]}, index=list("abcdef"))
    >>> labels = pd.Series([0, 0, 0, 1, 1, 1], index=list("abcdef"))
    >>> profile_segments(frame, labels).medians()["orders"].to_dict()
    {0: 1.0, 1: 9.0}
    >>> countries = ["FR", "FR", "DE", "DE", "DE", None]
    >>> table = profile_segments(frame[[]].assign(country=countries), labels).table
    >>> table[["segment", "level", "share", "share_all", "missing"]].round(2).to_numpy().tolist()
    [[0, 'FR', 0.67, 0.4, 0], [1, 'DE', 1.0, 0.6, 1]]
    """
    frame = as_frame(features)
    level = coverage(level)
    labels, named = labels_of(labels, names)
    labels = aligned(labels, frame.index)
    ids, codes = np.unique(labels.to_numpy(), return_inverse=True)
    segments = named_segments(ids, np.bincount(codes), named)
    known = features_of(features, frame.columns)
    rows = [
        {"segment": segment, "feature": name} | row
        for name, column in frame.items()
        for segment, row in zip(
            ids, feature_rows(column, known.get(name), codes, len(ids), level), strict=True
        )
    ]
    table = pd.DataFrame(rows).reindex(columns=_COLUMNS).astype({"level": "str"})
    table = table.sort_values("segment", kind="stable", ignore_index=True)
    table["p_adjusted"] = holm(table["p_value"].to_numpy(dtype=float))
    table["significant"] = table["p_adjusted"] < 1 - level
    known = {name: known[name] for name in frame.columns if name in known}
    return SegmentProfile(segments, table, known, level, empty_segments(named, ids))
