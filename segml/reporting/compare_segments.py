"""Segments and KPIs of two runs, matched through the customers of both."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from segml._core.errors import DataError
from segml._core.files import sha256
from segml.clustering._labels import NOISE
from segml.evaluation.migration_result import Migration, migration
from segml.kpis.registry import KPIS
from segml.kpis.table import ALL

from .compare_tables import change

_MODELS = ("segmenter.json", "segmenter.skops")
_KPI_COLUMNS = ["kpi", "label", "unit", "segment", "name", "a", "a_low", "a_high"]
_KPI_COLUMNS += ["b", "b_low", "b_high", "change", "relative", "apart"]
_COLUMNS = ["value", "low", "high"]


@dataclass(frozen=True)
class Assigned:
    """Segments that a run has stored, in the form of a fitted segmenter.

    Parameters
    ----------
    labels_ : Series
        Segment ids by customer.
    segments_ : DataFrame
        By id: ``name``.
    """

    labels_: pd.Series
    segments_: pd.DataFrame


def compare_segments(a: Path, b: Path, currency: str = "") -> tuple[Migration, pd.DataFrame]:
    """Return who moved where between the segments of two run folders, and the segments.

    Raises
    ------
    DataError
        A run has no segments, or no customer is in both.
    """
    old, new = _assigned(a), _assigned(b)
    # One segmenter that assigned both times leaves nothing to match.
    found = migration(old, new, match=not _same_segmenter(a, b), currency=currency)
    matching = found.matching
    was = {int(i): i for i in new.segments_.index} if matching is None else matching.mapping
    rows = [
        _segment_row(old, new, before, after, found)
        for after, before in was.items()
        if after in new.segments_.index
    ]
    kept = set(was.values())
    rows += [
        _segment_row(old, new, int(before), None, found)
        for before in old.segments_.index
        if before not in kept
    ]
    return found, pd.DataFrame(rows)


def _segment_row(
    old: Assigned,
    new: Assigned,
    before: int | None,
    after: int | None,
    found: Migration,
) -> dict[str, object]:
    stayed = jaccard = np.nan
    if before is not None and after is not None:
        both = found.table[found.table["old"].notna() & found.table["new"].notna()]
        was, is_now = both["old"] == before, both["new"] == before
        stayed = float(both.loc[was & is_now, "customers"].sum())
        either = float(both.loc[was | is_now, "customers"].sum())
        jaccard = stayed / either if either else np.nan
    return {
        **_side_of_row("a", old, before),
        **_side_of_row("b", new, after),
        "stayed": stayed,
        "jaccard": jaccard,
    }


def _side_of_row(side: str, of: Assigned, which: int | None) -> dict[str, object]:
    if which is None or which not in of.segments_.index:
        return {f"{side}_segment": None, f"{side}_name": "", f"{side}_size": np.nan}
    size = int((of.labels_ == which).sum())
    return {
        f"{side}_segment": which,
        f"{side}_name": str(of.segments_["name"][which]),
        f"{side}_size": size,
    }


def compare_kpis(
    a: Path, b: Path, ids: dict[int, int] | None, *, matched: bool, same_money: bool
) -> pd.DataFrame:
    """Return the KPIs of two run folders, each run's last period, segment by segment.

    Parameters
    ----------
    a, b : Path
        The run folders.
    ids : dict of int to int, optional
        By segment id of the second run the id that lasts; None where ids stand as they are.
    matched : bool
        Whether it is known which segment is which; all customers are compared in any case.
    same_money : bool
        Whether amounts are in one currency; changes of them are missing otherwise.

    Raises
    ------
    DataError
        A run has no KPIs.
    """
    old, new = _kpis(a), _kpis(b)
    if not matched:
        old, new = old[old["segment"] == ALL], new[new["segment"] == ALL]
    elif ids is not None:
        lasting = {str(new_id): str(old_id) for new_id, old_id in ids.items()}
        new = new.assign(segment=new["segment"].map(lambda i: lasting.get(i, i)))
    both = old.merge(new, on=["kpi", "segment"], how="outer", suffixes=("_a", "_b"), sort=False)
    both["name"] = [_one_name(x, y) for x, y in zip(both["name_a"], both["name_b"], strict=True)]
    both = both.rename(columns={f"value_{side}": side for side in "ab"})
    both = both.rename(
        columns={f"{end}_{s}": f"{s}_{end}" for end in ("low", "high") for s in "ab"}
    )
    both = both[both[["a", "b"]].notna().any(axis=1)]
    both["label"] = [KPIS[k].label if k in KPIS else k for k in both["kpi"]]
    both["unit"] = [KPIS[k].unit if k in KPIS else "score" for k in both["kpi"]]
    changes = [
        change(x, y, comparable=same_money or unit != "money")
        for x, y, unit in zip(both["a"], both["b"], both["unit"], strict=True)
    ]
    both["change"] = [one["change"] for one in changes]
    both["relative"] = [one["relative"] for one in changes]
    apart = (both["a_high"] < both["b_low"]) | (both["b_high"] < both["a_low"])
    both["apart"] = apart & both["change"].notna()
    rank = {kpi: i for i, kpi in enumerate(dict.fromkeys([*new["kpi"], *old["kpi"]]))}
    place = both["segment"].map(lambda i: (i == ALL, int(i) if i.lstrip("-").isdigit() else 0))
    both = both.assign(_kpi=both["kpi"].map(rank), _place=place).sort_values(["_kpi", "_place"])
    return both[_KPI_COLUMNS].reset_index(drop=True)


def _one_name(a: object, b: object) -> str:
    """Return the name of a segment in both runs, or both of its names."""
    known = list(dict.fromkeys(str(name) for name in (a, b) if isinstance(name, str)))
    return " → ".join(known)


def _kpis(folder: Path) -> pd.DataFrame:
    frame = _read(folder, "kpis.parquet")
    if "period" in frame:
        frame = frame[frame["period"] == frame["period"].iloc[-1]]
    frame = frame.assign(segment=frame["segment"].astype(str))
    return frame[["kpi", "segment", "name", *_COLUMNS]]


def _assigned(folder: Path) -> Assigned:
    labels = _read(folder, "segments.parquet").set_index("customer_id")["segment"].astype(int)
    try:
        said = json.loads((folder / "artefacts" / "segments.json").read_text(encoding="utf-8"))
        table = pd.DataFrame(said["segments"]).set_index("segment")[["name"]]
    except (OSError, ValueError, KeyError, TypeError):
        ids = sorted(set(labels) - {NOISE})
        table = pd.DataFrame({"name": [f"segment {i}" for i in ids]}, index=ids)
    return Assigned(labels, table)


def _same_segmenter(a: Path, b: Path) -> bool:
    for name in _MODELS:
        files = [folder / "artefacts" / name for folder in (a, b)]
        if all(file.is_file() for file in files):
            return sha256(files[0]) == sha256(files[1])
    return False


def _read(folder: Path, name: str) -> pd.DataFrame:
    """Return a stored table.

    Raises
    ------
    DataError
        It is not there, or cannot be read.
    """
    path = folder / "artefacts" / name
    where = f"{folder.parent.name}/{folder.name}"
    if not path.exists():
        raise DataError(f"a run has no artefact {name}", where=where)
    try:
        return pq.read_table(path).to_pandas()
    except (OSError, ValueError) as error:
        raise DataError(f"the artefact {name} of a run cannot be read", where=where) from error
