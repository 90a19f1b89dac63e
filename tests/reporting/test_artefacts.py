from pathlib import Path

import pandas as pd

from segml.engine import DuckEngine
from segml.reporting.artefacts import Artefacts

FRAME = pd.DataFrame({"n": [1, 2]}, index=pd.Index(["a", "b"], name="customer_id"))


def test_what_is_kept_is_found_again(tmp_path):
    artefacts = Artefacts(tmp_path)
    artefacts.keep_json("facts.json", {"ä": 1.5})
    artefacts.keep_frame("frame.parquet", FRAME)
    artefacts.keep_table("table.parquet", DuckEngine().sql("SELECT 7 AS n"))
    assert artefacts.read_json("facts.json") == {"ä": 1.5}
    assert artefacts.read_frame("frame.parquet").to_dict("list") == {
        "customer_id": ["a", "b"],
        "n": [1, 2],
    }
    assert artefacts.read_frame("table.parquet")["n"].tolist() == [7]
    assert sorted(path.name for path in (tmp_path / "artefacts").iterdir()) == [
        "facts.json",
        "frame.parquet",
        "table.parquet",
    ]


def test_what_is_there_stays(tmp_path):
    artefacts = Artefacts(tmp_path)
    artefacts.keep_json("facts.json", 1)
    artefacts.keep_json("facts.json", 2)
    artefacts.keep_frame("frame.parquet", FRAME)
    artefacts.keep_frame("frame.parquet", FRAME.iloc[:1])
    assert artefacts.read_json("facts.json") == 1
    assert len(artefacts.read_frame("frame.parquet")) == 2


def test_an_index_without_a_name_is_not_kept(tmp_path):
    artefacts = Artefacts(tmp_path)
    artefacts.keep_frame("frame.parquet", pd.DataFrame({"n": [3]}, index=[99]))
    assert list(artefacts.read_frame("frame.parquet").columns) == ["n"]


def test_without_a_folder_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    artefacts = Artefacts(None)
    artefacts.keep_json("facts.json", 1)
    artefacts.keep_frame("frame.parquet", FRAME)
    artefacts.keep_table("table.parquet", DuckEngine().sql("SELECT 7 AS n"))
    assert artefacts.read_json("facts.json") is None
    assert artefacts.read_frame("frame.parquet") is None
    assert artefacts.find("table.parquet") is None
    assert list(tmp_path.iterdir()) == []


def test_folder_is_known_from_its_root(tmp_path, monkeypatch):
    """Notebooks are given ``..``; earlier runs are found beside the run folder."""
    (tmp_path / "run" / "notebooks").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "run" / "notebooks")
    artefacts = Artefacts(Path(".."))
    assert artefacts.folder == tmp_path.resolve() / "run" / "artefacts"
    monkeypatch.chdir(tmp_path)
    artefacts.keep_json("facts.json", 1)
    assert (tmp_path / "run" / "artefacts" / "facts.json").is_file()
