"""What a report says of changes, campaigns and models, beside what the functions say."""

from __future__ import annotations

import datetime as dt
import json

import pandas as pd
import pytest

from segml._core.errors import DataError, ParameterError
from segml.evaluation import campaign_outcomes
from segml.reporting import open_workspace
from segml.reporting.earlier import find_run
from segml.reporting.followup_story import (
    alert_story,
    campaign_facts,
    campaign_story,
    change_facts,
    comparison_story,
)
from segml.reporting.leaderboard_text import leaderboard_text
from segml.reporting.manifest import Manifest, now
from segml.reporting.story import feature_story

STORE = {
    "report": "store",
    "title": "Store",
    "currency": "EUR",
    "data": {"source": "simulated_store", "simulated_customers": 400},
    "clustering": {"n_segments": 3, "features": ["recency_days", "orders"], "stability": False},
}


def store(run_dir=None, **sections):
    return open_workspace(STORE | sections, run_dir)


def finished(folder, status="completed", **sections):
    """Return a run folder with the segments of a report, and a manifest that says how it ended."""
    (folder / "artefacts").mkdir(parents=True)
    workspace = store(folder, **sections)
    assert len(workspace.labels)
    Manifest(
        run_id=folder.name,
        report="store",
        title="Store",
        params=workspace.params.as_json(),
        seed=1,
        status=status,
        pid=1,
        started_at=now(),
    ).write(folder)
    return folder


@pytest.fixture(scope="module")
def alone():
    return store(migration={"days": 60, "alert_moved": 0.0001, "alert_revenue": 100.0})


def test_without_a_run_the_same_shop_is_looked_at_some_days_earlier(alone):
    before = alone.earlier
    assert before.day == alone.as_of - dt.timedelta(days=60)
    assert not before.refit
    assert set(before.labels.index) <= set(alone.labels.index)
    assert alone.migration.n_entered == len(alone.labels) - len(before.labels)
    said = change_facts(alone)._repr_html_()
    assert "60 days earlier" in said
    assert before.day.isoformat() in said


def test_parts_of_the_change_add_up_to_it(alone):
    orders = alone.data.orders.table.to_pandas()
    day = pd.to_datetime(orders["ordered_at"]).dt.date

    def mean(last, customers):
        inside = (day <= last) & (day > last - dt.timedelta(days=60))
        return orders.loc[inside & orders["customer_id"].isin(customers), "revenue"].sum() / len(
            customers
        )

    change = alone.revenue_change
    assert change.old_value == pytest.approx(mean(alone.earlier.day, alone.earlier.labels.index))
    assert change.new_value == pytest.approx(mean(alone.as_of, alone.labels.index))
    parts = change.parts["value"][["mix", "within", "entry", "exit"]]
    assert parts.sum() == pytest.approx(change.new_value - change.old_value, abs=1e-9)


def test_alerts_are_those_whose_threshold_is_crossed(tmp_path):
    folder = tmp_path / "store" / "run"
    (folder / "artefacts").mkdir(parents=True)
    workspace = store(folder, migration={"days": 60, "alert_moved": 0.0001})
    assert [alert.key for alert in workspace.alerts] == ["moved"]
    stored = json.loads((folder / "artefacts" / "alerts.json").read_text())
    assert [(one["key"], one["limit"]) for one in stored] == [("moved", 0.0001)]
    assert "Alerts: " in alert_story(workspace)._repr_html_()


def test_no_thresholds_no_alerts():
    workspace = store(migration={"days": 60})
    assert workspace.alerts == []
    assert "No thresholds for alerts are set" in alert_story(workspace)._repr_html_()


def test_the_latest_completed_run_is_compared_with(tmp_path):
    report = tmp_path / "store"
    finished(report / "20260101T000000Z-aaaaaa", dates={"as_of": "2025-10-01"})
    finished(report / "20260102T000000Z-bbbbbb", status="failed", dates={"as_of": "2025-11-01"})
    folder = report / ".work.20260103T000000Z-cccccc.06_migration"
    (folder / "artefacts").mkdir(parents=True)
    workspace = store(folder, migration={"against": "latest", "alert_far": 0.9})
    before = workspace.earlier
    assert before.said == "run 20260101T000000Z-aaaaaa"
    assert before.day == dt.date(2025, 10, 1)
    assert before.refit
    assert workspace.migration.matching is not None
    assert workspace.migration.noise is not None
    assert workspace.alerts == []
    assert "No threshold for alerts was crossed" in alert_story(workspace)._repr_html_()


def test_a_run_that_is_named_must_be_there(tmp_path):
    with pytest.raises(ParameterError, match="no such run"):
        find_run(tmp_path, "20260101T000000Z-aaaaaa")
    assert find_run(tmp_path, "latest") is None


def test_a_first_run_falls_back_to_earlier_days(tmp_path):
    folder = tmp_path / "store" / "run"
    (folder / "artefacts").mkdir(parents=True)
    workspace = store(folder, migration={"against": "latest", "days": 30})
    assert workspace.earlier.said == "30 days earlier"


def test_a_run_without_segments_is_no_run_to_compare_with(tmp_path):
    folder = tmp_path / "store" / "20260101T000000Z-aaaaaa"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    own = tmp_path / "store" / "run"
    (own / "artefacts").mkdir(parents=True)
    with pytest.raises(DataError, match="no segments to compare with"):
        _ = store(own, migration={"against": folder.name}).earlier


def test_a_campaign_is_evaluated_by_segments_from_before_it():
    workspace = store(campaign={"campaign": "campaign-4", "control": "A", "outcome": "purchase"})
    found = workspace.experiment
    messages = workspace.data.messages.table.to_pandas()
    ours = messages[messages["campaign_id"] == "campaign-4"]
    start = pd.to_datetime(ours["sent_at"]).min().date()
    segments = workspace.segmenter.predict(workspace.features_at(start - dt.timedelta(days=1)))
    outcomes = campaign_outcomes(
        workspace.data, campaign_id="campaign-4", segments=segments, days=28
    )
    whole = found.lifts[found.lifts["segment"] == "all customers"].iloc[0]
    assert whole["n"] == (outcomes["group"] == "B").sum()
    assert whole["n_control"] == (outcomes["group"] == "A").sum()
    assert "B beside A" in campaign_facts(workspace)._repr_html_()
    assert found.verdict.rstrip(".") in campaign_story(workspace)._repr_html_()


def test_without_a_campaign_the_next_one_is_planned(alone):
    assert alone.experiment is None
    assert len(alone.plan.table) == 3 + 1
    assert set(alone.assignment.table["group"]) == {"control", "treatment"}
    assert "none evaluated" in campaign_facts(alone)._repr_html_()


@pytest.mark.parametrize("n_segments", [[], [3]])
def test_models_are_compared_and_trials_kept(tmp_path, n_segments):
    folder = tmp_path / "reports" / "store" / "run"
    (folder / "artefacts").mkdir(parents=True)
    asked = {
        "models": ["BG/NBD", "mean of all"],
        "cutoffs": ["2025-06-30"],
        "horizons": [13],
        "feature_sets": {"RFM": ["recency_days", "orders", "revenue"]},
        "n_segments": n_segments,
    }
    workspace = store(folder, comparison=asked)
    assert set(workspace.leaderboards["target"]) == {"purchases", "revenue", "churn"}
    assert set(workspace.leaderboards["model"]) == {"BG/NBD", "mean of all"}
    assert len(list((tmp_path / "reports" / "trials").rglob("*.parquet"))) > 0
    assert (workspace.segmentations is None) == (not n_segments)
    text = leaderboard_text(folder)
    assert text.startswith("purchases, ")
    assert text.count("BG/NBD") == 3
    assert comparison_story(workspace)._repr_html_().count("2 models") == 3
    again = store(folder, comparison=asked)
    assert again.backtest.trials["stored"].all()


def test_no_leaderboard_no_text(tmp_path):
    (tmp_path / "artefacts").mkdir()
    assert leaderboard_text(tmp_path) == ""


def test_features_are_told_in_words(alone):
    said = feature_story(alone)._repr_html_()
    assert f"{len(alone.labels)} customers, each described by 2 features" in said
    assert "rank correlation" in said


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ({"method": "gaussian_mixture", "n_segments": 3}, "GaussianMixtureSegmenter"),
        ({"method": "hdbscan", "min_segment_size": 15}, "HDBSCANSegmenter"),
        ({"method": "rfm"}, "RFMSegmenter"),
        ({"method": "kmeans", "embedding": "pca", "n_segments": 3}, "KMeansSegmenter"),
    ],
)
def test_each_method_is_stored_and_read(tmp_path, asked, kind):
    (tmp_path / "artefacts").mkdir()
    clustering = {"features": ["recency_days", "orders"], "stability": False} | asked
    first = store(tmp_path, clustering=clustering)
    second = store(tmp_path, clustering=clustering)
    pd.testing.assert_series_equal(second.labels, first.labels, check_names=False)
    assert type(second.segmenter).__name__ == kind
    told = second.segmenter.predict(second.features)
    assert (told.reindex(first.labels.index) == first.labels).all()
    assert len(second.personas) == (first.segments["size"] > 0).sum()
    assert second.stability is None
    assert (-1 in second.segment_names.index) == bool((first.labels == -1).any())


def test_the_number_of_segments_can_be_chosen_from_the_data():
    workspace = store(clustering=STORE["clustering"] | {"n_segments": None})
    assert len(workspace.segments) == workspace.selection.recommended


def test_tables_beside_orders_keep_no_address(tmp_path):
    (tmp_path / "artefacts").mkdir()
    first = store(tmp_path)
    assert first.data.customers is not None
    again = store(tmp_path)
    assert set(again.data.tables) == set(first.data.tables)
    emails = set(again.data.customers.table.to_pandas()["email"].dropna())
    assert emails == {"known"}
    raw = first.data.customers.table.to_pandas()["email"].dropna()
    assert len(again.data.customers.table.to_pandas()["email"].dropna()) == len(raw)
    for name, table in first.data.tables.items():
        assert again.data.tables[name].account == table.account
