from __future__ import annotations

import json
import re
from dataclasses import replace

import mistune
import pytest

from segml._core.errors import DataError
from segml.reporting.manifest import read_manifest
from segml.reporting.summary import summarise, write_summary

from .test_compare import NEW, NEW_NAMES, OLD, OLD_NAMES, run


@pytest.fixture
def folder(tmp_path):
    run(tmp_path, "20261121T010000Z-aaaaaa", OLD, OLD_NAMES, params={"seed": 1})
    alert = {"key": "x", "value": 1.0, "limit": 0.5, "words": "*aov* <drifted>, [see](http://x)"}
    made = run(
        tmp_path,
        "20261121T020000Z-bbbbbb",
        NEW,
        NEW_NAMES,
        params={"seed": 2},
        title="A `shop` & more",
        alerts=(alert,),
    )
    numbers = [{"label": "Customers_all", "value": "1,234", "note": "of #1"}]
    (made / "artefacts" / "headlines.json").write_text(json.dumps(numbers))
    return made


def test_summary_has_what_a_chat_needs(folder):
    text = write_summary(folder).read_text(encoding="utf-8")
    assert (folder / "summary.md").is_file()
    html = mistune.html(text)
    words = re.sub(r"<[^>]+>", "", html)
    assert "A `shop` &amp; more: completed, 1 alert" in words
    assert "*aov* &lt;drifted&gt;, [see](http://x)" in words
    assert "1 parameter differs: seed." in words
    assert "12% of customers" in words
    assert "Customers_all: 1,234 (of #1)" in words
    place = f"{folder.parent.name}/{folder.name}/report.html"
    assert re.findall(r'href="([^"]*)"', html) == [place]
    assert "secret" not in text
    assert str(folder.parents[1]) not in text
    assert write_summary(folder).read_text(encoding="utf-8") == text


def test_link_to_where_reports_are_published(folder):
    said = summarise(folder, "https://example.org/our reports/")
    assert said.link.startswith("https://example.org/our reports/")
    assert said.link.endswith(f"/{folder.name}/report.html")
    assert f"](<{said.link}>)" in said.markdown()


def test_summary_of_a_failed_run_says_why(folder):
    read = replace(read_manifest(folder), status="failed", reason="KeyError: 'x'", alerts=())
    read.write(folder)
    said = summarise(folder)
    assert said.changes == ()
    assert said.subject == "A `shop` & more: failed"
    assert "Why: KeyError: 'x'" in said.text()
    assert "Why: KeyError: 'x'" in said.markdown()


def test_summary_without_a_run_before_or_numbers(tmp_path):
    folder = run(tmp_path, "20261121T010000Z-aaaaaa")
    text = write_summary(folder).read_text(encoding="utf-8")
    assert "Since the run before" not in text
    assert "Headline" not in text


def test_summary_of_no_run(tmp_path):
    with pytest.raises(DataError, match="manifest"):
        write_summary(tmp_path)
