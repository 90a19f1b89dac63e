"""A table of KPIs as people read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from segml._core import html, text

from .assigned import ALL
from .kpi import KPI
from .registry import KPIS

if TYPE_CHECKING:
    from .table import KpiTable

GROUPS = {
    "size": "Size",
    "value": "Value",
    "purchase": "Purchases",
    "retention": "Retention",
    "acquisition": "Acquisition and return",
    "site": "On the site",
    "e-mail": "Messages",
    "satisfaction": "Satisfaction",
}
INTERVALS = {
    "none": "a total, known exactly",
    "wilson": "Wilson",
    "clustered": "Wilson with the effective sample size",
    "delta": "delta method",
    "order": "order statistics",
    "jackknife": "jackknife over groups of customers",
    "model": "the model's own",
}
_HIGHER, _LOWER = "clearly higher than all customers", "clearly lower than all customers"
# Filled is better and hollow is worse, so that no colour is needed to tell.
_MARKS = {
    (True, True): ("▲", f"{_HIGHER}: better"),
    (True, False): ("△", f"{_HIGHER}: worse"),
    (True, None): ("↑", _HIGHER),
    (False, True): ("▽", f"{_LOWER}: worse"),
    (False, False): ("▼", f"{_LOWER}: better"),
    (False, None): ("↓", _LOWER),
}


def page(kpis: KpiTable) -> str:
    """Return the HTML of a table of KPIs: the last period, then each segment over time."""
    labels = list(dict.fromkeys(kpis.table["period"]))
    table = kpis.table[kpis.table["period"] == labels[-1]]
    names = list(dict.fromkeys(table["name"]))
    rows, absent = _rows(kpis, table)
    head = ["KPI", *names]
    parts = [
        html.table(
            head, rows, caption=_caption(kpis), numeric=range(1, len(head)), tall=len(rows) > 12
        ),
        html.note(_legend(kpis)),
        *(html.note(note) for note in kpis.notes),
    ]
    if absent:
        count = sum(map(len, absent.values()))
        rows_absent: list[list[str | html.Cell]] = [
            [html.Cell(reason), ", ".join(said)] for reason, said in absent.items()
        ]
        what = (
            "1 KPI could not be computed" if count == 1 else f"{count} KPIs could not be computed"
        )
        parts.append(html.fold(what, html.table(["why", "KPIs"], rows_absent)))
    if len(labels) > 1:
        for name in [*names[-1:], *names[:-1]]:
            parts.append(html.fold(f"{name} by period", _over_time(kpis, name, labels)))
    parts.append(html.fold("How each is defined", _definitions(table)))
    return html.block(*parts)


def _caption(kpis: KpiTable) -> str:
    share = text.share(kpis.level)
    (last,) = kpis.periods[-1:] or (None,)
    if last is not None and last.label != "so far":
        return f"KPIs by segment, {last.label}, with {share} intervals"
    return (
        f"KPIs by segment as of {kpis.as_of.isoformat()}, {share} intervals; retention, churn and "
        f"growth compare the last {kpis.period_days} days with the {kpis.period_days} before"
    )


def _legend(kpis: KpiTable) -> str:
    chance = f"{100 * (1 - kpis.level):.3g}%"
    return (
        "▲ ▼ clearly better than all customers, △ ▽ clearly worse, ↑ ↓ clearly different where "
        f"neither is better: the {text.share(kpis.level)} interval of the difference leaves out 0. "
        f"About {chance} of the cells would have an arrow by chance alone. Bars compare the cells "
        "of a row."
    )


def _rows(
    kpis: KpiTable, table: pd.DataFrame
) -> tuple[list[list[str | html.Cell] | html.Group], dict[str, list[str]]]:
    """Return the rows under their groups, and what could not be computed, by its reason."""
    found: dict[str, list[list[str | html.Cell]]] = {group: [] for group in GROUPS}
    absent: dict[str, list[str]] = {}
    for name, group in table.groupby("kpi", sort=False):
        spec = KPIS[str(name)]
        reasons = set(group["reason"])
        if group["value"].isna().all() and len(reasons) == 1:
            absent.setdefault(str(reasons.pop()), []).append(spec.label)
            continue
        bars = _bars(spec, group)
        cells = [
            _cell(kpis, spec, row, bar)
            for row, bar in zip(group.to_dict("records"), bars, strict=True)
        ]
        found[spec.group].append([spec.label, *cells])
    rows: list[list[str | html.Cell] | html.Group] = []
    for key, part in found.items():
        if part:
            rows += [html.Group(GROUPS[key]), *part]
    return rows, absent


def _bars(spec: KPI, group: pd.DataFrame) -> list[float | None]:
    """Return the lengths of bars: of the segments' values where none is negative."""
    value = group["value"].to_numpy(dtype=float)
    known = value[~pd.isna(value)]
    # Of totals and of shares of all, all customers are no measure for a segment.
    alike = spec.interval != "none" and not spec.of_all
    shown = [alike or segment != ALL for segment in group["segment"]]
    top = max((v for v, s in zip(value, shown, strict=True) if s and v == v), default=0.0)
    if not top or (known < 0).any():
        return [None] * len(value)
    return [v / top if s and v == v else None for v, s in zip(value, shown, strict=True)]


def _cell(kpis: KpiTable, spec: KPI, row: Mapping[Any, Any], bar: float | None) -> html.Cell:
    if pd.isna(row["value"]):
        return html.Cell(text.MISSING, row["reason"])
    value = kpis.format(spec.name, row["value"])
    if pd.isna(row["low"]):
        return html.Cell(value, row["reason"], bar=bar)
    interval = _interval(kpis, spec, row["low"], row["high"])
    low, high = row["difference_low"], row["difference_high"]
    mark = _MARKS[low > 0, spec.higher_is_better] if low > 0 or high < 0 else None
    return html.Cell(value, interval, mark=mark, bar=bar)


def _interval(kpis: KpiTable, spec: KPI, low: float, high: float) -> str:
    """Return an interval, its unit said once."""
    ends = [kpis.format(spec.name, end) for end in (low, high)]
    if spec.unit == "share" and ends[0] == ends[1] and low < high:
        ends = [f"{100 * end:.1f}%" for end in (low, high)]
    if spec.unit == "money" and high - low >= 10:  # cents would be false digits
        ends = [text.money(round(end), kpis.currency).removesuffix(".00") for end in (low, high)]
    unit = " days"
    if ends[0].endswith(unit) and ends[1].endswith(unit):
        ends[0] = ends[0].removesuffix(unit)
    return f"{ends[0]} to {ends[1]}"


def _over_time(kpis: KpiTable, name: str, labels: list[str]) -> str:
    table = kpis.table[kpis.table["name"] == name]
    rows: list[list[str | html.Cell]] = []
    for kpi, group in table.groupby("kpi", sort=False):
        if group["value"].isna().all():
            continue
        spec = KPIS[str(kpi)]
        cells = [
            html.Cell(
                kpis.format(spec.name, row["value"]),
                "" if pd.isna(row["low"]) else _interval(kpis, spec, row["low"], row["high"]),
            )
            for row in group.to_dict("records")
        ]
        rows.append([spec.label, *cells])
    head = ["KPI", *labels]
    return html.table(head, rows, caption=name, numeric=range(1, len(head)), tall=len(rows) > 12)


def _definitions(table: pd.DataFrame) -> str:
    rows: list[list[str | html.Cell]] = []
    for name in dict.fromkeys(table["kpi"]):
        spec = KPIS[name]
        rows.append([spec.label, html.Cell(spec.formula, spec.reference), INTERVALS[spec.interval]])
    return html.table(["KPI", "definition", "interval"], rows, tall=len(rows) > 12)
