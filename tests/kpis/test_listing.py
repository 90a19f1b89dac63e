from __future__ import annotations

from segml.kpis import KPIS
from segml.kpis.listing import MARK, PAGE, kpis_markdown, with_list


def test_the_page_lists_every_kpi_as_the_registry_has_it():
    page = PAGE.read_text(encoding="utf-8")
    assert page.count(MARK) == 1
    assert page == with_list(page), "run python -m segml.kpis.listing"


def test_every_kpi_has_one_row():
    rows = [line for line in kpis_markdown().splitlines() if line.startswith("| `")]
    assert sorted(line.split("`")[1] for line in rows) == sorted(KPIS)
    assert {line.count(" | ") for line in rows} == {5}
