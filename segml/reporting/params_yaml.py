"""A parameter file as YAML: its values, and on which line each key stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from segml._core.check import nearest
from segml._core.errors import ParameterError

KeyPath = tuple[int | str, ...]


class Loader(yaml.SafeLoader):
    """SafeLoader that leaves an impossible date (2026-02-31) as text, for the schema to refuse."""

    def construct_yaml_timestamp(self, node: yaml.ScalarNode) -> Any:
        """Return a date, or the text where there is no such day."""
        try:
            return super().construct_yaml_timestamp(node)
        except ValueError:
            return node.value


Loader.add_constructor("tag:yaml.org,2002:timestamp", Loader.construct_yaml_timestamp)


def read_file(path: Path, shown: str) -> str:
    """Return the text of a parameter file."""
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


def parse(text: str, shown: str, expected: str) -> tuple[yaml.Node, Any]:
    """Return the nodes of a file and its values; `expected` says what an empty one lacks."""
    try:
        root = yaml.compose(text, Loader=Loader)
        if root is None:
            raise ParameterError("the parameter file is empty", where=shown, expected=expected)
        return root, yaml.load(text, Loader=Loader)  # a SafeLoader
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


class Lines:
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
                        f"{self._shown}:{line}: {dotted(here)}: the key is repeated, "
                        f"first on line {self._at[here]}"
                    )
                self._at.setdefault(here, line)
                self._visit(value, here)
        elif isinstance(node, yaml.SequenceNode):
            for i, value in enumerate(node.value):
                self._at[*path, str(i)] = value.start_mark.line + 1
                self._visit(value, (*path, str(i)))

    def __len__(self) -> int:
        return max(self._at.values())

    def line(self, path: KeyPath) -> int:
        """Return the line of a key, or of what holds it where it is missing."""
        path = tuple(str(part) for part in path)
        while path not in self._at:
            path = path[:-1]
        return self._at[path]


def dotted(path: KeyPath) -> str:
    """Return a key path as people write it.

    Examples
    --------
    >>> dotted(("clustering", "features", 0))
    'clustering.features.0'
    """
    return ".".join(str(part) for part in path)
