"""The pages in a browser: no error, no request, links that lead somewhere, tables that sort."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urldefrag, urlparse

import pytest

from segml.reporting.compare import compare_runs
from segml.reporting.gallery import build_gallery
from segml.reporting.manifest import read_manifest
from segml.reporting.page import Failure, write_page
from segml.reporting.pdf import BROWSERS, find_browser, write_pdf
from segml.reporting.previous import write_comparison

from .test_notebooks import report_of_a_shop

CHROMIUM = find_browser()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason=f"needs one of {', '.join(BROWSERS)} on PATH"),
]
# What playwright and axe themselves let go is no matter of the pages.
NAMES = ["report", "failure", "comparison", "gallery"]
MEGABYTE = 2**20


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    """Return a report, one that failed, their comparison, and the gallery."""
    shop = report_of_a_shop(tmp_path_factory.getbasetemp() / "shop-report")
    # A copy: other tests look at that folder too.
    reports = tmp_path_factory.mktemp("pages") / "reports"
    shutil.copytree(shop.folder / "reports", reports)
    good = reports / shop.result.folder.relative_to(shop.folder / "reports")
    failed = _failed_copy(good)
    write_comparison(failed, replace(read_manifest(failed), status="completed"))
    (good.with_name("20261101T000000Z-aaaaaa")).mkdir()  # of which nothing is known
    build_gallery(reports)
    comparison = compare_runs(good, failed).to_html(reports / "comparison.html")
    return {
        "report": good / "report.html",
        "failure": failed / "report.html",
        "comparison": comparison,
        "gallery": reports / "index.html",
    }


def _failed_copy(good: Path) -> Path:
    """Make a run of other segments that failed in its last notebook."""
    folder = good.with_name("20991231T235959Z-ffffff")
    shutil.copytree(good, folder)
    for later in sorted((folder / "notebooks").iterdir())[3:]:
        later.unlink()
    run = read_manifest(folder)
    why = "KeyError: 'a column that is <gone>'"
    values = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    values |= {
        "run_id": folder.name,
        "status": "failed",
        "reason": why,
        "started_at": "2099-12-31T23:59:59.000+00:00",
        "finished_at": "2099-12-31T23:59:59.500+00:00",
        "alerts": [{"key": "psi", "value": 0.4, "limit": 0.2, "words": "aov drifted: PSI 0.4"}],
        "seed": 8,
        "params": run.params | {"seed": 8},
    }
    (folder / "manifest.json").write_text(json.dumps(values), encoding="utf-8")
    failure = Failure(
        why, run.notebooks[-1].name, 3, 9, "line\n" * 60 + "x" * 300, "segml run p.yml"
    )
    write_page(folder, read_manifest(folder), failure)
    return folder


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser):
    """Return a function that opens a page and notes what it says and asks for."""
    contexts = []

    def open_page(path: Path, width: int = 1200, scheme: str = "light", **options):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, **options
        )
        contexts.append(context)
        page = context.new_page()
        heard = SimpleNamespace(console=[], requests=[])
        page.on("console", lambda message: heard.console.append(message.text))
        page.on("pageerror", lambda error: heard.console.append(str(error)))
        page.on("request", lambda request: heard.requests.append(request.url))
        page.goto(path.as_uri())
        return page, heard

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", NAMES)
def test_page_opens_without_an_error_and_asks_for_nothing(pages, opened, name):
    page, heard = opened(pages[name])
    page.mouse.wheel(0, 20000)
    assert heard.console == []
    assert [url for url in heard.requests if not url.startswith("data:")] == [pages[name].as_uri()]
    assert page.title() == {
        "report": "Customers of an online CD shop",
        "failure": "Customers of an online CD shop",
        "gallery": "Reports",
    }.get(name, page.title())
    assert pages[name].stat().st_size < 3 * MEGABYTE


def test_errors_and_requests_would_be_noticed(pages, opened, tmp_path):
    text = pages["report"].read_text(encoding="utf-8")
    broken = tmp_path / "broken.html"
    picture = '<img src="https://example.org/a.png">'
    evil = "<script>document.title = 'evil'</script>"
    broken.write_text(text.replace("</body>", f"{picture}{evil}</body>"), encoding="utf-8")
    page, heard = opened(broken)
    assert page.title() != "evil"  # the policy of the page allows its own script only
    assert len([line for line in heard.console if "Content Security Policy" in line]) == 2
    (tmp_path / "open.html").write_text(picture, encoding="utf-8")
    page, heard = opened(tmp_path / "open.html")
    assert "https://example.org/a.png" in heard.requests


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(pages, opened, name):
    page, _ = opened(pages[name])
    links = page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")
    assert links
    addresses = [urldefrag(link) for link in links]
    gone = [url for url, _ in addresses if not Path(unquote(urlparse(url).path)).is_file()]
    assert gone == []
    anchors = [unquote(anchor) for _, anchor in addresses if anchor]
    assert {url for url, anchor in addresses if anchor} <= {pages[name].as_uri()}
    # Followed, an anchor brings what it names into view, be it folded in.
    hidden = page.evaluate(
        """async anchors => {
          const hidden = [];
          for (const anchor of anchors) {
            location.hash = "#" + encodeURIComponent(anchor);
            await new Promise(requestAnimationFrame);
            const target = document.getElementById(anchor);
            if (!target || !target.checkVisibility()) hidden.push(anchor);
          }
          return hidden;
        }""",
        anchors,
    )
    assert hidden == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", NAMES)
def test_accessible(pages, opened, name, scheme):
    from axe_playwright_python.sync_playwright import Axe

    # axe is a script of its own, which the page would not run.
    page, _ = opened(pages[name], scheme=scheme, bypass_csp=True)
    if name in ("report", "failure"):
        page.check("#show-code")
    drawn = {"exclude": [["svg > g"]]}  # thousands of shapes; what they say is their label
    found = Axe().run(page, context=drawn).response
    assert "color-contrast" in {rule["id"] for rule in found["passes"]}
    worst = [
        (rule["id"], rule["nodes"][0]["html"][:200])
        for rule in found["violations"]
        if rule["impact"] in ("serious", "critical")
    ]
    assert worst == []


def test_an_inaccessible_page_would_be_noticed(opened, tmp_path):
    from axe_playwright_python.sync_playwright import Axe

    (tmp_path / "bad.html").write_text('<img src="data:,"><p style="color:#ccc">pale</p>')
    page, _ = opened(tmp_path / "bad.html")
    found = {rule["id"] for rule in Axe().run(page).response["violations"]}
    assert {"image-alt", "color-contrast", "html-has-lang"} <= found


@pytest.mark.parametrize("width", [1400, 800, 400])
@pytest.mark.parametrize("name", NAMES)
def test_page_does_not_scroll_sideways(pages, opened, name, width):
    page, _ = opened(pages[name], width=width)
    for action in ("open = false", "open = true"):
        page.evaluate(f"document.querySelectorAll('details').forEach(part => part.{action})")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, action


def _column(table, number: int) -> list[str]:
    return table.locator(f"tbody tr > :nth-child({number})").evaluate_all(
        "all => all.map(cell => cell.firstChild.textContent)"
    )


SORTED = """<table><thead><tr><th scope="col">name</th><th scope="col">money</th>
<th scope="col">when</th><th scope="col">took</th></tr></thead><tbody>
<tr><th scope="row">segment 10</th><td>$1.23M</td><td>2026-01-03</td><td>1:35 min</td></tr>
<tr><th scope="row">Zebra</th><td>n/a</td><td></td><td>59 s</td></tr>
<tr><th scope="row">segment 9</th><td>-$3.00<small>-9 to 4</small></td><td>2025-12-31</td>
<td>10:00 min</td></tr>
<tr><th scope="row">ähnlich</th><td><span class="mark">▲</span>$999,000</td><td>2026-01-02</td>
<td>n/a</td></tr>
<tr><th scope="row">apple</th><td>&lt;$0.10</td><td>2026-11-01</td><td>0:59 min</td></tr>
</tbody></table>"""


@pytest.fixture
def sorting(opened, tmp_path):
    """Open a page with a table whose cells are written as segml writes them."""
    script = (Path(__file__).parents[1] / "segml/reporting/templates/page.js").read_text("utf-8")
    path = tmp_path / "sort.html"
    path.write_text(
        f"<!doctype html><meta charset=utf-8><title>t</title>{SORTED}<script>{script}</script>",
        encoding="utf-8",
    )
    page, heard = opened(path)
    yield page.locator("table")
    assert heard.console == []


def test_tables_sort_by_value_and_what_is_missing_comes_last(sorting):
    head = sorting.locator("th[scope=col]")
    names = ["segment 10", "Zebra", "segment 9", "ähnlich", "apple"]
    assert _column(sorting, 1) == names
    head.nth(1).get_by_role("button").click()
    assert head.nth(1).get_attribute("aria-sort") == "descending"
    by_money = ["segment 10", "ähnlich", "apple", "segment 9", "Zebra"]
    assert _column(sorting, 1) == by_money
    head.nth(1).get_by_role("button").click()
    assert head.nth(1).get_attribute("aria-sort") == "ascending"
    assert _column(sorting, 1) == [*reversed(by_money[:-1]), "Zebra"]
    head.nth(1).get_by_role("button").click()
    assert head.nth(1).get_attribute("aria-sort") is None
    assert _column(sorting, 1) == names


def test_tables_sort_by_text_and_date_and_by_keyboard(sorting):
    head = sorting.locator("th[scope=col]")
    head.nth(0).get_by_role("button").focus()
    sorting.page.keyboard.press("Enter")
    assert head.nth(0).get_attribute("aria-sort") == "ascending"
    assert _column(sorting, 1) == ["ähnlich", "apple", "segment 9", "segment 10", "Zebra"]
    sorting.page.keyboard.press("Tab")
    sorting.page.keyboard.press("Tab")
    sorting.page.keyboard.press("Space")
    assert head.nth(0).get_attribute("aria-sort") is None  # one column at a time
    assert head.nth(2).get_attribute("aria-sort") == "ascending"
    order = ["segment 9", "ähnlich", "segment 10", "apple", "Zebra"]
    assert _column(sorting, 1) == order
    head.nth(3).get_by_role("button").click()
    assert _column(sorting, 1)[:2] == ["segment 9", "segment 10"]


def test_rows_of_a_report_stay_in_their_group(pages, opened):
    page, _ = opened(pages["report"])
    table = page.locator("table:has(tr.group)").first
    rows = "all => all.map(row => row.className + row.cells[0].textContent)"
    before = table.locator("tbody tr").evaluate_all(rows)
    head = table.locator("th[scope=col]").nth(1)
    head.get_by_role("button").click()
    after = table.locator("tbody tr").evaluate_all(rows)
    assert after != before

    def groups(listed):
        heads = [i for i, name in enumerate(listed) if name.startswith("group")]
        ends = [*heads[1:], len(listed)]
        return {listed[i]: set(listed[i + 1 : end]) for i, end in zip(heads, ends, strict=True)}

    assert groups(after) == groups(before)


def test_the_switch_shows_the_code_without_a_script(pages, opened):
    page, _ = opened(pages["report"], java_script_enabled=False)
    code = page.locator("pre.code")
    assert code.count() > 5
    assert not any(code.nth(i).is_visible() for i in range(code.count()))
    page.get_by_label("Show the code").check()
    assert all(code.nth(i).is_visible() for i in range(code.count()))
    assert "open_workspace(params, run_dir)" in code.all_inner_texts()[1]


def test_figures_have_alternative_texts_and_take_the_colour_of_the_page(pages, opened):
    page, _ = opened(pages["report"], scheme="dark")
    figures = page.locator('svg[role="img"]')
    assert figures.count() >= 7
    said = figures.evaluate_all("all => all.map(svg => svg.getAttribute('aria-label'))")
    assert all(len(text) > 40 and any(sign.isdigit() for sign in text) for text in said)
    ink = figures.first.locator("text").first.evaluate("text => getComputedStyle(text).fill")
    assert ink == "rgb(228, 231, 234)"


def test_gallery_is_narrowed_to_what_is_asked_for(pages, opened):
    page, _ = opened(pages["gallery"])
    rows = page.locator("#runs tbody tr")
    total = rows.count()
    assert total >= 2

    def shown() -> int:
        return sum(rows.nth(i).is_visible() for i in range(total))

    assert page.locator("form.filters output").inner_text() == f"{total} of {total} runs"
    page.get_by_label("Status").select_option("failed")
    assert shown() == 1
    assert page.locator("form.filters output").inner_text() == f"1 of {total} runs"
    page.get_by_role("button", name="Show all").click()
    assert shown() == total
    page.locator("[name=from]").fill("2099-01-01")
    assert shown() == 1
    page.locator("[name=to]").fill("2099-06-01")
    assert shown() == 0
    page.get_by_role("button", name="Show all").click()
    page.locator("[name=metric]").select_option("customers")
    page.get_by_label("at least").fill("1")
    assert shown() == total - 1  # the run that has told nothing has no metrics either
    page.get_by_label("at most").fill("2")
    assert shown() == 0


def test_gallery_sorts_by_metric(pages, opened):
    page, _ = opened(pages["gallery"])
    page.get_by_role("button", name="Took").click()
    took = page.locator("#runs td.num:nth-child(4)").evaluate_all(
        "all => all.map(cell => Number(cell.dataset.value))"
    )
    assert took == sorted(took, reverse=True)
    assert len(set(took)) > 1


A4_INSIDE = 680  # CSS pixels between margins of 15 mm


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_cut_on_paper(pages, opened, name):
    page, _ = opened(pages[name], width=A4_INSIDE, scheme="dark")
    page.emulate_media(media="print")
    beyond = page.evaluate(
        """width => [...document.body.querySelectorAll("*")].filter(part => {
          const box = part.getBoundingClientRect();
          return box.width && box.right > width + 1 && !part.closest("svg");
        }).map(part => part.outerHTML.slice(0, 120))""",
        A4_INSIDE,
    )
    assert beyond == []
    styles = page.evaluate(
        """() => [...document.body.querySelectorAll("*")].map(part => getComputedStyle(part))
          .filter(style => style.display !== "none" && (style.position === "fixed"
            || (style.position === "sticky" && style.top !== "auto")
            || [style.overflowX, style.overflowY].includes("auto"))).length"""
    )
    assert styles == 0
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_pdf_has_the_report_on_pages_of_a4(pages):
    path = write_pdf(pages["report"].parent)
    content = path.read_bytes()
    assert path.name == "report.pdf"
    assert content.startswith(b"%PDF")
    assert 5 < content.count(b"/Type /Page\n") < 60
    assert b"/MediaBox [0 0 594.95996 841.91998]" in content
    title = "Customers of an online CD shop"
    assert title in unescape(content.decode("latin-1"))
