"""The sums over customers that KPIs are made of, by period and segment, from the engine.

Only sums leave it. They are of fixed-point numbers, so that they depend neither on the order
of the rows nor on the engine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from segml.engine import Table
from segml.engine.sql import Fragment, literal, quote

from .kpi import KPI
from .measure import Customers

_SPREAD = ("delta", "clustered")


@dataclass(frozen=True)
class Sums:
    """Sums over customers of one KPI; arrays of shape (periods, segments).

    Parameters
    ----------
    y, x : ndarray
        Of the numerator and the denominator; of 1 where there is none.
    center : ndarray
        The ratio of each segment, around which the spread is taken.
    ee, ex, xx : ndarray
        With e = y - center x the sums of e², e x and x².
    limits : tuple of float
        What the ratio cannot be below or above, as no customer's is.
    """

    y: np.ndarray
    x: np.ndarray
    center: np.ndarray
    ee: np.ndarray
    ex: np.ndarray
    xx: np.ndarray
    limits: tuple[float, float]


def sums_of(customers: Customers, kpis: Sequence[KPI]) -> dict[str, Sums]:
    """Return the sums of ratios and totals, by KPI."""
    found: dict[str, Sums] = {}
    groups: dict[tuple[str, ...], list[KPI]] = {}
    for kpi in kpis:
        tables = tuple(sorted({m.table for m in kpi.measures.values()}))
        groups.setdefault(tables, []).append(kpi)
    for group in groups.values():  # one at a time, as the rows of each are kept
        found |= _group_sums(customers, group)
    return found


def _group_sums(customers: Customers, kpis: Sequence[KPI]) -> dict[str, Sums]:
    names: dict[str, str] = {}
    for kpi in kpis:
        for expression in (kpi.numerator, kpi.denominator or "1"):
            names.setdefault(f"({expression})", f"e{len(names)}")
    pairs = {k.name: (names[f"({k.numerator})"], names[f"({k.denominator or '1'})"]) for k in kpis}
    wide = customers.wide(kpis, names).materialise()
    top, limits = _extremes(wide, list(names.values()), kpis, pairs)
    totals = _totals(customers, wide, {c: (c, _scale(top[c], 6)) for c in top})
    ratios, spreads = {}, {}
    place = {kpi.name: i for i, kpi in enumerate(kpis)}
    for kpi in kpis:
        ys, xs = pairs[kpi.name]
        y, x = totals[ys], totals[xs]
        over = np.broadcast_to(x.sum(axis=1, keepdims=True), x.shape) if kpi.of_all else x
        ratios[kpi.name] = np.divide(y, over, out=np.zeros_like(y), where=over != 0)
        if kpi.interval in _SPREAD:
            r = f"r{place[kpi.name]}"
            e = f"({ys} - {r} * {xs})"
            far = top[ys] + float(np.abs(ratios[kpi.name]).max()) * top[xs]
            spreads[f"ee{r}"] = (f"{e} * {e}", _scale(far * far))
            spreads[f"ex{r}"] = (f"{e} * {xs}", _scale(far * top[xs]))
            spreads[f"xx{r}"] = (f"{xs} * {xs}", _scale(top[xs] ** 2))
    if spreads:
        grid = np.indices(customers.shape)
        centers = pa.table(
            {
                "period": grid[0].ravel(),
                "code": grid[1].ravel(),
                **{f"r{place[name]}": ratio.ravel() for name, ratio in ratios.items()},
            }
        )
        joined = customers.engine.sql(
            "SELECT w.*, {columns} FROM {wide} AS w JOIN {centers} AS c"
            " ON w.period = c.period AND w.code = c.code",
            columns=Fragment(", ".join(f"c.r{i}" for i in place.values())),
            wide=wide,
            centers=customers.engine.register(centers),
        )
        totals |= _totals(customers, joined, spreads)
    nothing = np.zeros(customers.shape)
    out = {}
    for kpi in kpis:
        y, x = (totals[column] for column in pairs[kpi.name])
        r = f"r{place[kpi.name]}"
        ee, ex, xx = (totals.get(f"{what}{r}", nothing) for what in ("ee", "ex", "xx"))
        out[kpi.name] = Sums(y, x, ratios[kpi.name], ee, ex, xx, limits[kpi.name])
    return out


def _extremes(
    wide: Table, columns: list[str], kpis: Sequence[KPI], pairs: Mapping[str, tuple[str, str]]
) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """Return the largest absolute value of each column, and the limits of ratios by KPI."""
    asked = [f"max(abs({column}))" for column in columns]
    limited = [kpi for kpi in kpis if kpi.interval == "delta"]
    for kpi in limited:
        y, x = pairs[kpi.name]
        asked += [f"min({y})", f"min({x})", f"min({y} + {x})", f"max({y} - {x})"]
    row = wide.row("SELECT {asked} FROM {self}", asked=Fragment(", ".join(asked)))
    tops = [float(value or 0) for value in row[: len(columns)]]
    limits = {kpi.name: (-math.inf, math.inf) for kpi in kpis}
    for i, kpi in enumerate(limited):
        # Where there is no row there is no interval either.
        least, over, both, more = (float(v or 0) for v in row[len(columns) + 4 * i :][:4])
        if over < 0 or kpi.unit == "score":  # scales of scores begin where they like
            continue
        share = kpi.unit == "share"
        lower = 0.0 if least >= 0 else -1.0 if share and both >= 0 else -math.inf
        limits[kpi.name] = (lower, 1.0 if share and more <= 0 else math.inf)
    return dict(zip(columns, tops, strict=True)), limits


def _totals(
    customers: Customers, table: Table, terms: Mapping[str, tuple[str, float]]
) -> dict[str, np.ndarray]:
    """Sum terms, each scaled so that fixed-point numbers hold its digits."""
    columns = ", ".join(
        f"CAST(sum(fixed({term} * {literal(scale)})) AS DOUBLE) / {literal(scale)} AS {quote(name)}"
        for name, (term, scale) in terms.items()
    )
    found = customers.engine.sql(
        "SELECT period, code, {columns} FROM {table} GROUP BY period, code",
        columns=Fragment(columns),
        table=table,
    ).to_pandas()
    return {name: customers.matrix(found, name) for name in terms}


def _scale(top: float, most: int = 300) -> float:
    """Return the power of ten that brings values of at most `top` just below 10^13."""
    if top == 0:
        return 1.0
    return 10.0 ** min(most, 12 - math.floor(math.log10(top)), 300)
