from __future__ import annotations

from dataclasses import replace

from segml.reporting.gallery import build_gallery

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
    order = ["dddddd", "bbbbbb", "cccccc", "eeeeee", "aaaaaa", "ffffff"]
    shown = [html.index(f'<td class="id">2026{day}') for day in _days(html, order)]
    assert shown == sorted(shown)
    for status in ("running", "killed", "failed", "completed", "unreadable"):
        assert f'<span class="status {status}">' in html
    assert html.count('class="status unreadable"') == 2
    assert "Old &lt;b&gt;" in html
    assert "KeyError: 'x'" in page.text
    assert "1 min 5 s" in page.text
    assert "6 runs of 3 reports" in page.text
    links = page.values("href")
    assert "old/20261120T020000Z-aaaaaa/report.html" in links
    assert all((tmp_path / link).is_file() for link in links)
    assert "broken/20261117T020000Z-ffffff/manifest.json" in links
    assert "script" not in {tag for tag, _ in page.tags}


def _days(html, order):
    names = {name[-6:]: name[4:] for name in _ids(html)}
    return [names[key] for key in order]


def _ids(html):
    return [part.split("<")[0] for part in html.split('<td class="id">')[1:]]


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
