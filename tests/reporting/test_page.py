from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from segml._core.errors import SegmlWarning
from segml._core.html import STYLE, facts
from segml.reporting.headlines import Headline, headlines
from segml.reporting.manifest import read_manifest
from segml.reporting.notebook_html import Document, build, slug
from segml.reporting.outputs import Code, Error, Html, Image, Pre, Text, pieces
from segml.reporting.page import Failure, render_page

from .conftest import PNG

VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """Tags, ids, links and visible text; complains about tags that do not pair."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if not self._open or self._open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)

    def values(self, name: str) -> list[str]:
        return [attrs[name] or "" for _, attrs in self.tags if name in attrs]

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module")
def html(finished):
    return finished.good.html.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def test_page_is_one_file_that_fetches_nothing(html, page):
    assert {"link", "iframe", "object", "embed"}.isdisjoint(tag for tag, _ in page.tags)
    for name in ("src", "srcset", "poster", "background"):
        assert all(value.startswith("data:image/") for value in page.values(name))
    assert not re.search(r"url\(|@import", html.partition("<script>")[0])
    (policy,) = [
        m["content"] for m in page.named("meta") if m.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'")
    # Of scripts only the page's own runs: the policy holds its hash.
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert not re.search(r"fetch\(|XMLHttp|import\(|eval\(|innerHTML", script)
    outside = [link for link in page.values("href") if re.match(r"(https?:)?//", link)]
    assert outside == ["https://example.org", "https://example.org/a.png"]  # links, to be clicked


def test_page_hides_its_code_and_has_no_noise(html, page):
    code = [attrs for tag, attrs in page.tags if attrs.get("class") == "code"]
    assert len(code) == 4  # each notebook's own two cells; not those that papermill added
    assert "marker_of_code = 6 * 7" in page.text
    assert "import base64, json, os, sys" in page.text
    without = re.sub(r'<pre class="code">.*?</pre>', "", html, flags=re.DOTALL)
    for text in ("marker_of_code", "run_dir", "import json", "kept off the page", "papermill-"):
        assert text not in Page(without).text
    assert "pre.code { display: none;" in html
    assert ".code-switch:checked ~ section pre.code { display: block; }" in html
    assert re.search(r'<input type="checkbox" id="show-code"[^>]*><label for="show-code">', html)


def test_page_shows_every_kind_of_output(page):
    assert "printed <b>text</b>" in page.text
    assert "42" in page.text
    assert "finding" in page.text
    images = page.named("img")
    assert [image["alt"] for image in images] == ["Champions lead", "Figure in The end"]
    assert images[0]["src"] == f"data:image/png;base64,{PNG}"
    assert images[1]["src"].startswith("data:image/svg+xml;base64,")


def test_text_of_data_and_of_markdown_is_escaped(html):
    assert html.count("<script>") == 1  # the page's own
    assert "&lt;script&gt;evil()&lt;/script&gt;" in html
    assert "<img src=x" not in html
    assert "&lt;img src=x onerror=evil()&gt;" in html
    assert "<title>A &lt;title&gt; &amp; more</title>" in html


def test_style_of_results_is_there_once_and_in_the_head(html):
    assert html.count("<style data-segml>") == 1
    assert html.index(STYLE) < html.index("<body>")


def test_anchors_are_unique_and_every_link_within_the_page_resolves(page):
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    inside = [link[1:] for link in page.values("href") if link.startswith("#")]
    assert set(inside) <= set(ids)
    assert {"orders", "orders-2", "who-what", "from-an-output", "the-end"} <= set(ids)
    assert inside.count("the-end") == 3  # contents twice (side and fold), text once
    assert "nowhere" not in inside


def test_page_is_well_formed_for_readers(html, page):
    assert html.startswith("<!doctype html>\n<html lang=")
    assert {"main", "header", "footer", "nav", "h1"} <= {tag for tag, _ in page.tags}
    assert len(page.named("h1")) == 1
    assert {"name": "color-scheme", "content": "light dark"} in page.named("meta")
    for feature in ("prefers-color-scheme: dark", "prefers-reduced-motion", "@media print"):
        assert feature in html


def test_page_names_the_run_its_parameters_and_versions(page, finished):
    assert finished.good.run_id in page.text
    assert "manifest.json" in page.values("href")
    for text in ("clv.horizon", "52.0", "papermill", "orders.csv"):
        assert text in page.text
    assert str(finished.root) not in page.text


def test_rendering_again_gives_the_same_bytes(html, finished):
    folder = finished.good.folder
    assert render_page(folder, read_manifest(folder)) == html


def test_failure_page(finished):
    html = (finished.error.run_folder / "report.html").read_text(encoding="utf-8")
    page = Page(html)
    assert "This run failed" in page.text
    assert "In bad, cell 4 of 5." in page.text
    assert "segml run params/fails.yml" in page.text
    assert "first: not run" in page.text
    assert html.index("This run failed") < html.index('id="the-end"')
    assert "Execution using papermill" not in html
    assert "An Exception was encountered" not in html
    assert "\x1b" not in html
    assert "before" in page.text


def test_failure_without_a_place():
    failure = Failure("OSError: disk full")
    assert failure.place == ""
    assert replace(failure, notebook="a").place == "a"
    assert replace(failure, notebook="a", cell=2, of=3).place == "a, cell 2 of 3"


def code(*outputs):
    return {"cells": [{"cell_type": "code", "metadata": {}, "source": "", "outputs": outputs}]}


def display(metadata=None, **data):
    named = {key.replace("_", "/"): value for key, value in data.items()}
    return {"output_type": "display_data", "data": named, "metadata": metadata or {}}


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def test_progress_bars_and_split_prints_read_as_in_a_terminal():
    made = pieces(code(stream(["a\n", "10%\r"]), stream("noise", "stderr"), stream("100%\nend\n")))
    assert made == [Pre("a\n100%\nend", stream=True)]
    assert pieces(code(stream("\n\n"))) == []
    assert pieces(code(stream("\x1b[1mbold\x1b[0m"))) == [Pre("bold", stream=True)]


def test_the_richest_form_of_an_output_is_shown():
    both = display(text_plain="plain", text_html=["<b>", "rich</b>"])
    assert pieces(code(both)) == [Html("<b>rich</b>")]
    assert pieces(code(display(text_plain="plain"))) == [Pre("plain", stream=False)]
    assert pieces(code(display(text_markdown="*x*", text_plain="x"))) == [Text("*x*")]
    assert pieces(code(display(application_json="{}"))) == []


@pytest.mark.parametrize(
    "text",
    ["<Figure size 640x480 with 1 Axes>", "<Axes: title='x'>", "<a.B object at 0x7f00deadbeef>"],
)
def test_texts_that_only_name_an_object_are_left_out(text):
    assert pieces(code(display(text_plain=text))) == []


def test_alternative_text_and_width_of_a_picture():
    png = {"image_png": "AA\n==", "text_plain": "<Figure size 1x1>"}
    about = {"image/png": {"alt": 'says "more"', "width": 300}}
    (picture,) = pieces(code(display(about, **png)))
    assert picture == Image("image/png", "AA\n==", 'says "more"', 300)
    body = build([("n", [picture])], Path()).sections[0].body
    assert 'src="data:image/png;base64,AA==" alt="says &quot;more&quot;" width="300"' in body


def test_error_output_is_shown_folded():
    output = {
        "output_type": "error",
        "ename": "ValueError",
        "evalue": "<x>",
        "traceback": ["\x1b[31mline\x1b[0m"],
    }
    assert pieces(code(output)) == [Error("ValueError: <x>", "line")]
    body = build([("n", pieces(code(output)))], Path()).sections[0].body
    assert "ValueError: &lt;x&gt;" in body
    assert "<summary>Traceback</summary>" in body


def rendered(source: str, folder: Path = Path(), **attachments: dict[str, str]) -> Document:
    return build([("01_my_notes", [Text(source, attachments)])], folder)


def test_top_heading_of_a_notebook_is_h2_whatever_its_level():
    for source in ("# A\n\n## B", "## A\n\n### B", "A\n=\n\nB\n-"):
        headings = rendered(source).sections[0].headings
        assert [(h.level, h.text) for h in headings] == [(2, "A"), (3, "B")]


def test_notebook_without_headings_is_headed_by_its_name():
    section = rendered("Just text").sections[0]
    assert section.body.startswith('<h2 id="my-notes">My notes</h2>')


def test_headings_with_markup():
    (heading,) = rendered("# *Big* `code` & <more>").sections[0].headings
    assert heading.text == "Big code & <more>"
    assert slug(heading.text) == heading.id == "big-code-more"


def test_heading_in_a_code_block_is_none():
    document = rendered("# Real\n\n```\n# not a heading\n```\n\n> ## Quoted")
    assert [h.text for h in document.sections[0].headings] == ["Real", "Quoted"]


def test_script_and_link_of_an_output_are_taken_out():
    source = '<div>kept<script src="https://x">a</script><link rel="x" href="https://x"></div>'
    body = build([("n", [Html(source)])], Path()).sections[0].body
    assert '<div class="output scroll" tabindex="0"><div>kept</div></div>' in body
    (document,) = build([("n", [Html('<div class="segml">x</div>')])], Path()).sections
    assert '<div class="output"><div class="segml">x</div></div>' in document.body


def test_pictures_of_markdown_come_from_the_run_folder_or_the_cell(tmp_path):
    (tmp_path / "run" / "artefacts").mkdir(parents=True)
    (tmp_path / "run" / "artefacts" / "a.png").write_bytes(b"png")
    (tmp_path / "secret.png").write_bytes(b"secret")
    run = tmp_path / "run"
    body = rendered("![near](artefacts/a.png)", run).sections[0].body
    assert '<img src="data:image/png;base64,cG5n" alt="near">' in body
    body = rendered("![out](../secret.png)", run).sections[0].body
    assert "<img" not in body
    body = rendered("![pasted](attachment:p.png)", run, **{"p.png": {"image/png": "QUJD"}})
    assert '<img src="data:image/png;base64,QUJD" alt="pasted">' in body.sections[0].body


def test_script_links_are_disarmed():
    assert "javascript:" not in rendered("[x](javascript:evil())").sections[0].body


def test_notebooks_of_the_run_are_read_back(finished):
    path = finished.good.folder / "notebooks" / "second.ipynb"
    kinds = [type(piece) for piece in pieces(json.loads(path.read_text()))]
    assert kinds == [Code, Text, Code, Image]


def test_code_of_a_cell_comes_before_its_outputs():
    notebook = code(stream("out"))
    notebook["cells"][0]["source"] = ["\n", "a = '<b>'\n", "a"]
    assert pieces(notebook) == [Code("a = '<b>'\na"), Pre("out", stream=True)]
    body = build([("n", pieces(notebook))], Path()).sections[0].body
    assert '<pre class="code"><code>a = &#x27;&lt;b&gt;&#x27;\na</code></pre>' in body


def test_cells_for_readers_of_the_notebook_stay_there():
    cell = {"cell_type": "markdown", "metadata": {"tags": ["notebook-only"]}, "source": "how to"}
    assert pieces({"cells": [cell, {**cell, "metadata": {}}]}) == [Text("how to")]


FACTS = Html(facts([("Customers", "1,234", "of <all>"), ("Revenue", "$5", "")]))


def test_headline_numbers_are_the_first_facts_of_each_notebook(tmp_path):
    more = Html(facts([("customers", "1,234", ""), ("Loyal & new", "12%", ""), ("Gone", "1%", "")]))
    told = [("a", [Text("# A"), FACTS, more]), ("b", [more, FACTS]), ("c", [FACTS])]
    assert headlines(tmp_path, told) == [
        Headline("Customers", "1,234", "of <all>", "a"),
        Headline("Revenue", "$5", "", "a"),
        Headline("Loyal & new", "12%", "", "b"),
        Headline("Gone", "1%", "", "b"),
    ]
    assert headlines(tmp_path, [("a", [Html("<dl><dt>x</dt></dl>"), Pre("x", stream=True)])]) == []


def test_headline_numbers_that_notebooks_name_come_first(tmp_path):
    (tmp_path / "artefacts").mkdir()
    file = tmp_path / "artefacts" / "headlines.json"
    file.write_text('[{"label": "A", "value": 5}, {"label": "B", "value": "x", "note": null}]')
    assert headlines(tmp_path, [("a", [FACTS])]) == [Headline("A", "5"), Headline("B", "x")]
    file.write_text("[]")
    assert [one.label for one in headlines(tmp_path, [("a", [FACTS])])] == ["Customers", "Revenue"]


@pytest.mark.parametrize("content", ["{", "5", '{"label": 1}', '["a"]', '[{"label": "A"}]', "\xff"])
def test_headline_numbers_that_cannot_be_read_are_passed_over_aloud(tmp_path, content):
    (tmp_path / "artefacts").mkdir()
    (tmp_path / "artefacts" / "headlines.json").write_bytes(content.encode("latin-1"))
    with pytest.warns(SegmlWarning, match=r"headlines\.json"):
        found = headlines(tmp_path, [("a", [FACTS])])
    assert len(found) == 2


def test_page_has_headlines_alerts_and_the_way_to_what_changed(finished):
    folder = finished.good.folder
    run = read_manifest(folder)
    alert = {"key": "psi", "value": 1.0, "limit": 0.2, "words": "aov <drifted>"}
    told = Page(render_page(folder, replace(run, alerts=(alert,))))
    assert "1 alert" in told.text
    assert "aov <drifted>" in told.text
    assert "compare.html" not in told.values("href")
    assert "took" in told.text


def test_page_lists_notebooks_with_status_time_and_memory(finished):
    run = read_manifest(finished.good.folder)
    first = replace(run.notebooks[0], status="reused", reused_from="R1", peak_memory_mb=1234.5)
    html = render_page(finished.good.folder, replace(run, notebooks=(first, *run.notebooks[1:])))
    page = Page(html)
    assert "reused from run R1" in page.text
    assert "1,234 MiB" in page.text
