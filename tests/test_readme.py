"""What the README shows works as it stands there."""

import re
from pathlib import Path

import pandas as pd
import pytest

from segml.reporting import load_params, open_workspace

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_python_example_runs_and_is_short(capsys):
    (example,) = blocks("python")
    exec(compile(example, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "clv" in printed
    assert "all customers" in printed
    code = [line for line in example.splitlines() if line.strip()]
    assert len(code) <= 15


def test_own_csv_example(tmp_path):
    (example,) = blocks("yaml")
    params = tmp_path / "params"
    params.mkdir()
    (params / "my_shop.yml").write_text(example, encoding="utf-8")
    orders = pd.DataFrame(
        {
            "Kunde": [f"k{i % 40}" for i in range(120)],
            "Bestellung": range(120),
            "Datum": pd.date_range("2025-01-01", periods=120, freq="2D").strftime("%d.%m.%Y"),
            "Betrag": [10 + (i * 7) % 90 for i in range(120)],
        }
    )
    orders.to_csv(tmp_path / "orders.csv", sep=";", index=False)
    workspace = open_workspace(load_params(params / "my_shop.yml"))
    assert workspace.data.orders.account.rows_used == 120
    assert workspace.segments["size"].sum() == 40
    assert workspace.as_of == pd.Timestamp("2025-08-27").date()


@pytest.mark.parametrize("target", re.findall(r"^make (\w+)", README, flags=re.MULTILINE))
def test_make_targets_exist(target):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)


def test_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
