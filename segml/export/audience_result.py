"""What was written for a marketing tool: the result, its page and the record beside the files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from segml import __version__
from segml._core import html, text
from segml._core.errors import ParameterError
from segml.data.account import RowAccount

from .audience_files import AudienceFile
from .audience_rows import CONSENT, Judged
from .audience_systems import SYSTEMS

FORMAT = "segml.audience"
_SHOWN = 5  # files that are listed without being asked for


@dataclass(frozen=True)
class Audience:
    """What was written for a marketing tool, and who was left out; no personal data.

    Parameters
    ----------
    system : str
        Name of the tool, as in `SYSTEMS`.
    run_id : str
        The stamp on the files.
    files : DataFrame
        One row per file: ``file``, ``rows`` (without the header), ``bytes``, ``sha256``; of
        lists also ``segment`` and ``group``.
    segments : DataFrame
        By segment label: ``name``, ``customers`` and ``written``.
    account : RowAccount
        Customers given, written, and left out by reason; what was noted of those written.
    folder : Path
        Where the files are.
    record : Path
        The JSON file beside them that says all this.
    notes : tuple of str
        What to know before the files are sent.
    """

    system: str
    run_id: str
    files: pd.DataFrame
    segments: pd.DataFrame
    account: RowAccount
    folder: Path
    record: Path
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """What happened, in plain words."""
        n, rows = len(self.files), self.account
        what = "1 file" if n == 1 else f"{text.count(n)} files"
        said = (
            f"{text.count(rows.rows_used)} of {text.count(rows.rows_in)} customers are in {what}"
            f" for {SYSTEMS[self.system].label}"
        )
        if not rows.rejected:
            return f"{said}; nobody is left out."
        most = max(rows.rejected, key=lambda reason: rows.rejected[reason])
        return (
            f"{said}; {text.count(rows.rows_rejected)} are left out, most of them for this"
            f" reason: {most} ({text.count(rows.rejected[most])})."
        )

    def _repr_html_(self) -> str:
        shares: list[list[str | html.Cell]] = [
            [
                str(row["name"]),
                text.count(row["customers"]),
                html.Cell(
                    text.count(row["written"]), text.share(row["written"] / row["customers"])
                ),
            ]
            for _, row in self.segments.iterrows()
        ]
        left_out = [
            [reason, text.count(n), text.share(n / self.account.rows_in)]
            for reason, n in self.account.rejected.items()
        ]
        noted = [[what, text.count(n)] for what, n in self.account.noted.items()]
        files = [
            [str(row["file"]), text.count(row["rows"]), f"{text.decimal(row['bytes'] / 1e6)} MB"]
            for _, row in self.files.iterrows()
        ]
        sent = html.table(
            ["file", "rows", "size"],
            files,
            caption=f"Files of run {self.run_id}",
            numeric=(1, 2),
        )
        parts = [
            html.note(self.verdict),
            html.table(
                ["segment", "customers", "written"],
                shares,
                caption="Who is in the files, by segment",
                numeric=(1, 2),
            ),
            html.table(
                ["left out", "customers", "share"],
                left_out,
                caption="Who is not, and why: the first reason counts",
                numeric=(1, 2),
            )
            if left_out
            else "",
            html.table(
                ["written, but", "customers"], noted, caption="What is lacking", numeric=(1,)
            )
            if noted
            else "",
            sent if len(files) <= _SHOWN else html.fold(f"{len(files)} files", sent),
            html.note("The files hold personal data: send them, then delete them."),
            *(html.note(note) for note in self.notes),
        ]
        return html.block(*parts)


def audience_of(
    system: str,
    run_id: str,
    files: Sequence[AudienceFile],
    judged: Judged,
    names: Mapping[str, str],
    account: RowAccount,
    record: Path,
    notes: Sequence[str],
) -> Audience:
    """Return the result of what was written."""
    known, notes = SYSTEMS[system], [*notes]
    short = [f for f in files if f.rows < known.least_rows]
    if short:
        said = ", ".join(f"{file.path.name} has {text.count(file.rows)}" for file in short)
        notes.append(
            f"{known.label} asks for at least {known.least_rows} people in a list: {said}."
        )
    order = sorted(judged.segments, key=lambda label: (not label.isdecimal(), _rank(label), label))
    shown = [label for label in order if label not in ("-1", "noise")]
    table = pd.DataFrame(
        {
            "name": [names[label] for label in shown],
            "customers": [judged.segments[label][0] for label in shown],
            "written": [judged.segments[label][1] for label in shown],
        },
        index=pd.Index(shown, name="segment", dtype=object),
    )
    listed = pd.DataFrame([file.to_dict() for file in files])
    return Audience(system, run_id, listed, table, account, record.parent, record, tuple(notes))


def _rank(label: str) -> int:
    return int(label) if label.isdecimal() else 0


def record_text(audience: Audience) -> str:
    """Return the JSON beside the files: counts and hashes, and nobody's data."""
    account = audience.account
    data = {
        "format": FORMAT,
        "version": 1,
        "system": audience.system,
        "run_id": audience.run_id,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "created_by": f"segml {__version__}",
        "consent": f"customers.{CONSENT}",
        "customers": account.rows_in,
        "written": account.rows_used,
        "left_out": dict(account.rejected),
        "noted": dict(account.noted),
        "segments": audience.segments.reset_index().to_dict("records"),
        "files": [
            {name: value for name, value in row.items() if not pd.isna(value)}
            for row in audience.files.to_dict("records")
        ],
        "notes": list(audience.notes),
    }
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def files_before(record: Path, system: str) -> set[str]:
    """Return the files that the record of an earlier run names.

    Raises
    ------
    ParameterError
        The file in its place is of something else, or of another system.
    """
    if not record.exists():
        return set()
    try:
        data = json.loads(record.read_bytes())
        if data["format"] == FORMAT and data["system"] == system:
            return {Path(str(file["file"])).name for file in data["files"]}
        found = f"a record for {data['system']}"
    except (OSError, ValueError, KeyError, TypeError):
        found = "a file that is not the record of an audience"
    raise ParameterError(
        "something else is in the way of the record",
        where=str(record),
        got=found,
        expected="no file, or the record of an earlier run for the same system",
        hint="take another path for each system",
    )
