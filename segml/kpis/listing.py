"""The list of all KPIs in docs/kpis.md: ``python -m segml.kpis.listing`` renews it."""

from __future__ import annotations

from pathlib import Path

from segml._core.files import write_text

from .kpi import KPI
from .registry import KPIS
from .table_html import GROUPS, INTERVALS

MARK = "<!-- what follows is written by python -m segml.kpis.listing -->\n"
PAGE = Path(__file__).parents[2] / "docs" / "kpis.md"


def kpis_markdown() -> str:
    """Return tables in Markdown of the registered KPIs, one per group.

    Examples
    --------
    >>> kpis_markdown().splitlines()[0]
    '## Size'
    """
    parts = []
    for group, title in GROUPS.items():
        lines = [
            f"## {title}",
            "",
            "| KPI | definition | unit | better | tables | interval |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        lines += [_row(kpi) for kpi in KPIS.values() if kpi.group == group]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def with_list(page: str) -> str:
    """Return a page with the list of KPIs after its mark renewed."""
    return page.partition(MARK)[0] + MARK + "\n" + kpis_markdown()


def _row(kpi: KPI) -> str:
    better = {True: "higher", False: "lower", None: "neither"}[kpi.higher_is_better]
    tables = ", ".join(kpi.tables) or (f"prediction {kpi.prediction}" if kpi.prediction else "")
    formula = kpi.formula.replace("|", "\\|")
    cells = [f"`{kpi.name}`", formula, kpi.unit, better, tables or "orders"]
    return f"| {' | '.join(cells)} | {INTERVALS[kpi.interval]} |"


if __name__ == "__main__":
    write_text(PAGE, with_list(PAGE.read_text(encoding="utf-8")))
