"""A parameter file with every key, its default and what it means, written from the schema."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from .params import ReportParams

_WIDTH = 88
_EXAMPLES: Mapping[str, Any] = {
    "report": "my_shop",
    "title": "Customers of my shop",
    "data.source": "cdnow",
}


def params_template(given: Mapping[str, Any] | None = None) -> str:
    r"""Return a parameter file with every key.

    Parameters
    ----------
    given : mapping, optional
        Values by dotted key, in the place of the defaults.

    Returns
    -------
    str
        YAML: above each key what it is; keys that keep their default are written out, so
        that a file says what it does even when a default changes.

    Examples
    --------
    >>> print("\n".join(params_template({"title": "Roses"}).splitlines()[3:9]))
    # folder below reports/: lower-case letters, digits, _ and -
    report: my_shop
    <BLANKLINE>
    # title of the page
    title: Roses
    """
    values = {**_EXAMPLES, **(given or {})}
    head = [
        "# Parameters of a report: `segml run` with this file. Keys may be left out; they then",
        "# have the value that stands here. `segml validate` says what is wrong with a file.",
        "",
    ]
    return "\n".join([*head, *_lines(ReportParams, "", values)]).rstrip() + "\n"


def parameter_list() -> list[tuple[str, str, str]]:
    """Return key, default and meaning of every parameter, in the order of the schema.

    Examples
    --------
    >>> parameter_list()[2]
    ('seed', '1', 'seed of everything random')
    """
    return [
        (key, "required" if field.is_required() else _yaml(field.default), _meaning(field))
        for key, field in _fields(ReportParams, "")
    ]


def _fields(model: type[BaseModel], above: str) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        if (inner := _model(field)) is not None:
            yield from _fields(inner, f"{above}{name}.")
        else:
            yield f"{above}{name}", field


def _lines(model: type[BaseModel], above: str, values: Mapping[str, Any]) -> Iterator[str]:
    indent = "  " * above.count(".")
    for name, field in model.model_fields.items():
        key = f"{above}{name}"
        yield from textwrap.wrap(
            _meaning(field), _WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# "
        )
        if (inner := _model(field)) is not None:
            yield f"{indent}{name}:"
            yield from _lines(inner, f"{key}.", values)
        else:
            value = values.get(key, field.default)
            line = f"{indent}{name}: {_yaml(value)}"
            if isinstance(value, list) and len(line) > _WIDTH:
                line = "\n".join([f"{indent}{name}:", *(f"{indent}  - {_yaml(v)}" for v in value)])
            yield line
            yield ""


def _model(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _meaning(field: FieldInfo) -> str:
    return field.description or ""


def _yaml(value: Any) -> str:
    text: str = yaml.safe_dump(
        value, default_flow_style=True, width=10_000, allow_unicode=True, sort_keys=False
    )
    return text.removesuffix("...\n").strip()
