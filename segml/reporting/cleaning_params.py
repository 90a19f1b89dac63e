"""The cleaning policy as a section of the parameters: its fields, defaults and words."""

from __future__ import annotations

import dataclasses
import inspect
import re
from typing import TYPE_CHECKING, Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from segml._core.errors import ParameterError
from segml.data import CleaningPolicy

from .param_types import Day, Real

# What YAML writes otherwise than Python: ids may be numbers there.
_TYPES: dict[str, Any] = {
    "latest": Day | None,
    "outlier_quantile": Real,
    "rates": dict[str, Real],
    "test_customers": list[str | int],
}
_OF_THE_REPORT = ("currency",)


class _Cleaning(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="after")
    def _as_the_policy_takes_it(self) -> _Cleaning:
        try:
            self.policy("EUR")  # any: it belongs to the report
        except ParameterError as error:
            raise ValueError(error.problem.expected or error.problem.what) from error
        return self

    def policy(self, currency: str) -> CleaningPolicy:
        """Return the policy of a report in a currency; amounts are converted where rates are."""
        asked = self.model_dump()
        asked["test_customers"] = tuple(map(str, asked["test_customers"]))
        return CleaningPolicy(**asked, currency=currency if asked["rates"] else "")


def _descriptions() -> dict[str, str]:
    """Read what the parameters of the policy mean from where it is written."""
    text = inspect.getdoc(CleaningPolicy) or ""
    section = text.partition("Parameters\n----------\n")[2].partition("\n\nRaises")[0]
    found = re.findall(r"^(\w+) : .*\n((?:    .*\n?)+)", section, flags=re.MULTILINE)
    return {name: " ".join(lines.split()).rstrip(".") for name, lines in found}


def _fields() -> dict[str, Any]:
    hints, words = get_type_hints(CleaningPolicy), _descriptions()
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(CleaningPolicy):
        if field.name in _OF_THE_REPORT:
            continue
        empty: dict[str, Any] = {"test_customers": [], "rates": {}}
        default = empty.get(field.name, field.default)
        kind = _TYPES.get(field.name, hints[field.name])
        fields[field.name] = (kind, Field(default=default, description=words[field.name]))
    return fields


if TYPE_CHECKING:

    class CleaningParams(_Cleaning):
        """What to do with rows that can be read but are doubtful."""

else:
    CleaningParams = create_model(
        "CleaningParams",
        __base__=_Cleaning,
        __doc__="What to do with rows that can be read but are doubtful.",
        **_fields(),
    )
