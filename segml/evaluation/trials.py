"""The store of trials: what was tried, on what, and how it came out; sweeps resume from it."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import segml
from segml._core.errors import DataError
from segml._core.files import whole_file
from segml.data import CustomerData
from segml.data.bundle import HIDDEN

#: Failures that follow from data and model; any other is tried again.
SETTLED = ("NotEnoughDataError", "ConvergenceError", "DataError", "ParameterError")
_WHO = ("kind", "model", "parameters", "cutoff", "horizon", "time_unit", "seed", "data", "code")
_TEXT = ("key", *_WHO, "status", "error", "reason", "reasons", "finished_at")
_LAYERS = ("_core", "engine", "data", "features", "clustering", "clv", "kpis", "evaluation")


class TrialStore:
    """A folder of trials: a Parquet file of one row for each, and what it made of customers.

    Files are written aside and renamed, the row last: a process that is killed leaves no
    half trial, and two that write the same trial write the same. ``trials/*.parquet`` reads
    as one table in DuckDB, pandas or Spark. No customer ids are stored.

    Parameters
    ----------
    path : path
        The folder, such as ``reports/trials``; made at the first trial.

    Examples
    --------
    >>> import tempfile
    >>> store = TrialStore(tempfile.mkdtemp())
    >>> key = trial_key(kind="forecast", model="BG/NBD", seed=0)
    >>> store.save(key, {"model": "BG/NBD", "status": "completed", "purchases.rmse": 0.77})
    >>> store.trials()[["model", "purchases.rmse"]].values.tolist()
    [['BG/NBD', 0.77]]
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def __repr__(self) -> str:
        return f"TrialStore({str(self.path)!r})"

    def save(
        self, key: str, record: Mapping[str, Any], customers: pd.DataFrame | None = None
    ) -> None:
        """Add a trial, or put it in the place of one with the same key.

        Parameters
        ----------
        key : str
            From `trial_key`.
        record : mapping of str to value
            Its row: texts, numbers, missing ones as NaN, and texts for dates.
        customers : DataFrame, optional
            Numbers by customer, in an order that the next run has again; the index is not
            stored.
        """
        if customers is not None:
            table = pa.Table.from_pandas(customers, preserve_index=False)
            _write(self.path / "customers" / f"{key}.parquet", table)
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        row = {"key": key} | dict(record) | {"finished_at": now}
        values = {
            name: pa.array(
                [None if value is None else str(value) if name in _TEXT else float(value)],
                pa.string() if name in _TEXT else pa.float64(),
            )
            for name, value in row.items()
        }
        _write(self.path / "trials" / f"{key}.parquet", pa.table(values))

    def load(self, key: str) -> tuple[dict[str, Any], pd.DataFrame | None] | None:
        """Return the row of a trial and its customers, None where it has to be done.

        A trial that failed for a reason that may pass, such as a package that was not
        installed, has to be done again; and so has one of which a file is lost or damaged.
        """
        try:
            record = pq.read_table(self.path / "trials" / f"{key}.parquet").to_pylist()[0]
            if record["status"] == "failed":
                return (record, None) if record["error"] in SETTLED else None
            file = self.path / "customers" / f"{key}.parquet"
            return record, pq.read_table(file).to_pandas()
        except (OSError, pa.ArrowInvalid, LookupError):
            return None

    def trials(self) -> pd.DataFrame:
        """Return all trials, one row each, in the order of what was tried.

        Raises
        ------
        DataError
            A file of the store cannot be read.
        """
        files = sorted((self.path / "trials").glob("[!.]*.parquet"))
        rows: list[dict[str, Any]] = []
        for file in files:
            try:
                rows += pq.read_table(file).to_pylist()
            except pa.ArrowInvalid as error:
                raise DataError(
                    "a trial cannot be read", where=file.name, hint="delete it; it is done again"
                ) from error
        table = pd.DataFrame(rows, columns=None if rows else ["key", *_WHO, "status"])
        by = [name for name in _WHO if name in table.columns]
        return table.sort_values([*by, "key"], kind="stable", ignore_index=True)


def trial_key(**what: Any) -> str:
    """Return the key of a trial: a hash of all that determines it.

    Parameters
    ----------
    **what
        Texts and numbers: kind, model, parameters, cutoff, horizon, data, seed. The version
        of the code is added.

    Examples
    --------
    >>> trial_key(model="BG/NBD", seed=1) == trial_key(seed=1, model="BG/NBD")
    True
    >>> trial_key(model="BG/NBD", seed=1) == trial_key(model="BG/NBD", seed=2)
    False
    """
    text = json.dumps(what | {"code": code_version()}, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@functools.cache
def code_version() -> str:
    """Return segml's version and a hash of the modules that numbers come from."""
    root = Path(segml.__file__).parent
    found = hashlib.sha256()
    for layer in _LAYERS:
        for file in sorted((root / layer).rglob("*.py")):
            found.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    return f"{segml.__version__}+{found.hexdigest()[:12]}"


def data_fingerprint(data: CustomerData) -> str:
    """Return a hash of all rows of all tables, whatever order they are in.

    The rows' own hashes are added up, so that nothing has to be sorted.
    """
    found = hashlib.sha256()
    for name, table in sorted(data.tables.items()):
        total, n = 0, 0
        columns = sorted(column for column in table.table.columns if column not in HIDDEN)
        for batch in table.table.batches(500_000):
            frame = batch.to_pandas()[columns]
            hashes = pd.util.hash_pandas_object(frame, index=False).to_numpy()
            total = (total + int(hashes.sum(dtype=np.uint64))) % 2**64
            n += len(frame)
        found.update(json.dumps([name, columns, n, total]).encode())
    return found.hexdigest()


def number_or_missing(value: Any) -> float:
    """Return a number as a float, NaN where there is none."""
    return float(value) if value is not None and math.isfinite(value) else math.nan


def _write(path: Path, table: pa.Table) -> None:
    with whole_file(path) as aside:
        pq.write_table(table, aside)
