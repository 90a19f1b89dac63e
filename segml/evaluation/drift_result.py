"""Whether customers are still those that the segments were found in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from segml._core import html, text
from segml._core.check import number
from segml._core.errors import ParameterError
from segml._core.seeds import generator
from segml.clustering._input import features_of
from segml.clustering._labels import coverage
from segml.features.words import in_sentence

from .distance import say_psi
from .drift_features import FEWEST, feature_drift, index_row, within_drift
from .drift_input import own_features, two_frames, two_labels
from .drift_segments import far_table, mix_bins, mix_table
from .drift_verdict import DriftThresholds, crossing, judge


@dataclass(frozen=True, eq=False)
class Drift:
    """How customers differ from those of a reference, and what to do about it.

    Parameters
    ----------
    features : DataFrame
        By feature: ``label``, ``bins`` (how many); ``psi`` with its interval ``psi_low`` to
        ``psi_high``, its ``band`` ("stable" under 0.1, "moderate" under 0.25, "major"),
        ``expected`` (the PSI that sampling alone brings), ``p_value`` of no shift,
        ``p_adjusted`` for the number of features and ``beyond_chance``; ``js``, the
        Jensen-Shannon distance, with ``js_low`` and ``js_high``; of numbers
        ``wasserstein``, how far they moved on average in their unit, with its ends, and
        ``wasserstein_sd``, the same in standard deviations of the reference;
        ``missing_reference`` and ``missing_current``, shares without a value; ``reason``
        where there is no number.
    bins : DataFrame
        A row per ``feature`` and ``bin``: ``n_reference``, ``n_current``, the shares
        ``reference`` and ``current``, and what it adds to the ``psi``.
    mix : DataFrame
        By segment id: ``name``, ``n_reference``, ``n_current``, the shares ``reference``
        and ``current``, their ``change`` with ``low`` and ``high``. Empty without segments.
    mix_psi : Series
        PSI of these sizes, as a row of `features`; empty without segments.
    within : DataFrame
        A row per ``segment`` and ``feature``: ``psi``, ``band``, ``expected``, ``p_value``,
        ``p_adjusted``, ``beyond_chance``; of numbers the ``difference`` of means in
        standard deviations with ``low`` and ``high``; ``reason`` where there is no number.
    far : DataFrame
        A row per ``segment``, by the segment customers are in, and one of all at the end:
        ``limit``, the distance to the centre beyond which customers are far from it; the
        share of customers far from all segments in the ``reference`` and ``current``,
        with ``low`` and ``high``; ``n_far``. Empty without a segmenter.
    verdict : {"keep", "rename", "refit"}
        What to do with the segments.
    reasons : tuple of str
        Why.
    n_reference, n_current : int
        Customers.
    level : float
        Coverage of the intervals.
    """

    features: pd.DataFrame
    bins: pd.DataFrame
    mix: pd.DataFrame
    mix_psi: pd.Series
    within: pd.DataFrame
    far: pd.DataFrame
    verdict: str
    reasons: tuple[str, ...]
    n_reference: int
    n_current: int
    level: float = 0.95

    def _repr_html_(self) -> str:
        customers = f"{text.count(self.n_current)} customers beside"
        customers += f" {text.count(self.n_reference)} of the reference"
        head = [("verdict", self.verdict, customers)]
        if not self.far.empty:
            far = self.far.iloc[-1]
            span = f"{text.share(far['low'])} to {text.share(far['high'])}; reference "
            head.append(
                (
                    "far from all segments",
                    text.share(far["current"]),
                    span + text.share(far["reference"]),
                )
            )
        if not self.mix.empty:
            head.append(("PSI of the sizes", say_psi(self.mix_psi["psi"]), self.mix_psi["band"]))
        parts = [html.facts(head), html.note("; ".join(self.reasons) + ".")]
        parts.append(self._features_html())
        if not self.mix.empty:
            parts.append(self._mix_html())
        return html.block(*parts)

    def _features_html(self) -> str:
        rows: list[list[str | html.Cell]] = []
        ordered = self.features.sort_values("psi", ascending=False, kind="stable")
        for row in ordered.to_dict("records"):
            if pd.isna(row["psi"]):
                rows.append([row["label"], html.Cell(text.MISSING, row["reason"]), "", "", "", ""])
                continue
            chance = "" if row["beyond_chance"] else "not beyond chance"
            moved = html.Cell("")
            if pd.notna(row["wasserstein"]):
                in_sd = f"{text.decimal(row['wasserstein_sd'], 2)} sd"
                known = pd.notna(row["wasserstein_sd"])
                moved = html.Cell(text.decimal(row["wasserstein"], 2), in_sd if known else "")
            rows.append(
                [
                    str(row["label"]),
                    html.Cell(say_psi(row["psi"]), _span(row["psi_low"], row["psi_high"])),
                    html.Cell(row["band"], chance),
                    say_psi(row["expected"]),
                    html.Cell(say_psi(row["js"]), _span(row["js_low"], row["js_high"])),
                    moved,
                ]
            )
        columns = ["feature", "PSI", "shift", "PSI by sampling", "Jensen-Shannon", "Wasserstein"]
        caption = "How far each feature moved, the furthest first"
        return html.table(columns, rows, caption=caption, numeric=[1, 3, 4, 5])

    def _mix_html(self) -> str:
        inside = crossing(self.within, 0.1).groupby("segment")["label"].agg(list)
        rows: list[list[str | html.Cell]] = []
        for segment, row in self.mix.to_dict("index").items():
            labels = inside.get(segment, [])
            said = ", ".join(in_sentence(label) for label in labels[:3]) or "nothing"
            said += f" and {len(labels) - 3} more" if len(labels) > 3 else ""
            if min(row["n_reference"], row["n_current"]) < FEWEST:
                said = f"not known: fewer than {FEWEST} customers"
            rows.append(
                [
                    html.Cell(row["name"], f"{text.count(row['n_current'])} customers"),
                    text.share(row["reference"]),
                    text.share(row["current"]),
                    html.Cell(_points(row["change"]), _span_points(row["low"], row["high"])),
                    said,
                ]
            )
        columns = ["segment", "reference", "now", "change", "moved within it"]
        return html.table(columns, rows, caption="Sizes of the segments", numeric=[1, 2, 3])


def drift(
    reference: Any,
    current: Any,
    segments: Any = None,
    current_segments: pd.Series | None = None,
    names: Mapping[int, str] | pd.Series | None = None,
    *,
    thresholds: DriftThresholds | None = None,
    level: float = 0.95,
    n_resamples: int = 500,
    random_state: int = 0,
) -> Drift:
    r"""Compare customers with those of a reference, feature by feature and by segment.

    Parameters
    ----------
    reference, current : DataFrame, FeatureTable, Polars or Arrow table
        The same features, one row per customer; the reference is what the segments were
        found in, or an earlier time.
    segments : segmenter or Series, optional
        A fitted segmenter, which says for the customers of both which segment they are in;
        or segment ids of the reference's customers, -1 for noise.
    current_segments : Series, optional
        Segment ids of the current customers, where `segments` is a Series. The ids mean the
        same in both.
    names : mapping or Series of int to str, optional
        Segment names.
    thresholds : DriftThresholds, optional
        From where on a shift counts for the verdict.
    level : float, default 0.95
        Coverage of the intervals; shifts are beyond chance at 1 - `level`.
    n_resamples : int, default 500
        Bootstrap resamples for the intervals.
    random_state : int, default 0
        Seed of these.

    Returns
    -------
    Drift
        The same whatever the order of rows.

    Raises
    ------
    DataError
        The columns are not the same (lists those that differ), a customer is there twice,
        values are infinite, or labels are not those of the customers.
    NotEnoughDataError
        A side has no customer.
    ParameterError
        A number is out of range, or these are not segments.

    Notes
    -----
    The population stability index compares shares of customers in bins: deciles of the
    reference, or levels; missing values, and levels that the reference does not have, are
    bins of their own; an empty bin counts as half a customer (see
    `segml.evaluation.distance.psi`). It is moderate from 0.1 and major from 0.25 [1]_. Sampling
    alone brings (B - 1) (1 / n + 1 / m), and PSI / (1 / n + 1 / m) is about χ² [2]_; chance is
    judged by that, with Holm's correction over the features. It takes the customers of both
    times as drawn independently; of the same customers a shift is beyond chance
    earlier than said here.

    Intervals are basic bootstrap ones, which take off what sampling adds.

    Customers are far from all segments where they are beyond the 99th percentile of the
    distances of the reference's customers to their own centre, for each segment, on its
    preprocessed scale.

    The verdict is

    - "refit" where the interval of the share of far customers is above
      `thresholds.far_share`, a segment has no customer any more though it should have, or
      segments with most of the customers changed within by `thresholds.within_psi`;
      without segments, where a feature moved by `thresholds.psi`;
    - "rename" where segments with fewer of them did: they are still there, but not what
      they were called for;
    - "keep" elsewhere. Other sizes of the same segments are no reason to find them again.

    References
    ----------
    .. [1] Siddiqi, N. (2006). Credit risk scorecards. Wiley, ch. 8.
    .. [2] Yurdakul, B. (2018). Statistical properties of population stability index.
       Dissertation, Western Michigan University.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> before = pd.DataFrame({"orders": rng.poisson(3, 800), "visits": rng.poisson(9, 800)})
    >>> after = before.assign(visits=rng.poisson(14, 800))
    >>> found = drift(before, after)
    >>> found.features["band"].to_dict()
    {'orders': 'stable', 'visits': 'major'}
    >>> found.verdict, found.reasons[0]
    ('refit', 'major shift of visits')
    """
    level = coverage(level)
    count = int(number(n_resamples, "n_resamples", low=2, whole=True))
    seed = int(number(random_state, "random_state", low=0, whole=True))
    limits = DriftThresholds() if thresholds is None else thresholds
    frames = two_frames(reference, current)
    known = features_of(reference, frames[0].columns)
    features, bins = feature_drift(*frames, known, level, count, seed)
    mix, mix_psi = pd.DataFrame(columns=["n_current"]), pd.Series(dtype=object)
    within, far = pd.DataFrame(), pd.DataFrame()
    if segments is not None:
        labels, called = two_labels(frames, segments, current_segments, names)
        sizes = mix_bins(labels, called)
        mix = mix_table(labels, called, level)
        rng = generator(seed, "drift", "sizes of segments")
        mix_psi = pd.Series(index_row(sizes, level, count, rng))
        mix_psi["beyond_chance"] = bool(mix_psi["p_value"] < 1 - level)
        within = within_drift(*frames, labels, called, known, level)
        if hasattr(segments, "_points"):
            points = [segments._points(own_features(segments, frame))[1] for frame in frames]
            far = far_table((points[0], points[1]), labels, called, level)
    elif current_segments is not None:
        raise ParameterError(
            "the reference has no segments", where="segments", got=None, expected="a Series"
        )
    verdict, reasons = judge(features, mix, within, far, limits, level)
    return Drift(
        features=features,
        bins=bins,
        mix=mix,
        mix_psi=mix_psi,
        within=within,
        far=far,
        verdict=verdict,
        reasons=reasons,
        n_reference=len(frames[0]),
        n_current=len(frames[1]),
        level=level,
    )


def _span(low: float, high: float) -> str:
    return f"{say_psi(low)} to {say_psi(high)}"


def _points(value: float) -> str:
    return f"{100 * value:+.1f} points"


def _span_points(low: float, high: float) -> str:
    return f"{100 * low:+.1f} to {100 * high:+.1f}"
