"""Read a parameter file; say everything that is wrong with it at once, line by line."""

from __future__ import annotations

import os
import reprlib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from segml._core.check import nearest
from segml._core.errors import ParameterError

from .params import BUILT_IN_SOURCES, ReportParams, model_at

KeyPath = tuple[int | str, ...]

_REPR = reprlib.Repr()  # bounded, whatever aliases make of a small file
_REPR.maxlevel, _REPR.maxstring, _REPR.maxother = 1, 60, 60


class _Loader(yaml.SafeLoader):
    """SafeLoader that leaves an impossible date (2026-02-31) as text, for the schema to refuse."""

    def construct_yaml_timestamp(self, node: yaml.ScalarNode) -> Any:
        try:
            return super().construct_yaml_timestamp(node)
        except ValueError:
            return node.value


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_yaml_timestamp)


def load_params(path: str | os.PathLike[str]) -> ReportParams:
    """Read and check a YAML parameter file.

    Parameters
    ----------
    path : path
        The file.  A relative ``data.source`` in it starts at its folder.

    Returns
    -------
    ReportParams
        With ``data.source`` absolute, unless it is a built-in name.

    Raises
    ------
    ParameterError
        Names the file, and the line, key, value and what is allowed of every problem.
    """
    shown = os.fspath(path)
    text = _read(Path(path), shown)
    root, values = _parse(text, shown)
    lines = _Lines(root, shown)
    if lines.repeated:
        raise _combined(lines.repeated, shown)
    if not isinstance(values, dict):
        raise ParameterError(
            "a parameter file holds keys and values",
            where=shown,
            got=_short(values),
            expected=_KEYS,
        )
    params = validate_params(values, where=shown, _lines=lines)
    return with_source_in(params, Path(path).absolute().parent)


def validate_params(
    values: Mapping[str, Any], where: str = "parameters", *, _lines: _Lines | None = None
) -> ReportParams:
    """Check parameters given as a mapping.

    Parameters
    ----------
    values : mapping
        The parameters, nested as in a file.
    where : str
        What to call them in a message.

    Raises
    ------
    ParameterError
        Lists every problem.

    Examples
    --------
    >>> validate_params({"report": "a", "title": "A", "data": {"source": "cdnow"}}).seed
    1
    >>> validate_params({"report": "a", "title": "A", "data": {"source": "cdnow"}, "sed": 2})
    Traceback (most recent call last):
    ...
    segml._core.errors.ParameterError: one parameter is wrong
      parameters: sed: unknown key, got 2, expected one of report, title, ...; did you mean 'seed'?
      where: parameters
    """
    try:
        return ReportParams.model_validate(dict(values))
    except ValidationError as error:
        found = [_describe(item) for item in error.errors(include_url=False)]
        if _lines is None:
            raise _combined([f"{where}: {text}" for _, text in found], where) from None
        placed = sorted((_lines.line(path), text) for path, text in found)
        raise _combined([f"{where}:{line}: {text}" for line, text in placed], where) from None


def with_source_in(params: ReportParams, folder: Path) -> ReportParams:
    """Return `params` with a relative path of data made absolute from `folder`."""
    source = params.data.source
    if source in BUILT_IN_SOURCES:
        return params
    absolute = os.path.normpath(folder / Path(source).expanduser())
    return params.model_copy(update={"data": params.data.model_copy(update={"source": absolute})})


_KEYS = "the keys " + ", ".join(ReportParams.model_fields)


def _read(path: Path, shown: str) -> str:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        folder = path.parent
        others = [file.name for file in folder.glob("*.y*ml")] if folder.is_dir() else []
        raise ParameterError(
            "there is no such parameter file", where=shown, nearest=nearest(path.name, others)
        ) from None
    except OSError as error:
        raise ParameterError(
            f"cannot read the parameter file: {error.strerror}", where=shown
        ) from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ParameterError(
            "the parameter file is not UTF-8 text",
            where=f"{shown}:{line}",
            got=f"byte 0x{raw[error.start]:02x}",
            hint="save the file as UTF-8",
        ) from None


def _parse(text: str, shown: str) -> tuple[yaml.Node, Any]:
    try:
        root = yaml.compose(text, Loader=_Loader)
        if root is None:
            raise ParameterError("the parameter file is empty", where=shown, expected=_KEYS)
        return root, yaml.load(text, Loader=_Loader)  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ParameterError(
            f"the parameter file is not plain YAML: {error.problem or error.context}",
            where=f"{shown}:{mark.line + 1}" if mark else shown,
            hint=_yaml_hint(str(error.problem)),
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, ParameterError):
            raise
        raise ParameterError(
            "the parameter file is not plain YAML", where=shown, got=str(error).split("\n")[0]
        ) from None


def _yaml_hint(problem: str) -> str | None:
    if "constructor for the tag" in problem:
        return "write the value itself; tags that build objects are not read"
    if "cannot start any token" in problem and "\\t" in problem:
        return "indent with spaces, not tabs"
    return None


class _Lines:
    """Where each key of a file stands, and which keys it repeats."""

    def __init__(self, root: yaml.Node, shown: str) -> None:
        self._shown = shown
        self._at: dict[KeyPath, int] = {(): root.start_mark.line + 1}
        self.repeated: list[str] = []
        self._seen: set[int] = set()
        self._visit(root, ())

    def _visit(self, node: yaml.Node, path: KeyPath) -> None:
        if id(node) in self._seen:  # an alias, which may even hold itself
            return
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                here = (*path, str(key.value))
                line = key.start_mark.line + 1
                if here in self._at and key.value != "<<":
                    self.repeated.append(
                        f"{self._shown}:{line}: {_dotted(here)}: the key is repeated, "
                        f"first on line {self._at[here]}"
                    )
                self._at.setdefault(here, line)
                self._visit(value, here)
        elif isinstance(node, yaml.SequenceNode):
            for i, value in enumerate(node.value):
                self._at[*path, str(i)] = value.start_mark.line + 1
                self._visit(value, (*path, str(i)))

    def line(self, path: KeyPath) -> int:
        """Return the line of a key, or of what holds it where it is missing."""
        path = tuple(str(part) for part in path)
        while path not in self._at:
            path = path[:-1]
        return self._at[path]


def _describe(item: Any) -> tuple[KeyPath, str]:
    """Return the key path of one pydantic error and what it says."""
    path: KeyPath = tuple(part for part in item["loc"] if part != "[key]")
    kind, got = item["type"], item["input"]
    model = model_at(path[:-1])
    allowed = list(model.model_fields) if model else []
    if kind in ("extra_forbidden", "invalid_key"):
        close = nearest(path[-1], allowed)
        text = f"unknown key, got {_short(got)}, expected one of {', '.join(allowed)}"
        text += f"; did you mean {close!r}?" if close else ""
    elif kind == "missing":
        field = model.model_fields[str(path[-1])] if model else None
        text = f"the key is missing, expected {field.description if field else 'a value'}"
    elif kind == "model_type":
        inner = model_at(path)
        keys = ", ".join(inner.model_fields) if inner else ""
        text = f"got {_short(got)}, expected the keys {keys}"
    else:
        text = f"got {_short(got)}, expected {_expected(item)}"
        choices = item.get("ctx", {}).get("expected", "").replace("'", "").replace(" or ", ", ")
        close = nearest(got, choices.split(", ")) if kind == "literal_error" else None
        text += f"; did you mean {close!r}?" if close else ""
    return path, f"{_dotted(path)}: {text}"


def _expected(item: Any) -> str:
    if item["type"] == "literal_error":
        return "one of " + item["ctx"]["expected"].replace(" or ", ", ")
    if item["type"] == "value_error":
        return str(item["ctx"]["error"])
    if item["type"] == "string_pattern_mismatch":
        model = model_at(item["loc"][:-1])
        field = model.model_fields.get(str(item["loc"][-1])) if model else None
        if field is not None and field.description:
            return field.description
        return "letters, digits, _ and - only"
    if item["type"].startswith("int_"):
        return "a whole number"
    message = str(item["msg"]).removeprefix("Input should be ").removeprefix("Input should ")
    if item["type"].startswith(("greater_than", "less_than")):
        return f"a number {message}"
    return message[:1].lower() + message[1:]


def _short(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else _REPR.repr(value)


def _dotted(path: KeyPath) -> str:
    return ".".join(str(part) for part in path)


def _combined(found: list[str], where: str) -> ParameterError:
    head = "one parameter is wrong" if len(found) == 1 else f"{len(found)} parameters are wrong"
    return ParameterError("\n  ".join([head, *found]), where=where)
