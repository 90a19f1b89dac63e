"""Rows of an audience as files: CSV or lines of JSON, parted where a system takes no more."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from json.encoder import encode_basestring
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from segml._core.files import whole_file

from .audience_systems import System
from .identifiers import harmless, sha256_hex

_ROWS = 5_000  # written at a time: a file ends between two such


@dataclass
class AudienceFile:
    """One file while it is written.

    Parameters
    ----------
    path : Path
        What it is called in the end.
    segment, group : str
        Of a list that has no columns for them, else empty.
    """

    path: Path
    segment: str
    group: str
    rows: int = 0
    size: int = 0
    digest: Any = field(default_factory=hashlib.sha256, repr=False)
    stream: IO[bytes] | None = field(default=None, repr=False)

    def write(self, content: bytes, rows: int) -> None:
        """Append rows."""
        if self.stream is None:  # pragma: no cover - a defect of segml
            raise AssertionError("the file is closed")
        self.stream.write(content)
        self.digest.update(content)
        self.rows += rows
        self.size += len(content)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        lists = {"segment": self.segment, "group": self.group}
        return {
            "file": self.path.name,
            **{name: value for name, value in lists.items() if value},
            "rows": self.rows,
            "bytes": self.size,
            "sha256": self.digest.hexdigest(),
        }


def write_files(
    batches: Iterable[pa.RecordBatch],
    system: System,
    path: Path,
    names: Mapping[str, str],
    groups: Iterable[str],
    run_id: str,
    stack: ExitStack,
) -> list[AudienceFile]:
    """Write rows to files that appear when the stack is left without an error.

    Parameters
    ----------
    batches : iterable of RecordBatch
        ``customer_id``, ``segment``, ``experiment_group``, ``address``, ``phone``,
        ``country``; for lists sorted by segment and group.
    system : System
        Whom the files are for.
    path : Path
        Of the first file, or what the files of lists are called after.
    names : mapping of str to str
        Segment label to name.
    groups : iterable of str
        Groups of the experiment that are written to.
    run_id : str
        The stamp.
    stack : ExitStack
        Keeps the files aside until then.
    """
    stems = _stems(names)
    group_stems = _stems({group: group for group in groups})
    columns = {
        name: content
        for name, content in system.columns.items()
        if content != "group" or group_stems
    }
    files: list[AudienceFile] = []
    for batch in batches:
        for piece, segment, group in _pieces(batch, system.hashed):
            encoded = _encoded(piece, system, columns, names, run_id)
            last = files[-1] if files else None
            if (
                last is None
                or (last.segment, last.group) != (segment, group)
                or _full(last, piece.num_rows, len(encoded), system)
            ):
                same = [f for f in files if (f.segment, f.group) == (segment, group)]
                parts = [path.stem]
                if system.hashed:
                    parts += [run_id, stems[segment], *([group_stems[group]] if group else [])]
                part = f".part{len(same) + 1}" if same else ""
                if files:
                    _close(files[-1])
                target = path.with_name("-".join(parts) + part + system.suffix)
                files.append(AudienceFile(target, segment, group))
                _open(files[-1], system, columns, stack)
            files[-1].write(encoded, piece.num_rows)
    if files:
        _close(files[-1])
    return files


def _open(file: AudienceFile, system: System, columns: Mapping[str, str], stack: ExitStack) -> None:
    aside = stack.enter_context(whole_file(file.path))
    file.stream = stack.enter_context(aside.open("wb"))
    if system.form == "csv":
        file.write((",".join(f'"{name}"' for name in columns) + "\n").encode(), 0)


def _close(file: AudienceFile) -> None:
    if file.stream is not None:
        file.stream.close()
        file.stream = None


def _full(file: AudienceFile, rows: int, size: int, system: System) -> bool:
    return (system.most_rows is not None and file.rows + rows > system.most_rows) or (
        system.most_bytes is not None and file.size + size > system.most_bytes
    )


def _pieces(batch: pa.RecordBatch, is_list: bool) -> Iterator[tuple[pa.RecordBatch, str, str]]:
    """Yield a few rows at a time, of one segment and group where these are lists."""
    starts = [0]
    if is_list and batch.num_rows:
        keys = [batch.column("segment"), pc.fill_null(batch.column("experiment_group"), "")]
        new = None
        for key in keys:
            differs = pc.not_equal(key.slice(1), key.slice(0, len(key) - 1))
            new = differs if new is None else pc.or_(new, differs)
        starts += [i + 1 for i in pc.indices_nonzero(new).to_pylist()]
    for start, end in zip(starts, [*starts[1:], batch.num_rows], strict=True):
        for first in range(start, end, _ROWS):
            piece = batch.slice(first, min(_ROWS, end - first))
            segment, group = "", ""
            if is_list:
                segment = piece.column("segment")[0].as_py()
                group = piece.column("experiment_group")[0].as_py() or ""
            yield piece, segment, group


def _encoded(
    rows: pa.RecordBatch,
    system: System,
    columns: Mapping[str, str],
    names: Mapping[str, str],
    run_id: str,
) -> bytes:
    values = {
        name: _values(rows, content, system, names, run_id) for name, content in columns.items()
    }
    if system.form == "identify":
        return _identify(values, run_id)
    table = pa.table({name: pa.array(column, pa.string()) for name, column in values.items()})
    sink = pa.BufferOutputStream()
    pyarrow.csv.write_csv(table, sink, pyarrow.csv.WriteOptions(include_header=False))
    return bytes(sink.getvalue())


def _values(
    rows: pa.RecordBatch, content: str, system: System, names: Mapping[str, str], run_id: str
) -> list[str | None]:
    if content == "run_id":
        return [run_id] * rows.num_rows
    column = "experiment_group" if content == "group" else content
    found: list[str | None] = rows.column(column).to_pylist()
    if content == "phone" and not system.plus:
        found = [value and value.removeprefix("+") for value in found]
    if system.hashed:
        return sha256_hex(found)
    if content == "segment":
        found = [names[str(value)] for value in found]
    # Addresses that begin like a formula are left out, and phone numbers are a plus and digits.
    if system.form == "csv" and content in ("segment", "group", "customer_id"):
        return [*harmless([value or "" for value in found])]
    return found


def _identify(values: Mapping[str, list[str | None]], run_id: str) -> bytes:
    ids = values["userId"]
    traits = [name for name in values if name != "userId"]
    keys = sha256_hex(f"{run_id}\0{i}" for i in ids)  # a line that is sent twice counts once
    lines = []
    for user, key, row in zip(
        ids, keys, zip(*(values[name] for name in traits), strict=True), strict=True
    ):
        known = ",".join(
            f'"{name}":{encode_basestring(value)}'
            for name, value in zip(traits, row, strict=True)
            if value is not None
        )
        lines.append(
            f'{{"type":"identify","userId":{encode_basestring(user or "")},'
            f'"traits":{{{known}}},"messageId":"{key}"}}'
        )
    return ("\n".join(lines) + "\n").encode()


def _stems(labels: Mapping[str, str]) -> dict[str, str]:
    """Return what stands for each label in the name of a file: its id where it has one, its name.

    Examples
    --------
    >>> _stems({"0": "At risk", "1": "New"})
    {'0': '0-at-risk', '1': '1-new'}
    >>> _stems({"A/B": "A/B", "A B": "A B"})
    {'A/B': '0-a-b', 'A B': '1-a-b'}
    """
    slugs = {
        label: re.sub(r"[\W_]+", "-", name.casefold()).strip("-")[:60]
        for label, name in labels.items()
    }
    whole = [*slugs.values()]
    stems = {}
    for i, (label, slug) in enumerate(slugs.items()):
        number = label if label.isdecimal() else str(i)
        is_plain = slug and whole.count(slug) == 1 and not label.isdecimal()
        stems[label] = slug if is_plain else f"{number}-{slug}".rstrip("-")
    if len(set(stems.values())) < len(stems):
        return {label: f"{i}-{stem}" for i, (label, stem) in enumerate(stems.items())}
    return stems
