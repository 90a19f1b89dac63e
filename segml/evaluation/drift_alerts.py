"""Thresholds that drift crossed, for runs that nobody watches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from segml._core import text

from .distance import say_psi
from .drift_result import Drift
from .drift_verdict import DriftThresholds, crossing


@dataclass(frozen=True)
class Alert:
    """One threshold that was crossed.

    Parameters
    ----------
    key : str
        What of: "psi.<feature>", "mix_psi", "within_psi.<segment>.<feature>" or "far_share".
    value : float
        What it is.
    limit : float
        What it may be.
    words : str
        The same in a sentence.
    """

    key: str
    value: float
    limit: float
    words: str


def alerts(drift: Drift, thresholds: DriftThresholds | None = None) -> list[Alert]:
    """Return the thresholds that drift crossed.

    Parameters
    ----------
    drift : Drift
        From `segml.evaluation.drift`.
    thresholds : DriftThresholds, optional
        The limits; the defaults when not given.

    Returns
    -------
    list of Alert
        None for what chance may have done: an index at its limit or above is an alert
        where it is beyond chance as well, a share where its whole interval is above.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from segml.evaluation.drift_result import drift
    >>> before = pd.DataFrame({"orders": np.arange(500) % 10})
    >>> for alert in alerts(drift(before, before + 4)):
    ...     print(alert.key, alert.words)
    psi.orders PSI of Orders is 2.46, the limit 0.25
    >>> alerts(drift(before, before))
    []
    """
    return list(_crossed(drift, DriftThresholds() if thresholds is None else thresholds))


def _crossed(drift: Drift, limits: DriftThresholds) -> Iterator[Alert]:
    for name, row in crossing(drift.features, limits.psi).to_dict("index").items():
        yield _alert(f"psi.{name}", row["psi"], limits.psi, f"PSI of {row['label']}")
    if not drift.mix_psi.empty and limits.mix_psi is not None:
        value = float(drift.mix_psi["psi"])
        if value >= limits.mix_psi and drift.mix_psi["beyond_chance"]:
            yield _alert("mix_psi", value, limits.mix_psi, "PSI of the sizes of segments")
    for row in crossing(drift.within, limits.within_psi).to_dict("records"):
        key = f"within_psi.{row['segment']}.{row['feature']}"
        what = f"PSI of {row['label']} within “{row['name']}”"
        yield _alert(key, row["psi"], limits.within_psi, what)
    if not drift.far.empty and limits.far_share is not None:
        of_all = drift.far.iloc[-1]
        if of_all["low"] > limits.far_share:
            words = f"{text.share(of_all['current'])} of customers are far from all segments, "
            words += f"the limit is {text.share(limits.far_share)}"
            yield Alert("far_share", float(of_all["current"]), limits.far_share, words)


def _alert(key: str, value: float, limit: float | None, what: str) -> Alert:
    limit = float(limit or 0)
    return Alert(key, float(value), limit, f"{what} is {say_psi(value)}, the limit {limit:g}")
