"""The list of all features in docs/features.md: ``python -m segml.features.listing`` renews it."""

from __future__ import annotations

from pathlib import Path

from segml._core.files import write_text

from .feature import Feature
from .registry import FEATURES, kinds

MARK = "<!-- what follows is written by python -m segml.features.listing -->\n"
PAGE = Path(__file__).parents[2] / "docs" / "features.md"


def features_markdown() -> str:
    """Return tables in Markdown of the registered features, one per kind.

    Examples
    --------
    >>> features_markdown().splitlines()[5]
    '| `orders` | Number of orders so far. | count | not applicable |'
    """
    parts = []
    for kind in kinds():
        lines = [
            f"## {kind.capitalize()}",
            "",
            "| feature | meaning | unit | missing means |",
            "| --- | --- | --- | --- |",
        ]
        lines += [_row(name, one) for name, one in FEATURES.items() if one.kind == kind]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def with_list(page: str) -> str:
    """Return a page with the list of features after its mark renewed."""
    return page.partition(MARK)[0] + MARK + "\n" + features_markdown()


def _row(name: str, feature: Feature) -> str:
    missing = "never missing" if feature.missing == "zero" else feature.missing
    meaning = feature.meaning.replace("{level}", "*level*").replace("|", "\\|")
    return f"| `{name}` | {meaning} | {feature.unit} | {missing} |"


if __name__ == "__main__":
    write_text(PAGE, with_list(PAGE.read_text(encoding="utf-8")))
