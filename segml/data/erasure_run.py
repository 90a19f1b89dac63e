"""Erase customers from the folder of a past run."""

from __future__ import annotations

import html as escaping
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote as url_quote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from segml._core.errors import DataError, RunError
from segml._core.files import sha256, whole_file, write_json
from segml._core.process import still_runs

from .consent import is_customer_id
from .erasure_ids import distinctive, hits, rejected, text_columns
from .erasure_report import ERASED, ErasureReport

_MANIFEST = "manifest.json"
_REJECTED = "rejected_orders.parquet"
_UNDER_WAY = "erasure_under_way"


def erase_from_run(folder: Path, ids: list[str]) -> ErasureReport:
    """Erase customers from a run folder; see :func:`segml.data.erase`."""
    manifest = _read_manifest(folder)
    if manifest.get("status") == "running" and still_runs(
        manifest.get("pid"), manifest.get("started_at")
    ):
        raise RunError(
            "the run is still running", where=folder.name, hint="erase when it has ended"
        )
    renamed = manifest.get("params", {}).get("data", {}).get("columns", {}).get("customer_id")
    for left in (folder / "artefacts").rglob(".*.parquet"):  # of a write that was killed
        left.unlink()
    rows: dict[str, int] = {}
    seen: set[str] = set()
    for file in _parquet(folder):
        n, found = _count(file, ids, renamed)
        seen |= found
        if n:
            rows[_relative(file, folder)] = n
    missing = tuple(i for i in ids if i not in seen)
    if rows or _UNDER_WAY in manifest:
        write_json(folder / _MANIFEST, manifest | {_UNDER_WAY: True})
        for name in rows:
            _rewrite(folder / name, ids, renamed)
        _account(folder)
        _note(folder, manifest, rows, len(ids) - len(missing))
    searched = distinctive(ids)
    if named := _naming(folder, searched):
        raise RunError(
            "files of the run still name a customer, whose rows have been removed",
            where=folder.name,
            got=", ".join(named),
            hint="remove these files, or the run folder",
        )
    return ErasureReport(folder.name, len(ids), rows, missing, len(ids) - len(searched))


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / _MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if not (isinstance(manifest, dict) and isinstance(manifest.get("artefacts"), list)):
            raise ValueError("not a manifest")
    except (OSError, ValueError) as error:
        runs = sorted(found.parent.name for found in folder.glob(f"*/{_MANIFEST}"))
        raise DataError(
            "this is not the folder of a run",
            where=folder.name,
            got="no manifest.json" if not path.is_file() else "a manifest.json that is none",
            expected="the folder that holds manifest.json and artefacts",
            hint=f"erase from each of its runs, such as {folder.name}/{runs[0]}" if runs else None,
        ) from error
    return manifest


def _parquet(folder: Path) -> list[Path]:
    return sorted((folder / "artefacts").rglob("*.parquet"))


def _relative(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix()


def _batches(file: Path, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    try:
        with pq.ParquetFile(file) as opened:
            yield from opened.iter_batches(columns=columns)
    except (pa.ArrowException, OSError) as error:
        raise DataError("an artefact cannot be read", where=file.name, got=str(error)) from error


def _match(
    file: Path, batch: pa.RecordBatch, ids: list[str], renamed: str | None
) -> tuple[Any, set[str]]:
    if file.name == _REJECTED:
        return rejected(batch, ids, renamed)
    return hits(batch, ids, [name for name in batch.schema.names if is_customer_id(name)])


def _count(file: Path, ids: list[str], renamed: str | None) -> tuple[int, set[str]]:
    total, seen = 0, set[str]()
    names = [name for name in _schema(file).names if is_customer_id(name)]
    if not names and file.name != _REJECTED:
        return 0, seen
    for batch in _batches(file, None if file.name == _REJECTED else names):
        hit, found = _match(file, batch, ids, renamed)
        total += pc.sum(hit).as_py() or 0
        seen |= found
    return total, seen


def _schema(file: Path) -> pa.Schema:
    try:
        return pq.read_schema(file)
    except (pa.ArrowException, OSError) as error:
        raise DataError("an artefact cannot be read", where=file.name, got=str(error)) from error


def _rewrite(file: Path, ids: list[str], renamed: str | None) -> None:
    with (
        whole_file(file) as aside,
        pq.ParquetWriter(aside, _schema(file), compression="zstd") as writer,
    ):
        for batch in _batches(file):
            hit, _ = _match(file, batch, ids, renamed)
            writer.write_batch(batch.filter(pc.invert(hit)))


def _account(folder: Path) -> None:
    """Let the account of the orders count what is gone: rows read are still rows used or not."""
    path, orders = folder / "artefacts" / "cleaning.json", folder / "artefacts" / "orders.parquet"
    if not (path.is_file() and orders.is_file()):
        return
    account = json.loads(path.read_text(encoding="utf-8"))
    merged = "_rows" in _schema(orders).names
    counts = [
        pc.sum(batch["_rows"]).as_py() or 0 if merged else batch.num_rows
        for batch in _batches(orders, ["_rows"] if merged else None)
    ]
    rejected = {reason: n for reason, n in account["rejected"].items() if reason != ERASED}
    account["rows_used"] = sum(counts)
    erased = account["rows_in"] - account["rows_used"] - sum(rejected.values())
    account["rejected"] = rejected | ({ERASED: erased} if erased else {})
    write_json(path, account)


def _note(folder: Path, manifest: dict[str, Any], rows: Mapping[str, int], found: int) -> None:
    changed = {*rows, "artefacts/cleaning.json"}
    if _UNDER_WAY in manifest:  # of an erasure that was killed nobody knows what it changed
        changed |= {_relative(file, folder) for file in _parquet(folder)}
    artefacts = [
        item
        | {"bytes": (folder / item["path"]).stat().st_size}
        | {"sha256": sha256(folder / item["path"])}
        if item["path"] in changed and (folder / item["path"]).is_file()
        else item
        for item in manifest["artefacts"]
    ]
    entry = {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "customers": found,
        "rows": dict(rows),
    }
    done = manifest | {
        "artefacts": artefacts,
        "erasures": [*manifest.get("erasures", []), entry],
    }
    done.pop(_UNDER_WAY, None)
    write_json(folder / _MANIFEST, done)


def _naming(folder: Path, ids: list[str]) -> list[str]:
    """Return the files that hold one of the ids, plain or encoded, in any case."""
    if not ids:
        return []
    patterns = {form: _pattern(form) for i in ids for form in _forms(i)}
    named = []
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        if file.suffix == ".parquet":
            columns = text_columns(_schema(file))
            held = any(hits(batch, ids, columns)[1] for batch in _batches(file, columns))
        else:
            page = file.read_bytes().decode("utf-8", "replace").lower()
            held = any(form in page and regex.search(page) for form, regex in patterns.items())
        if held:
            named.append(_relative(file, folder))
    return named


def _forms(value: str) -> set[str]:
    encoded = (value, url_quote(value, safe=""), escaping.escape(value), json.dumps(value)[1:-1])
    return {form.lower() for form in encoded}


def _pattern(form: str) -> re.Pattern[str]:
    """Match a form that stands by itself; what ends an escape is not part of a word."""
    dot = "." if form.isdigit() else ""  # not the decimals of a number
    before = rf"(?:(?<![0-9a-z_{dot}])|(?<=\\[nrtbf])|(?<=%[0-9a-f]{{2}}))"
    return re.compile(rf"{before}{re.escape(form)}(?![0-9a-z_])")
