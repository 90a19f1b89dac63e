"""What a report run writes outside its artefacts says nothing of any one customer."""

from __future__ import annotations

import html
import json
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
import yaml

from segml._core.errors import SegmlError
from segml.data import load_cdnow_sample
from segml.data.erasure import erase
from segml.reporting import run_report

ROOT = Path(__file__).parents[1]
FIRST = ("Xaviera", "Quentin", "Zsófia", "Bjørn", "O'Malley")


def planted(folder: Path, **changes) -> tuple[Path, set[str]]:
    """Write a shop's orders full of personal data, and a report's parameters beside them."""
    orders = load_cdnow_sample().orders.to_pandas()
    orders = orders[orders["customer_id"] <= "0600"].reset_index(drop=True)
    numbers = orders["customer_id"].astype(int)
    first = numbers.map(lambda n: FIRST[n % 5])
    orders["client"] = [f"Cust+{n:04d}/{f}" for n, f in zip(numbers, first, strict=True)]
    orders["Full Name"] = [f"{f} Vandersmythe-{n}" for n, f in zip(numbers, first, strict=True)]
    orders["email"] = [f"{f}.{n}@Planted.example" for n, f in zip(numbers, first, strict=True)]
    orders["phone"] = [f"+49 171 {n:04d}99887" for n in numbers]
    orders.loc[5, "ordered_at"] = None  # rows that are rejected are not shown either
    orders.loc[6, "client"] = ""
    orders.loc[7, "revenue"] = -1.0
    columns = ["client", "Full Name", "email", "phone"]
    folder.mkdir(parents=True, exist_ok=True)
    shown = [*columns, "order_id", "ordered_at", "revenue"]
    orders[shown].to_csv(folder / "orders.csv", index=False)
    params = yaml.safe_load((ROOT / "params" / "cdnow.yml").read_text(encoding="utf-8"))
    params |= {"report": "planted", "notebooks": ["01_data_quality", "05_kpis"]}
    params["data"] |= {"source": "orders.csv", "columns": {"customer_id": "client"}}
    for section, values in changes.items():
        params[section] |= values
    file = folder / "planted.yml"
    file.write_text(yaml.safe_dump(params), encoding="utf-8")
    values = {value for column in columns for value in orders[column] if value}
    return file, values | {value.split("@")[0] for value in orders["email"]}


def forms(value: str) -> set[str]:
    """Return the ways that a value may stand in a file, lower-cased."""
    encoded = (
        value,
        quote(value),
        quote(value, safe=""),
        quote_plus(value),
        html.escape(value),
        json.dumps(value)[1:-1],
    )
    return {form.lower() for form in encoded}


def leaks(folder: Path, values: set[str]) -> dict[str, str]:
    """Return, for each file outside artefacts that holds a planted value, one such value."""
    needles = {form for value in values for form in forms(value)}
    found = {}
    for file in folder.rglob("*"):
        if file.is_file() and "artefacts" not in file.relative_to(folder).parts:
            text = file.read_bytes().decode("utf-8", "replace").lower()
            held = next((needle for needle in needles if needle in text), None)
            if held is not None:
                found[file.name] = held
    return found


def test_the_search_finds_what_it_is_for(tmp_path):
    value = "Cust+0001/O'Malley"
    hidden = ["Cust+0001/O'Malley", "CUST+0001/O'MALLEY", "cust%2B0001%2FO%27Malley"]
    for i, text in enumerate([*hidden, "Cust+0001/O&#x27;Malley"]):
        (tmp_path / str(i)).write_text(f"<p>{text}</p>")
    (tmp_path / "artefacts").mkdir()
    (tmp_path / "artefacts" / "here").write_text(value)
    (tmp_path / "clean").write_text("Cust+0002")
    assert set(leaks(tmp_path, {value})) == {"0", "1", "2", "3"}


@pytest.mark.slow
def test_a_report_names_nobody_and_forgets_who_is_erased(tmp_path):
    params, values = planted(tmp_path / "params")
    reports = tmp_path / "reports"
    result = run_report(params, notebooks_dir=ROOT / "notebooks", reports_dir=reports)
    written = {f.name for f in reports.rglob("*") if f.is_file()}
    pages = {"report.html", "manifest.json", "index.html", "01_data_quality.ipynb", "05_kpis.ipynb"}
    assert pages <= written
    assert len(values) > 500 * 5
    assert leaks(reports, values) == {}

    segments = result.folder / "artefacts" / "segments.parquet"
    whom = "Cust+0001/Quentin"
    assert whom.encode() in (result.folder / "artefacts" / "orders.parquet").read_bytes()
    assert segments.is_file()
    report = erase(result.folder, [whom])
    assert report.found == 1
    assert {"artefacts/orders.parquet", "artefacts/segments.parquet"} <= set(report.rows)
    for file in (result.folder / "artefacts").iterdir():
        assert whom.encode() not in file.read_bytes()
    assert erase(result.folder, [whom]).rows == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "written"),
    [
        ({"data": {"date_format": "%d.%m.%Y"}}, {"failure.txt", "report.html", "index.html"}),
        ({"clustering": {"features": ["no_such_feature"]}}, set()),  # told before anything runs
    ],
    ids=["dates", "features"],
)
def test_a_failed_report_names_nobody(tmp_path, changes, written):
    params, values = planted(tmp_path / "params", **changes)
    reports = tmp_path / "reports"
    with pytest.raises(SegmlError) as caught:
        run_report(params, notebooks_dir=ROOT / "notebooks", reports_dir=reports)
    assert not [value for value in values if value in str(caught.value)]
    assert written <= {file.name for file in reports.rglob("*")}
    assert leaks(reports, values) == {}
