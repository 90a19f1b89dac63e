from __future__ import annotations

import json
import re
from dataclasses import replace

import pandas as pd

from segml.reporting.gallery import build_gallery
from segml.reporting.manifest import read_manifest
from segml.reporting.metrics import run_metrics

from .test_manifest import manifest
from .test_page import Page


def run(reports, report, run_id, **changes):
    folder = reports / report / run_id
    folder.mkdir(parents=True)
    made = replace(manifest(), run_id=run_id, report=report, **changes)
    made.write(folder)
    (folder / "report.html").write_text("x")
    return folder


def test_runs_newest_first_by_report_with_every_status(tmp_path):
    done = {"status": "completed", "finished_at": "2026-11-20T02:01:05.000+00:00"}
    started = "2026-11-20T02:00:00.000+00:00"
    run(tmp_path, "old", "20261120T020000Z-aaaaaa", title="Old <b>", started_at=started, **done)
    run(tmp_path, "new", "20261121T020000Z-bbbbbb", title="New", pid=2**22 + 1)
    failed = {"status": "failed", "reason": "KeyError: 'x'", "finished_at": started}
    run(tmp_path, "new", "20261119T020000Z-cccccc", title="Was", started_at=started, **failed)
    run(tmp_path, "new", "20261122T020000Z-dddddd", title="New")
    (tmp_path / "new" / "20261118T020000Z-eeeeee").mkdir()
    broken = tmp_path / "broken" / "20261117T020000Z-ffffff"
    broken.mkdir(parents=True)
    (broken / "manifest.json").write_text("{")
    (tmp_path / "README.md").write_text("not a run")
    (tmp_path / ".hidden").mkdir()

    path = build_gallery(tmp_path)

    assert path == tmp_path / "index.html"
    html = path.read_text(encoding="utf-8")
    page = Page(html)
    listed = re.findall(r"<small>(\d{8}T\d{6}Z-\w{6})</small>", html)
    order = ["dddddd", "bbbbbb", "aaaaaa", "cccccc", "eeeeee", "ffffff"]
    assert [name[-6:] for name in listed] == order
    for status in ("running", "killed", "failed", "completed", "unreadable"):
        assert f'<span class="status {status}">' in html
    assert html.count('class="status unreadable"') == 2
    assert "Old &lt;b&gt;" in html
    assert "KeyError: 'x'" in page.text
    assert "1 min 5 s" in page.text
    assert "6 runs of 3 reports" in page.text
    links = page.values("href")
    assert "old/20261120T020000Z-aaaaaa/report.html" in links
    assert all((tmp_path / link).is_file() for link in links if link != "#main")
    assert "broken/20261117T020000Z-ffffff/manifest.json" in links
    assert page.values("data-status").count("unreadable") == 2


def kpis(folder, revenue=100.0):
    rows = [
        ("customers", "so far", "all customers", 10.0, None, None),
        ("customers", "so far", "0", 4.0, None, None),
        ("revenue", "so far", "all customers", revenue, None, None),
        ("clv", "so far", "all customers", 2.5, 2.0, 3.0),
    ]
    columns = ["kpi", "period", "segment", "value", "low", "high"]
    (folder / "artefacts").mkdir()
    pd.DataFrame(rows, columns=columns).to_parquet(folder / "artefacts" / "kpis.parquet")
    said = {"segments": [{"segment": 0, "name": "A", "size": 4}] * 2}
    (folder / "artefacts" / "segments.json").write_text(json.dumps(said))


def test_metrics_of_runs(tmp_path):
    params = {"currency": "EUR"}
    done = run(tmp_path, "a", "20261121T020000Z-bbbbbb", params=params)
    kpis(done)
    without = run(tmp_path, "a", "20261121T030000Z-cccccc", params=params)
    (without / "artefacts").mkdir()
    (without / "artefacts" / "kpis.parquet").write_text("broken")
    (without / "artefacts" / "segments.json").write_text("[]")
    found = {one.key: one for one in run_metrics(done, read_manifest(done))}
    assert {key: one.written for key, one in found.items() if one.written} == {
        "customers": "10",
        "segments": "2",
        "revenue": "€100.00",
        "clv": "€2.50",
    }
    assert (found["clv"].low, found["clv"].high) == (2.0, 3.0)
    assert not any(one.written for one in run_metrics(without, read_manifest(without)))
    html = build_gallery(tmp_path).read_text(encoding="utf-8")
    heads = re.findall(r'data-metric="(\w+)"', html)
    assert heads == ["customers", "segments", "revenue", "clv"]  # those that some run has
    assert '<td class="num" data-value="100.0">€100.00</td>' in html
    assert html.count('<td class="num" data-value=""></td>') == 4 + 2  # and how long it took


def test_alerts_and_comparisons_are_listed(tmp_path):
    alert = {"key": "x", "value": 1.0, "limit": 0.5, "words": "drift <b>"}
    folder = run(tmp_path, "a", "20261121T020000Z-bbbbbb", alerts=(alert,))
    (folder / "compare.html").write_text("x")
    page = Page(build_gallery(tmp_path).read_text(encoding="utf-8"))
    assert "Alert: drift <b>" in page.text
    assert "a/20261121T020000Z-bbbbbb/compare.html" in page.values("href")
    assert "segml compare RUN_A RUN_B" in page.text


def test_no_run_yet(tmp_path):
    html = build_gallery(tmp_path).read_text()
    assert "No report has been run yet." in html


def test_same_runs_same_bytes(tmp_path):
    run(tmp_path, "a", "20261121T020000Z-bbbbbb", started_at="2026-11-21T02:00:00+00:00", pid=0)
    assert build_gallery(tmp_path).read_bytes() == build_gallery(tmp_path).read_bytes()


def test_real_runs_are_listed(finished):
    html = (finished.root / "reports" / "index.html").read_text(encoding="utf-8")
    assert finished.good.run_id in html
    assert finished.error.run_folder.name in html
