"""What a report is compared with: an earlier run, or the same shop some days earlier."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from segml._core.errors import DataError, ParameterError
from segml.export import load_model

from .artefacts import Artefacts
from .manifest import Manifest, read_manifest

LATEST = "latest"


@dataclass(frozen=True)
class Earlier:
    """Customers and their segments at an earlier time.

    Parameters
    ----------
    said : str
        What it is, in words.
    day : date
        Its last day.
    features : DataFrame
        By customer.
    labels : Series
        Segment ids by customer.
    names : Series
        Segment names by id.
    segmenter : segmenter
        What assigned them.
    refit : bool
        Whether the segments have been found anew since.
    """

    said: str
    day: dt.date
    features: pd.DataFrame
    labels: pd.Series
    names: pd.Series
    segmenter: Any
    refit: bool


def find_run(folder: Path, against: str) -> Path | None:
    """Return the folder of an earlier run.

    Parameters
    ----------
    folder : Path
        Of the runs of a report.
    against : str
        A run id, or "latest".

    Returns
    -------
    Path or None
        None where the latest is asked for and there is none.

    Raises
    ------
    ParameterError
        There is no run of that id.
    """
    if against != LATEST:
        if not (folder / against / "manifest.json").is_file():
            raise ParameterError(
                "there is no such run of this report",
                where="migration.against",
                got=against,
                expected=f"a run id, or {LATEST}",
            )
        return folder / against
    for run in sorted(folder.glob("[0-9]*"), reverse=True):
        if _completed(run) is not None and Artefacts(run).find("segments.parquet") is not None:
            return run
    return None


def _completed(run: Path) -> Manifest | None:
    try:
        manifest = read_manifest(run)
    except DataError:  # of another kind of folder
        return None
    return manifest if manifest.status == "completed" else None


def read_run(run: Path, day: dt.date) -> Earlier:
    """Return what an earlier run found.

    Parameters
    ----------
    run : Path
        Its folder.
    day : date
        Its last day, where its parameters do not say it.

    Raises
    ------
    DataError
        It has no segments, or not what they are assigned by.
    """
    stored = Artefacts(run)
    labels, features = stored.read_frame("segments.parquet"), stored.find("features.parquet")
    model = stored.find("segmenter.json") or stored.find("segmenter.skops")
    described = stored.read_json("segments.json")
    if labels is None or features is None or model is None or described is None:
        raise DataError(
            "an earlier run has no segments to compare with",
            where="migration.against",
            got=run.name,
            hint="a run with the notebook 03_segmentation",
        )
    ids = labels.set_index("customer_id")["segment"]
    names = pd.DataFrame(described["segments"]).set_index("segment")["name"]
    frame = pq.read_table(features).to_pandas().set_index("customer_id")
    segmenter = load_model(model)
    asked = read_manifest(run).params.get("dates", {}).get("as_of")
    last = dt.date.fromisoformat(described.get("as_of") or asked or day.isoformat())
    return Earlier(
        f"run {run.name}", last, frame.reindex(ids.index), ids, names, segmenter, refit=True
    )
