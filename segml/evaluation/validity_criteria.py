"""Kotler's criteria for segments that are worth having, each answered from evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from segml._core import text
from segml._core.check import number
from segml.clustering import SegmentRules, Stability
from segml.clustering._labels import NOISE
from segml.clustering.resampling import two_places

YES, NO, UNKNOWN = "yes", "no", "unknown"

#: What each criterion asks.
QUESTIONS = {
    "accessible": "Can the customers of every segment be written to?",
    "measurable": "Can it be told from simple rules who is in which segment?",
    "substantial": "Is every segment large enough, and does it bring enough?",
    "distinct": "Are the segments apart from each other?",
    "stable": "Does every segment come back in other samples of customers?",
    "predictive": "Do the segments tell what customers will do?",
}


@dataclass(frozen=True)
class Thresholds:
    """From where a criterion is met.

    Parameters
    ----------
    min_reach : float, default 0.5
        Share of the least accessible segment that can be written to.
    min_fidelity : float, default 0.8
        Share of customers whom rules put into their segment.
    min_customers : int, default 50
        Customers of the smallest segment.
    min_revenue_share : float, default 0.01
        Share of revenue of the segment that brings least.

    Raises
    ------
    ParameterError
        One is out of range.

    Notes
    -----
    These four are for the shop to choose: what a segment must bring to be served differs.
    The others are conventions of the field: mean silhouettes of more than 0.5 are of a
    reasonable structure and those up to 0.25 of none (Kaufman and Rousseeuw 1990, Finding
    Groups in Data, table 4 of chapter 2); segments of a mean Jaccard similarity of 0.75
    are stable and those under 0.6 not (Hennig 2007).
    """

    min_reach: float = 0.5
    min_fidelity: float = 0.8
    min_customers: int = 50
    min_revenue_share: float = 0.01

    def __post_init__(self) -> None:
        for name in ("min_reach", "min_fidelity", "min_revenue_share"):
            number(getattr(self, name), name, low=0, high=1)
        number(self.min_customers, "min_customers", low=1, whole=True)


_REASONABLE, _NONE = 0.5, 0.25
_STABLE, _UNSTABLE = 0.75, 0.6


@dataclass(frozen=True)
class Answer:
    """The answer to one criterion.

    Parameters
    ----------
    verdict : {"yes", "no", "unknown"}
        Whether it is met.
    evidence : str
        What was measured.
    value, low, high : float
        The number, with its interval.
    unit : {"share", "index"}
        How it is written.
    reason : str
        Why the answer is what it is, in a sentence without a full stop.
    """

    verdict: str
    evidence: str
    value: float = np.nan
    low: float = np.nan
    high: float = np.nan
    unit: str = "share"
    reason: str = ""


def judge(low: float, high: float, least: float) -> str:
    """Say whether a number of an interval is at least so much.

    Examples
    --------
    >>> judge(0.6, 0.7, 0.5), judge(0.4, 0.6, 0.5), judge(0.1, 0.2, 0.5)
    ('yes', 'unknown', 'no')
    >>> judge(float("nan"), float("nan"), 0.5)
    'unknown'
    """
    if low >= least:
        return YES
    return NO if high < least else UNKNOWN


def accessible(segments: pd.DataFrame, reason: str, least: float) -> Answer:
    """Answer from the share of each segment that can be written to."""
    evidence = "reachable by e-mail, with consent: the least reachable segment"
    own = segments[segments.index != NOISE]
    if reason:
        return Answer(UNKNOWN, evidence, reason=reason)
    worst: Any = own.iloc[int(own["reachable"].argmin())]
    verdict = judge(worst["reachable_low"], worst["reachable_high"], least)
    said = f"of “{worst['name']}”; {_beside(verdict, text.share(least))}"
    value, low, high = (float(worst[f"reachable{end}"]) for end in ("", "_low", "_high"))
    return Answer(verdict, evidence, value, low, high, reason=said)


def measurable(rules: SegmentRules | None, n_customers: int, n_rules: int, least: float) -> Answer:
    """Answer from how many customers rules put into their segment."""
    evidence = "customers whom simple rules put into their segment, held out"
    if rules is None:
        return Answer(UNKNOWN, evidence, reason="one segment needs no rules")
    if np.isnan(rules.fidelity):
        return Answer(UNKNOWN, evidence, reason="too few customers to hold any out")
    inside = 1 - rules.n_noise / n_rules
    value, low, high = (inside * part for part in (rules.fidelity, rules.low, rules.high))
    verdict = judge(low, high, least)
    said = _beside(verdict, text.share(least))
    if rules.n_noise:
        said += f"; the {text.share(1 - inside)} in no segment count as not put"
    if n_rules < n_customers:
        said += f"; of a sample of {text.count(n_rules)} customers"
    return Answer(verdict, evidence, value, low, high, reason=said)


def substantial(segments: pd.DataFrame, least: Thresholds) -> Answer:
    """Answer from the size and the revenue of each segment."""
    evidence = "revenue so far: the segment that brings least"
    own = segments[segments.index != NOISE]
    small = own[own["size"] < least.min_customers]
    many = text.count(least.min_customers)
    if own["revenue_share"].isna().any():
        verdict = NO if len(small) else UNKNOWN
        said = f"{_names(small)} of fewer than {many} customers" if len(small) else "no revenue"
        return Answer(verdict, evidence, reason=said)
    worst: Any = own.iloc[int(own["revenue_share"].argmin())]
    poor = own[own["revenue_share_high"] < least.min_revenue_share]
    value, low, high = (float(worst[f"revenue_share{end}"]) for end in ("", "_low", "_high"))
    verdict = judge(low, high, least.min_revenue_share)
    said = f"of “{worst['name']}”; {_beside(verdict, text.share(least.min_revenue_share))}"
    if len(poor) > 1:
        said = f"{_names(poor)} bring less than {text.share(least.min_revenue_share)}"
    if len(small):
        verdict = NO
        said += f"; {_names(small)} of fewer than {many} customers"
    elif len(own) > 1:
        said += f"; each has {many} customers or more"
    return Answer(verdict, evidence, value, low, high, reason=said)


def distinct(internal: pd.DataFrame) -> Answer:
    """Answer from the mean silhouette."""
    evidence = "mean silhouette"
    row = internal.loc["silhouette"]
    if pd.isna(row["value"]):
        return Answer(UNKNOWN, evidence, unit="index", reason=str(row["reason"]))
    value, low, high = (float(row[part]) for part in ("value", "low", "high"))
    if low >= _REASONABLE:
        verdict, said = YES, f"above {_REASONABLE}: a reasonable structure or a strong one"
    elif high < _NONE:
        verdict, said = NO, f"below {_NONE}: no gaps, segments divide one cloud of customers"
    else:
        verdict = UNKNOWN
        said = f"between {_NONE} and {_REASONABLE}: a weak structure, which could be artificial"
        if not _NONE <= low <= high <= _REASONABLE:
            said = f"its interval is on both sides of {_NONE if low < _NONE else _REASONABLE}"
    return Answer(verdict, evidence, value, low, high, "index", said)


def stable(stability: Stability | None) -> Answer:
    """Answer from the stability of the segments, where it is known."""
    evidence = "Jaccard similarity to the segment found again: the least stable segment"
    if stability is None:
        said = "no stability was given: pass stability=stability(segmenter, features)"
        return Answer(UNKNOWN, evidence, unit="index", reason=said)
    table = stability.table
    if table["jaccard"].isna().all():
        return Answer(UNKNOWN, evidence, unit="index", reason="no segment could be looked at")
    worst: Any = table.iloc[int(table["jaccard"].argmin())]
    value = float(worst["jaccard"])
    verdict = YES if value >= _STABLE else NO if value < _UNSTABLE else UNKNOWN
    word = {"yes": "valid", "no": "not to be trusted", "unknown": "doubtful"}[verdict]
    held = int((table["jaccard"] >= _STABLE).sum())
    said = f"“{worst['name']}” is {word}; {held} of {len(table)} segments have {_STABLE} or more"
    low, high = float(worst["low"]), float(worst["high"])
    return Answer(verdict, evidence, value, low, high, "index", said)


def predictive(table: pd.DataFrame, n_cells: int) -> Answer:
    """Answer from how much of the rank of later revenue segments explain out of time."""
    evidence = "variance explained of the rank of later revenue"
    row: Any = table[table["outcome"] == "rank of revenue"].iloc[0]
    if row["reason"]:
        return Answer(UNKNOWN, evidence, reason=row["reason"])
    value, low, high = (float(row[f"segments{end}"]) for end in ("", "_low", "_high"))
    grid = f"an RFM grid of {n_cells} cells explains {text.share(row['rfm'])}"
    if row["difference_low"] > 0:
        beside = f"more than RFM: {grid}"
    elif row["difference_high"] < 0:
        beside = f"less than RFM: {grid}"
    else:
        beside = f"not told apart from RFM: {grid}"
    if low > 0:
        verdict = NO if row["difference_high"] < 0 else YES
    else:
        verdict = NO if high <= 0 else UNKNOWN
        beside = (
            f"not told apart from nothing; {grid}" if verdict == UNKNOWN else f"nothing; {grid}"
        )
    return Answer(verdict, evidence, value, low, high, reason=beside)


def criteria_table(answers: dict[str, Answer]) -> pd.DataFrame:
    """Return the answers as a table by criterion."""
    rows = [
        {
            "question": QUESTIONS[name],
            "verdict": one.verdict,
            "evidence": one.evidence,
            "value": one.value,
            "low": one.low,
            "high": one.high,
            "unit": one.unit,
            "reason": one.reason,
        }
        for name, one in answers.items()
    ]
    return pd.DataFrame(rows, index=pd.Index(answers, name="criterion"))


def say_value(value: float, unit: str) -> str:
    """Format a number of the table of criteria.

    Examples
    --------
    >>> say_value(0.4136, "share"), say_value(0.4136, "index")
    ('41%', '0.41')
    """
    return text.share(value) if unit == "share" else two_places(value)


def _beside(verdict: str, least: str) -> str:
    words = {YES: "at least", NO: "less than", UNKNOWN: "the interval is on both sides of"}
    return f"{words[verdict]} {least}"


def _names(segments: pd.DataFrame) -> str:
    names = [f"“{name}”" for name in segments["name"]]
    shown = ", ".join(names[:3])
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{shown}{more}"
