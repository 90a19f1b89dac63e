from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from segml._core.errors import DataError, ParameterError
from segml.clustering import match_segments
from segml.reporting.compare import compare_runs, run_folder
from segml.reporting.compare_words import change_words
from segml.reporting.figures import Figure, figures, pair_figures
from segml.reporting.manifest import read_manifest
from segml.reporting.outputs import Html, Image, Text
from segml.reporting.previous import compare_with_previous, write_comparison

from .conftest import PNG, notebook
from .test_manifest import manifest
from .test_page import Page

DONE = {"status": "completed", "finished_at": "2026-11-21T03:00:00.000+00:00"}
CARD = (
    '<figure><p class="finding">{0} &amp; more</p><div class="scroll" tabindex="0">'
    '<svg role="img" aria-label="{0}"></svg></div><figcaption>how</figcaption>'
    "<details><summary>The numbers</summary><table></table></details></figure>"
)
CUSTOMERS = [f"secret-{i}@example.org" for i in range(100)]


def kpi_rows(names, revenue):
    rows = []
    segments = [*((str(i), name) for i, name in names.items()), ("all customers", "all customers")]
    for i, (segment, name) in enumerate(segments):
        value = revenue * (i + 1)
        rows.append(("revenue", "so far", segment, name, value, None, None))
        rows.append(("repeat_rate", "so far", segment, name, 0.1 * (i + 1), 0.09, 0.5))
    rows.append(("clv", "so far", "all customers", "all customers", revenue, revenue - 1, revenue))
    return pd.DataFrame(rows, columns=["kpi", "period", "segment", "name", "value", "low", "high"])


def run(reports, run_id, labels=None, names=None, revenue=100.0, figure="A", **changes):
    """Write a run folder as a run leaves it."""
    made = manifest()
    values = {**DONE, "started_at": f"2026-11-21T{run_id[9:11]}:00:00.000+00:00", **changes}
    made = replace(made, run_id=run_id, **values)
    folder = reports / made.report / run_id
    (folder / "artefacts").mkdir(parents=True)
    made.write(folder)
    (folder / "report.html").write_text("<p>report</p>")
    for one in made.notebooks:
        code = notebook(folder / "notebooks" / f"{one.name}.ipynb", "# Value", "\n1")
        content = json.loads(code.read_text())
        content["cells"][-1]["outputs"] = [
            {
                "output_type": "display_data",
                "metadata": {},
                "data": {"text/html": CARD.format(figure)},
            }
        ]
        code.write_text(json.dumps(content))
    if labels is not None:
        frame = pd.DataFrame({"customer_id": CUSTOMERS[: len(labels)], "segment": labels})
        frame.to_parquet(folder / "artefacts" / "segments.parquet")
        described = [{"segment": i, "name": name, "size": 1} for i, name in names.items()]
        (folder / "artefacts" / "segments.json").write_text(json.dumps({"segments": described}))
        kpi_rows(names, revenue).to_parquet(folder / "artefacts" / "kpis.parquet")
    return folder


OLD = np.repeat([0, 1, 2], [50, 30, 20])
# 0 and 1 change their ids; ten of the fifty move to what was 1; 2 stays but for two.
NEW = np.r_[np.repeat([1, 0], [40, 10]), np.repeat(0, 30), np.repeat([2, 0], [18, 2])]
OLD_NAMES = {0: "Loyal [x]", 1: "New <b>", 2: "Lapsed"}
NEW_NAMES = {0: "Fresh", 1: "Loyal [x]", 2: "Lapsed"}


@pytest.fixture
def pair(tmp_path):
    a = run(tmp_path, "20261121T010000Z-aaaaaa", OLD, OLD_NAMES, seed=1, params={"seed": 1, "k": 3})
    b = run(
        tmp_path,
        "20261121T020000Z-bbbbbb",
        NEW,
        NEW_NAMES,
        revenue=150.0,
        figure="B",
        params={"seed": 2, "k": 3, "new": {"key": [1]}, "unset": None},
    )
    return a, b


def test_segments_are_matched_and_moves_counted(pair):
    found = compare_runs(*pair)
    assert found.notes == ()
    # An independent count: by the true correspondence 0-1, 1-0, 2-2.
    lasting = pd.Series(NEW).map({1: 0, 0: 1, 2: 2})
    expected = pd.crosstab(OLD, lasting)
    counts = found.migration.counts()
    assert counts.to_numpy().tolist() == expected.to_numpy().tolist()
    assert found.migration.moved == 12 / 100
    index = pd.Index(CUSTOMERS)
    matching = match_segments(pd.Series(OLD, index), pd.Series(NEW, index))
    jaccard = matching.overlaps[matching.overlaps["matched"]].set_index("old")["jaccard"]
    assert found.segments.set_index("a_segment")["jaccard"].to_dict() == jaccard.to_dict()
    sizes = found.segments.set_index("a_name")[["b_name", "a_size", "b_size", "stayed"]]
    assert sizes.loc["New <b>"].tolist() == ["Fresh", 30, 42, 30.0]


def test_parameters_metrics_and_kpis(pair):
    found = compare_runs(*pair)
    assert found.params.to_numpy().tolist() == [["seed", "1", "2"], ["new.key", "", "1"]]
    metric = found.metrics.loc["revenue"]
    assert (metric["a"], metric["b"]) == (400.0, 600.0)
    assert (metric["change"], metric["relative"]) == (200.0, 0.5)
    kpis = found.kpis.set_index(["kpi", "segment"])
    # The second run calls it 1; its id that lasts is 0.
    assert kpis.loc[("revenue", "0"), ["a", "b"]].tolist() == [100.0, 300.0]
    assert kpis.loc[("revenue", "1"), "name"] == "New <b> → Fresh"
    assert kpis["apart"].to_dict()["clv", "all customers"]  # 99 to 100, and 149 to 150
    assert not kpis["apart"].to_dict()["repeat_rate", "0"]
    assert list(kpis.loc["revenue"].index) == ["0", "1", "2", "all customers"]
    said = " ".join(found.verdict)
    assert "1 parameter differs: seed. 1 parameter is known to one of the runs only." in said
    assert "revenue +50%" in said
    assert "12% of customers" in said


def test_page_of_a_comparison(pair, tmp_path):
    found = compare_runs(*pair)
    path = found.to_html(tmp_path / "out" / "compare.html")
    html = path.read_text(encoding="utf-8")
    page = Page(html)
    assert "New <b>" in page.text
    assert "secret" not in html
    assert str(tmp_path) not in html
    links = [link for link in page.values("href") if not link.startswith("#")]
    assert len(links) == 2
    assert all((path.parent / link).is_file() for link in links)
    assert {link[1:] for link in page.values("href") if link.startswith("#")} <= {
        *page.values("id")
    }
    assert html.count("<style data-segml>") == 1
    assert html.count('<svg role="img"') == 2 * 2  # notebooks and runs
    assert "A & more" in page.text
    assert "B & more" in page.text
    assert found.to_html(path).read_text(encoding="utf-8") == html


def test_what_both_runs_drew_alike_is_shown_once(tmp_path):
    a = run(tmp_path, "20261121T010000Z-aaaaaa", OLD, OLD_NAMES)
    b = run(tmp_path, "20261121T020000Z-bbbbbb", OLD, OLD_NAMES)
    found = compare_runs(a, b)
    html = found.to_html(tmp_path / "c.html").read_text(encoding="utf-8")
    assert html.count('<svg role="img"') == 2  # notebooks
    assert "A and B, the same" in html
    assert found.migration.moved == 0
    assert found.verdict[0] == "The parameters are the same."
    assert "All metrics are the same." in found.verdict
    assert "The same in every segment" in html


def test_text_for_a_terminal(pair, capsys):
    from rich.console import Console

    found = compare_runs(*pair)
    text = found.to_text(80)
    assert max(map(len, text.splitlines())) <= 80
    for words in ("Loyal [x]", "New <b>", "Fresh", "+50%", "seed", "10"):
        assert words in text
    assert "secret" not in text
    assert "\x1b" not in text
    Console(width=80).print(found)
    assert "Loyal [x]" in capsys.readouterr().out
    block = found._repr_html_()
    assert "New &lt;b&gt;" in block
    Page(block)


def test_runs_that_cannot_be_compared_in_full_say_so(tmp_path, pair):
    bare = run(
        tmp_path,
        "20261121T030000Z-cccccc",
        report="other",
        status="failed",
        reason="KeyError: 'x'",
        params={"seed": 1, "k": 3, "currency": "EUR"},
    )
    found = compare_runs(pair[0], bare)
    said = " ".join(found.notes)
    assert "different reports, " in said
    assert "is failed (KeyError: 'x')" in said
    assert "Money is in no currency and in EUR" in said
    assert "Segments are not compared: a run has no artefact segments.parquet" in said
    assert "KPIs are not compared: a run has no artefact kpis.parquet" in said
    assert found.migration is None
    assert math.isnan(found.metrics.loc["revenue", "change"])
    Page(found.to_html(tmp_path / "c.html").read_text(encoding="utf-8"))
    assert "Segments are not compared" in found.to_text()


def test_changes_of_money_in_two_currencies_are_missing(tmp_path):
    a = run(tmp_path, "20261121T010000Z-aaaaaa", OLD, OLD_NAMES, params={"currency": "EUR"})
    b = run(tmp_path, "20261121T020000Z-bbbbbb", OLD, OLD_NAMES, 200.0, params={"currency": "USD"})
    found = compare_runs(a, b)
    kpis = found.kpis.set_index(["kpi", "segment"])["change"]
    assert kpis["revenue"].isna().all()
    assert (kpis["repeat_rate"] == 0).all()
    assert not found.kpis["apart"].any()
    assert "€400.00" in found.to_text()
    assert "$800.00" in found.to_text()


def test_runs_without_a_common_customer_compare_all_customers_only(tmp_path, pair):
    other = run(tmp_path, "20261121T030000Z-cccccc", OLD, OLD_NAMES)
    path = other / "artefacts" / "segments.parquet"
    frame = pd.read_parquet(path)
    frame.assign(customer_id=frame["customer_id"] + "!").to_parquet(path)
    found = compare_runs(pair[0], other)
    assert found.notes == ("Segments are not compared: no customer is in both segmentations.",)
    assert set(found.kpis["segment"]) == {"all customers"}
    path.write_text("broken")
    (note,) = compare_runs(pair[0], other).notes
    assert "cannot be read" in note


def test_run_of_an_earlier_version(tmp_path, pair):
    file = pair[0] / "manifest.json"
    values = json.loads(file.read_text())
    for key in ("alerts", "schema"):
        values.pop(key)
    file.write_text(json.dumps({"schema": 1, **values}))
    (note,) = compare_runs(*pair).notes
    assert "of an earlier version of segml" in note


def test_what_is_no_run_is_refused(tmp_path, pair):
    with pytest.raises(ParameterError, match="no run folder"):
        compare_runs(tmp_path, pair[0])
    with pytest.raises(ParameterError, match="both runs are the same"):
        compare_runs(pair[0], pair[0])
    (pair[0] / "manifest.json").write_text("{")
    with pytest.raises(DataError, match="cannot read the manifest"):
        compare_runs(*pair)


def test_runs_are_named_as_people_do(tmp_path, pair, monkeypatch):
    a, b = pair
    report = a.parent.name
    for named in (a, a / "report.html", f"{report}/{a.name}", a.name):
        assert run_folder(named, tmp_path) == a
    assert run_folder(report, tmp_path) == b  # its latest
    with pytest.raises(ParameterError, match="no such run"):
        run_folder("nothing", tmp_path)
    twin = tmp_path / "twin" / a.name
    twin.mkdir(parents=True)
    (twin / "manifest.json").write_text("{}")
    with pytest.raises(ParameterError, match="several reports"):
        run_folder(a.name, tmp_path)


def test_comparison_with_the_run_before(tmp_path, pair):
    a, b = pair
    assert write_comparison(a, read_manifest(a)) is None  # there is none before it
    failed = run(tmp_path, "20261121T015900Z-ffffff", status="failed", reason="x")
    assert failed.parent == a.parent
    found = compare_with_previous(b, read_manifest(b))
    assert found.a.folder == a
    path = write_comparison(b, read_manifest(b))
    assert path == b / "compare.html"
    assert f"../{a.name}/report.html" in path.read_text(encoding="utf-8")


def test_figures_of_notebooks():
    card = Html(CARD.format("x") + CARD.format("y"))
    image = Image("image/png", PNG, "seen", None)
    told = [("n", [Text("# One\n\ntext\n\n## Two"), card, Text("*note*"), image])]
    found = figures(told)
    assert [(f.heading, f.finding, f.caption) for f in found] == [
        ("Two", "x & more", "how"),
        ("Two", "y & more", "how"),
        ("Two", "seen", ""),
    ]
    assert found[0].drawing == '<svg role="img" aria-label="x"></svg>'
    assert "data:image/png;base64" in found[2].drawing


def test_figures_are_paired_by_where_they_stand():
    one, two = (Figure("n", "H", f"finding {i}", "", f"<svg>{i}</svg>") for i in range(2))
    other = Figure("n", "G", "", "", "<svg>g</svg>")
    pairs = pair_figures([one, two, other], [two])
    assert [(p.a, p.b) for p in pairs] == [(one, two), (two, None), (other, None)]
    assert [p.place for p in pairs] == ["H", "H", "G"]
    assert not pairs[0].same
    assert pair_figures([one], [one])[0].same


@pytest.mark.parametrize(
    ("unit", "a", "b", "said"),
    [
        ("money", 100.0, 103.0, "+3.0%"),
        ("share", 0.5, 0.4999, "-<0.1 points"),
        ("count", 5.0, 4.0, "-1"),
        ("count", 5.0, 5.0, "the same"),
        ("money", 0.0, 4.0, "+4.00"),
        ("score", -2.0, 1.0, "+3.00"),
        ("money", math.nan, 1.0, ""),
    ],
)
def test_changes_in_words(unit, a, b, said):
    from segml.reporting.compare_tables import change

    assert change_words({"unit": unit, "a": a, "b": b, **change(a, b)}) == said
