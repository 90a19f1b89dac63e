from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from segml._core.errors import ConvergenceError, NotEnoughDataError, ParameterError
from segml.clustering import KMeansSegmenter
from segml.clv import BetaGeoModel, customer_lifetime_value
from segml.features import build_features, make_preprocessor, rfm_summary
from segml.kpis.table import ALL
from segml.reporting import ReportParams, open_workspace
from segml.reporting.workspace import Workspace

PARAMS = {
    "report": "sample",
    "title": "Sample",
    "currency": "USD",
    "data": {"source": "cdnow_sample", "cleaning": {"exact_duplicates": "keep"}},
    "dates": {"as_of": "1998-06-30", "holdout_days": 273},
    "clustering": {"features": ["recency_days", "orders", "aov"], "n_segments": 4},
    "kpis": {"period_days": 180},
}


def ask_for_all(workspace: Workspace) -> Workspace:
    """Compute everything that the notebooks show."""
    for name in (
        "data",
        "features",
        "labels",
        "segments",
        "stability",
        "profile",
        "rfm",
        "purchase_model",
        "spend_model",
        "lifetime_value",
        "p_alive",
        "customers",
        "holdout",
        "kpis",
    ):
        getattr(workspace, name)
    return workspace


def artefacts(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "artefacts").iterdir())}


@pytest.fixture(scope="module")
def alone() -> Workspace:
    return ask_for_all(open_workspace(PARAMS))


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    (folder / "artefacts").mkdir()
    ask_for_all(open_workspace(PARAMS, folder))
    return folder


def test_artefacts_of_a_run(run_dir):
    assert set(artefacts(run_dir)) == {
        "cleaning.json",
        "customers.parquet",
        "features.parquet",
        "holdout.parquet",
        "kpis.parquet",
        "orders.parquet",
        "purchase_model.json",
        "rejected_orders.parquet",
        "rfm.parquet",
        "segment_profile.parquet",
        "segment_stability.parquet",
        "segmenter.json",
        "segments.json",
        "segments.parquet",
        "spend_model.json",
    }


def test_another_folder_holds_the_same_bytes(run_dir, tmp_path):
    (tmp_path / "artefacts").mkdir()
    ask_for_all(open_workspace(PARAMS, str(tmp_path)))
    ours, theirs = artefacts(run_dir), artefacts(tmp_path)
    assert [name for name in ours if ours[name] != theirs[name]] == []


def assert_equal(one: Workspace, other: Workspace) -> None:
    pd.testing.assert_series_equal(one.labels, other.labels, check_exact=True)
    pd.testing.assert_frame_equal(one.segments, other.segments, check_exact=True)
    assert one.purchase_model.to_dict() == other.purchase_model.to_dict()
    assert one.spend_model.to_dict() == other.spend_model.to_dict()
    pd.testing.assert_frame_equal(one.kpis.table, other.kpis.table, check_exact=True)
    pd.testing.assert_frame_equal(one.customers, other.customers, check_exact=True)
    pd.testing.assert_frame_equal(one.profile.table, other.profile.table, check_exact=True)
    pd.testing.assert_frame_equal(one.holdout.table, other.holdout.table, check_exact=True)
    assert one.data.orders.account == other.data.orders.account
    pd.testing.assert_frame_equal(
        one.data.orders.rejected_rows(), other.data.orders.rejected_rows()
    )


def test_a_second_workspace_reads_what_the_first_wrote(alone, run_dir, monkeypatch):
    def never(*args, **kwargs):
        raise AssertionError("computed again")

    monkeypatch.setattr("segml.reporting.reading.clean", never)
    monkeypatch.setattr(KMeansSegmenter, "fit", never)
    monkeypatch.setattr("segml.clv.GammaGammaModel.fit", never)
    second = open_workspace(PARAMS, run_dir)
    assert second.purchase_model.to_dict() == alone.purchase_model.to_dict()
    assert second.spend_model.to_dict() == alone.spend_model.to_dict()
    before = artefacts(run_dir)
    assert_equal(second, alone)
    assert artefacts(run_dir) == before


def test_a_lost_artefact_is_computed_again(alone, run_dir, tmp_path):
    (tmp_path / "artefacts").mkdir()
    for name, content in artefacts(run_dir).items():
        if name not in ("segments.parquet", "purchase_model.json", "orders.parquet"):
            (tmp_path / "artefacts" / name).write_bytes(content)
    assert_equal(open_workspace(PARAMS, tmp_path), alone)
    kept, again = artefacts(run_dir), artefacts(tmp_path)
    assert [name for name in kept if kept[name] != again[name]] == []


def test_results_are_those_of_the_functions(alone, cdnow_sample):
    features = build_features(cdnow_sample, "1998-06-30", ["recency_days", "orders", "aov"])
    segmenter = KMeansSegmenter(4, make_preprocessor(features), random_state=1).fit(features)
    pd.testing.assert_series_equal(alone.labels, segmenter.labels_)
    rfm = rfm_summary(cdnow_sample, "1998-06-30", "D", time_unit="W")
    pd.testing.assert_frame_equal(alone.rfm, rfm)
    per_week = 1.1 ** (7 / 365.25) - 1
    value = customer_lifetime_value(
        BetaGeoModel().fit(rfm), alone.spend_model, rfm, 52.0, discount_rate=per_week
    )
    np.testing.assert_allclose(alone.lifetime_value.values, value.values, rtol=1e-9)
    assert alone.kpis.rows("clv").loc[ALL, "value"] == pytest.approx(value.values.mean(), rel=1e-9)
    assert alone.holdout.actual == 1882
    assert (alone.horizon, alone.time_unit) == ("52 weeks", "weeks")


def test_customers_table_is_complete(alone):
    customers = alone.customers
    assert len(customers) == 2357
    named = alone.labels.map(alone.segments["name"])
    assert (customers["segment"] == named.reindex(customers.index)).all()
    assert customers["clv"].tolist() == alone.lifetime_value.values.tolist()
    assert customers["low"].le(customers["clv"]).all()


def test_stored_segments_say_how_they_were_made(alone, run_dir):
    said = json.loads((run_dir / "artefacts" / "segments.json").read_text())
    assert (said["method"], said["n_segments"], said["seed"]) == ("kmeans", 4, 1)
    assert said["features"] == ["recency_days", "orders", "aov"]
    assert [row["size"] for row in said["segments"]] == alone.segments["size"].tolist()
    assert np.shape(said["centres"]) == (4, 3)


def test_nothing_is_written_without_a_run_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    workspace = open_workspace({**PARAMS, "dates": {}})
    assert workspace.segments["size"].sum() == 2357
    assert list(tmp_path.iterdir()) == []


def test_no_days_held_out_is_no_check():
    assert open_workspace({**PARAMS, "dates": {"holdout_days": 0}}).holdout is None


def test_the_last_order_is_the_reports_day_unless_asked():
    assert open_workspace({**PARAMS, "dates": {}}).as_of.isoformat() == "1998-06-30"
    asked = open_workspace({**PARAMS, "dates": {"as_of": "1998-01-31"}})
    assert asked.as_of.isoformat() == "1998-01-31"
    assert asked.features.to_pandas()["recency_days"].min() == 0


@pytest.mark.parametrize("period", ["D", "W", "M"])
def test_nothing_after_the_reports_day_counts_whatever_the_period(period):
    # 1997-03-24 is a Monday: the week and the month go on, with new customers in both.
    workspace = open_workspace(
        {
            **PARAMS,
            "dates": {"as_of": "1997-03-24"},
            "clv": {"period": period, "time_unit": period},
        }
    )
    orders = workspace.data.orders.to_pandas()
    known = orders[orders["ordered_at"] < "1997-03-25"]
    assert known["customer_id"].nunique() < orders["customer_id"].nunique()
    assert sorted(workspace.rfm.index) == sorted(known["customer_id"].unique())
    assert sorted(workspace.rfm.index) == sorted(workspace.labels.index)
    kind = {"D": "D", "W": "W-SUN", "M": "M"}[period]
    bought = known.assign(period=known["ordered_at"].dt.to_period(kind))
    repeats = bought.groupby("customer_id")["period"].nunique() - 1
    assert workspace.rfm["frequency"].sum() == repeats.sum()


def test_parameters_come_as_file_mapping_or_model(tmp_path):
    path = tmp_path / "sample.yml"
    path.write_text(json.dumps(PARAMS))  # JSON is YAML
    model = ReportParams.model_validate(PARAMS)
    opened = [open_workspace(given).params for given in (path, str(path), PARAMS, model)]
    assert opened == [model] * 4


def test_wrong_parameters_are_refused_when_it_is_opened():
    with pytest.raises(ParameterError, match="n_segment"):
        open_workspace({**PARAMS, "clustering": {"n_segment": 3}})


MESSY = """Client;Bestellung;Datum;Summe
alice@example.com;1;05.01.2026;10.50
alice@example.com;1;05.01.2026;10.50
alice@example.com;2;07.02.2026;20.00
;3;08.02.2026;5.00
bob@example.com;4;31.02.2026;5.00
bob@example.com;5;09.02.2026;fünf
bob@example.com;6;10.02.2026;-7.00
bob@example.com;7;11.02.2026;0.00
cem@example.com;8;12.02.2026;40.00
cem@example.com;8;12.02.2026;2.00
"""


def test_own_messy_file_is_accounted_for(tmp_path):
    source = tmp_path / "orders.csv"
    source.write_text(MESSY, encoding="latin-1")
    params = {
        "report": "own",
        "title": "Own",
        "data": {
            "source": str(source),
            "columns": {
                "customer_id": "Client",
                "order_id": "Bestellung",
                "ordered_at": "Datum",
                "revenue": "Summe",
            },
            "date_format": "%d.%m.%Y",
            "separator": ";",
            "encoding": "latin-1",
        },
        "clustering": {"features": ["orders", "revenue"], "n_segments": 3},
    }
    workspace = open_workspace(params)
    account = workspace.data.orders.account
    assert account.rows_in == 10
    assert account.rows_used == 5
    assert sum(account.rejected.values()) == account.rows_rejected == 5
    assert account.rejected["exact duplicate"] == 1
    assert account.rejected["negative revenue"] == 1
    assert account.rejected["no customer_id"] == 1
    assert len(workspace.data.orders.rejected_rows()) == 5
    features = workspace.features.to_pandas()
    assert features["orders"].to_dict() == {
        "alice@example.com": 2,
        "bob@example.com": 1,
        "cem@example.com": 1,
    }
    assert features["revenue"].tolist() == [30.5, 0.0, 42.0]
    kept = open_workspace(
        {
            **params,
            "data": {
                **params["data"],
                "cleaning": {"exact_duplicates": "keep", "zero_revenue": "reject"},
            },
        }
    )
    assert kept.data.orders.account.rejected["zero revenue"] == 1
    assert "exact duplicate" not in kept.data.orders.account.rejected


def test_where_nobody_repeats_there_are_segments_but_no_forecast(tmp_path):
    rng = np.random.default_rng(1)
    pd.DataFrame(
        {
            "customer_id": range(60),
            "order_id": range(60),
            "ordered_at": pd.date_range("2026-01-01", periods=60).strftime("%Y-%m-%d"),
            "revenue": rng.lognormal(3, 1, 60).round(2),
        }
    ).to_csv(tmp_path / "once.csv", index=False)
    workspace = open_workspace(
        {
            "report": "once",
            "title": "Once",
            "data": {"source": str(tmp_path / "once.csv")},
            "clustering": {"features": ["recency_days", "revenue"], "n_segments": 3},
        }
    )
    assert workspace.segments["size"].sum() == 60
    assert len(workspace.profile.segments) == 3
    with pytest.raises((NotEnoughDataError, ConvergenceError), match=r"\brepeat|no maximum"):
        _ = workspace.lifetime_value
