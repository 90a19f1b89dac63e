"""The results of a run as Parquet and JSON files: written once, whole, always the same bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from segml._core.files import whole_file, write_json
from segml.engine import Table


class Artefacts:
    """The artefacts of a run folder; without a folder nothing is stored or found.

    Parameters
    ----------
    run_dir : Path or None
        The run folder.
    """

    def __init__(self, run_dir: Path | None) -> None:
        self.folder = None if run_dir is None else run_dir.resolve() / "artefacts"

    def find(self, name: str) -> Path | None:
        """Return the path of an artefact that is there."""
        if self.folder is None or not (self.folder / name).exists():
            return None
        path = self.folder / name
        # Spark says that it has written a folder to the end.
        return path if path.is_file() or (path / "_SUCCESS").exists() else None

    def read_json(self, name: str) -> Any:
        """Return the content of a JSON artefact, or None where it is not there."""
        path = self.find(name)
        return None if path is None else json.loads(path.read_text(encoding="utf-8"))

    def read_frame(self, name: str) -> pd.DataFrame | None:
        """Return the content of a Parquet artefact that is there."""
        path = self.find(name)
        return None if path is None else pq.read_table(path).to_pandas()

    def keep_json(self, name: str, value: Any) -> None:
        """Store plain data, unless the artefact is there."""
        if self.folder is not None and self.find(name) is None:
            write_json(self.folder / name, value)

    def keep_table(self, name: str, table: Table) -> None:
        """Store a table of the engine, unless the artefact is there.

        Spark's workers write it, as a folder of files.
        """
        if self.folder is not None and self.find(name) is None:
            table.to_parquet(self.folder / name)

    def keep_customers(self, name: str, table: Table) -> None:
        """Store a table of one row per customer, unless it is there: one file, of any engine."""
        if table.engine.kind == "duckdb":
            self.keep_table(name, table)
        elif self.folder is not None and self.find(name) is None:
            self._write(name, table.to_arrow().sort_by("customer_id"))

    def keep_frame(self, name: str, frame: pd.DataFrame) -> None:
        """Store a DataFrame, its index as a column if it has a name, unless it is there."""
        if self.folder is None or self.find(name) is not None:
            return
        named = frame.reset_index() if frame.index.name else frame
        self._write(name, pa.Table.from_pandas(named, preserve_index=False))

    def _write(self, name: str, table: pa.Table) -> None:
        assert self.folder is not None
        with whole_file(self.folder / name) as aside:
            pq.write_table(table.replace_schema_metadata(None), aside, compression="zstd")
