"""Which segmentation serves best: algorithms, feature sets and numbers of segments compared."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from segml._core.check import number
from segml._core.errors import ParameterError, SegmlError
from segml.clustering import (
    GaussianMixtureSegmenter,
    HDBSCANSegmenter,
    KMeansSegmenter,
    RFMSegmenter,
    stability,
)
from segml.clustering.resampling import verdict
from segml.features import FeatureTable, build_features, make_preprocessor

from .backtest_splits import Split, as_customer_data, make_splits
from .segmentation_trials_result import NUMBERS, SegmentationTrials, explained
from .trials import TrialStore, code_version, data_fingerprint, number_or_missing, trial_key

SEGMENTERS: dict[str, Any] = {
    "k-means": KMeansSegmenter(),
    "Gaussian mixture": GaussianMixtureSegmenter(),
    "HDBSCAN": HDBSCANSegmenter(),
    "RFM rules": RFMSegmenter(),
}
FEATURE_SETS: dict[str, list[str]] = {
    "RFM": ["recency_days", "orders", "revenue"],
    "RFM and trend": ["recency_days", "orders", "revenue", "tenure_days", "revenue_90d"],
}


def compare_segmentations(
    data: Any,
    segmenters: Mapping[str, Any] | None = None,
    feature_sets: Mapping[str, Sequence[str]] | None = None,
    n_segments: Sequence[int] = (3, 5, 8),
    cutoffs: Iterable[Any] | None = None,
    horizon: int = 13,
    *,
    time_unit: str = "W",
    n_resamples: int = 25,
    store: TrialStore | None = None,
    seed: int = 0,
) -> SegmentationTrials:
    """Find segments by several algorithms, features and numbers, and see what they are worth.

    Parameters
    ----------
    data : CustomerData, DataTable of orders, or anything that `read_orders` takes
        What is known of the customers.
    segmenters : mapping of str to segmenter, optional
        By name; k-means, Gaussian mixture, HDBSCAN and RFM rules when not given. Those with
        ``n_segments`` are tried with each number, the others once.
    feature_sets : mapping of str to sequence of str, optional
        Names of `segml.features.FEATURES`, by the name of the set.
    n_segments : sequence of int, default (3, 5, 8)
        Numbers of segments.
    cutoffs : iterable of date or str, optional
        Days as of which segments are found; as in `backtest` when not given.
    horizon : int, default 13
        How long revenue is then followed, in `time_unit`.
    time_unit : {"W", "D"}, default "W"
        Of the horizon.
    n_resamples : int, default 25
        Resamples for the stability of each.
    store : TrialStore, optional
        Where trials are kept: those that it has already are not done again.
    seed : int, default 0
        Of starts and resamples.

    Returns
    -------
    SegmentationTrials
        `leaderboard` ranks them. One that fails is a row with its reason.

    Raises
    ------
    NotEnoughDataError
        The horizon ends after the last order, or nobody had bought by a cut-off.
    ParameterError
        An argument is wrong.

    Notes
    -----
    Segments are found in what was known at the cut-off, and judged by what was not: the
    revenue after it. Features are put on one scale by `make_preprocessor`; RFM rules take
    their own, which have to be among the features.

    Examples
    --------
    >>> from segml.data import load_cdnow_sample
    >>> found = compare_segmentations(
    ...     load_cdnow_sample(), {"k-means": KMeansSegmenter()}, {"RFM": FEATURE_SETS["RFM"]},
    ...     [2, 4], ["1997-09-30"], horizon=26, n_resamples=5)
    >>> found.table[["model", "n_segments"]].values.tolist()
    [['k-means · RFM · 2', 2], ['k-means · RFM · 4', 4]]
    """
    bundle, start = as_customer_data(data), int(number(seed, "seed", low=0, whole=True))
    count = int(number(n_resamples, "n_resamples", low=2, whole=True))
    length = int(number(horizon, "horizon", low=1, whole=True))
    numbers = [int(number(k, "n_segments", low=1, whole=True)) for k in n_segments]
    plan = _plan(SEGMENTERS if segmenters is None else segmenters, numbers)
    sets = {name: list(part) for name, part in (feature_sets or FEATURE_SETS).items()}
    splits = make_splits(bundle, cutoffs, [length], time_unit, start)
    whole = data_fingerprint(bundle) if store is not None else ""
    rows: list[dict[str, Any]] = []
    labels: dict[dt.date, pd.DataFrame] = {}
    for split in splits:
        made: dict[str, pd.Series] = {}
        for set_name, names in sets.items():
            table = build_features(bundle, split.known.cutoff, names)
            frame = table.to_pandas().loc[split.actual.index]
            for algorithm, k, segmenter in plan:
                model = " · ".join([algorithm, set_name, *([str(k)] if k else [])])
                own = _prepared(segmenter, k, table, start)
                what = _what(model, own, names, count, split, whole)
                row, found = _trial(what, own, frame, count, start, split, store)
                rows.append({"algorithm": algorithm, "features": set_name, "k": k} | row)
                if found is not None:
                    made[model] = found
        labels[split.known.cutoff] = pd.DataFrame(made, index=split.actual.index)
    first = ["cutoff", "model", "algorithm", "features", "k", *NUMBERS, "verdict", "explained"]
    table_ = pd.DataFrame(rows)[[*first, "seconds", "status", "reason", "stored", "key"]]
    table_ = table_.astype({"k": "Int64"})
    if table_["n_segments"].notna().all():
        table_ = table_.astype({"n_segments": int})
    later = {split.known.cutoff: split.actual["revenue"] for split in splits}
    return SegmentationTrials(table_, labels, later, length, time_unit)


def _plan(segmenters: Mapping[str, Any], numbers: list[int]) -> list[tuple[str, Any, Any]]:
    """Return name, number of segments and segmenter of all that is tried."""
    if not segmenters or not isinstance(segmenters, Mapping):
        raise ParameterError(
            "there are no segmenters",
            where="segmenters",
            got=segmenters,
            expected='such as {"k-means": KMeansSegmenter()}',
        )
    plan: list[tuple[str, Any, Any]] = []
    for name, segmenter in segmenters.items():
        if not hasattr(segmenter, "get_params"):
            raise ParameterError(
                "this is not a segmenter",
                where=f"segmenters, {name}",
                got=type(segmenter).__name__,
                expected="a segmenter such as KMeansSegmenter()",
            )
        chosen = numbers if "n_segments" in segmenter.get_params(deep=False) else [None]
        plan += [(name, k, segmenter) for k in chosen]
    return plan


def _prepared(segmenter: Any, k: int | None, table: FeatureTable, seed: int) -> Any:
    """Return a copy with the number of segments, the scale of the features and the seed."""
    own = clone(segmenter)
    params = own.get_params(deep=False)
    if k is not None:
        own.set_params(n_segments=k)
    if params.get("preprocessor", "") is None:
        own.set_params(preprocessor=make_preprocessor(table))
    if "random_state" in params:
        own.set_params(random_state=seed)
    return own


def _what(
    model: str, own: Any, names: list[str], count: int, split: Split, whole: str
) -> dict[str, str]:
    """Return what determines a trial."""
    shown = clone(own)
    if "preprocessor" in own.get_params(deep=False):
        shown.set_params(preprocessor=None)  # it follows from the features
    return {
        "kind": "segmentation",
        "model": model,
        "parameters": f"{' '.join(repr(shown).split())} of {', '.join(names)}; {count} resamples",
        "cutoff": split.known.cutoff.isoformat(),
        "horizon": str(split.known.horizon),
        "time_unit": split.known.time_unit,
        "seed": str(split.known.seed),
        "data": split.fingerprint[:16] + whole[:16],
    }


def _trial(
    what: dict[str, str],
    own: Any,
    frame: pd.DataFrame,
    count: int,
    seed: int,
    split: Split,
    store: TrialStore | None,
) -> tuple[dict[str, Any], pd.Series | None]:
    """Do one trial, or take it from the store; return its row and the labels."""
    row: dict[str, Any] = {"cutoff": split.known.cutoff, "model": what["model"]}
    key = trial_key(**what) if store is not None else ""
    found = store.load(key) if store is not None else None
    if found is not None:
        kept_record, made = found
        labels = None
        if made is not None:
            labels = pd.Series(made["segment"].to_numpy(), index=split.actual.index)
        kept = {name: number_or_missing(kept_record.get(name)) for name in (*NUMBERS, "seconds")}
        row |= kept | {"status": kept_record["status"], "reason": kept_record["reason"]}
    else:
        labels, result, error, reason = _found(own, frame, count, seed)
        status = "failed" if labels is None else "completed"
        row |= result | {"status": status, "reason": reason}
        if store is not None:
            record: dict[str, Any] = what | {"code": code_version(), "status": status}
            record |= {"error": error, "reason": reason, "customers": len(frame)} | result
            table = None if labels is None else labels.rename("segment").to_frame()
            if labels is not None:
                record["explained"] = explained(split.actual["revenue"], labels).value
            store.save(key, record, table)
    value = np.nan if labels is None else explained(split.actual["revenue"], labels).value
    row |= {"explained": value, "verdict": verdict(row["stability"])}
    return row | {"stored": found is not None, "key": key}, labels


def _found(
    own: Any, frame: pd.DataFrame, count: int, seed: int
) -> tuple[pd.Series | None, dict[str, float], str, str]:
    """Find segments and their stability; or return why there are none."""
    nothing = dict.fromkeys((*NUMBERS, "seconds"), np.nan)
    begin = time.perf_counter()
    try:
        own.fit(frame)
        seconds = time.perf_counter() - begin
        again = stability(own, frame, n_resamples=count, random_state=seed)
    except SegmlError as problem:
        return None, nothing, type(problem).__name__, problem.problem.what
    labels: pd.Series = own.labels_
    sizes = labels[labels >= 0].value_counts()
    result = {
        "n_segments": len(sizes),
        "smallest_share": float(sizes.min() / len(labels)),
        "noise_share": float((labels < 0).mean()),
        "stability": float(again.table["jaccard"].min()),
        "ari": again.ari,
        "seconds": seconds,
    }
    return labels, result, "", ""
