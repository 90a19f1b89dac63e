"""The report in a browser: it opens without an error, fetches nothing and fits a phone."""

from __future__ import annotations

import re
import shutil
import subprocess
from html import escape, unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from .test_notebooks import report_of_a_shop

CHROMIUM = next(
    (
        found
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (found := shutil.which(name))
    ),
    None,
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None,
        reason="needs chromium, chromium-browser or google-chrome on PATH",
    ),
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return report_of_a_shop(tmp_path_factory.getbasetemp() / "shop-report")


@pytest.fixture(scope="module")
def pages(shop) -> dict[str, Path]:
    return {"report": shop.result.html, "gallery": shop.folder / "reports" / "index.html"}


def chromium(page: Path, profile: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    assert CHROMIUM is not None
    return subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={profile}",
            "--enable-logging=stderr",
            "--v=0",
            *flags,
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


def console(run: subprocess.CompletedProcess[str]) -> list[str]:
    """Return what the page wrote to the browser's console: errors, and what was refused."""
    return [line for line in run.stderr.splitlines() if ":CONSOLE" in line]


WIDTH = 400
PROBE = """<!doctype html><meta charset="utf-8"><title>waiting</title>
<iframe id="phone" style="width:{width}px;height:900px;border:0" srcdoc="{page}"></iframe>
<script>
addEventListener("load", () => {{
  const root = document.getElementById("phone").contentDocument.documentElement;
  document.title = `measured ${{root.scrollWidth}} of ${{root.clientWidth}}, ` +
    `${{root.querySelectorAll("*").length}} elements`;
}});
</script>"""


def measure(page: str, tmp_path: Path) -> tuple[int, int, int]:
    """Return how wide a page is in a window of 400 px, how wide its view is, and its elements."""
    wrapper = tmp_path / "phone.html"
    wrapper.write_text(PROBE.format(width=WIDTH, page=escape(page)), encoding="utf-8")
    dom = chromium(wrapper, tmp_path / "profile", "--dump-dom", "--window-size=900,1000").stdout
    found = re.search(r"<title>measured (\d+) of (\d+), (\d+) elements</title>", dom)
    assert found, dom[:300]
    wide, view, elements = map(int, found.groups())
    return wide, view, elements


@pytest.mark.parametrize("name", ["report", "gallery"])
def test_page_opens_without_an_error(pages, name, tmp_path):
    run = chromium(pages[name], tmp_path, "--dump-dom")
    assert console(run) == []
    title = unescape(re.search(r"<title>(.*?)</title>", run.stdout)[1])
    assert title == {"report": "Customers of an online CD shop", "gallery": "Reports"}[name]
    if name == "report":
        assert run.stdout.count('<svg role="img"') == 7


def test_errors_and_requests_would_be_noticed(pages, tmp_path):
    page = pages["report"].read_text(encoding="utf-8")
    broken = tmp_path / "broken.html"
    broken.write_text(
        page.replace("</body>", '<img src="https://example.org/a.png"></body>'), encoding="utf-8"
    )
    (line,) = console(chromium(broken, tmp_path / "a", "--dump-dom"))
    assert "Content Security Policy" in line
    broken.write_text("<script>console.error('seen')</script>", encoding="utf-8")
    (line,) = console(chromium(broken, tmp_path / "b", "--dump-dom"))
    assert "seen" in line


class Addresses(HTMLParser):
    """Every address that a browser would fetch without being asked, and every style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.styles: list[str] = []
        self._style = False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self._style = tag == "style"
        for name, value in attrs:
            fetching = ("src", "srcset", "poster", "data", "action", "background")
            if name in fetching or (name.endswith("href") and tag != "a"):
                self.fetched.append(value or "")
            else:
                self.styles += re.findall(r"url\(\s*['\"]?([^)'\"]*)", value or "")

    def handle_data(self, data):
        if self._style:
            self.styles += re.findall(r"url\(\s*['\"]?([^)'\"]*)|@import", data)


@pytest.mark.parametrize("name", ["report", "gallery"])
def test_page_refers_to_nothing_outside_itself(pages, name):
    page = Addresses(pages[name].read_text(encoding="utf-8"))
    outside = [
        address for address in page.fetched + page.styles if not address.startswith(("#", "data:"))
    ]
    assert outside == []
    assert bool(page.fetched + page.styles) == (name == "report")  # drawings use their own parts


@pytest.mark.parametrize("name", ["report", "gallery"])
def test_page_does_not_scroll_sideways_on_a_phone(pages, name, tmp_path):
    page = pages[name].read_text(encoding="utf-8")
    wide, view, elements = measure(page, tmp_path)
    assert elements > {"report": 1000, "gallery": 30}[name]
    assert 380 <= view <= WIDTH  # less the scroll bar
    assert wide <= view


def test_a_page_that_is_too_wide_would_be_noticed(tmp_path):
    wide, view, _ = measure('<div style="width:600px">"wide" & more</div>', tmp_path)
    assert wide >= 600 > view


def test_open_details_do_not_make_the_page_wider(pages, tmp_path):
    page = pages["report"].read_text(encoding="utf-8")
    assert "<details>" in page
    wide, view, _ = measure(page.replace("<details>", "<details open>"), tmp_path)
    assert wide <= view
