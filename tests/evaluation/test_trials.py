"""The store of trials: whole files, two writers, damage; and MLflow."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segml._core.errors import DataError, MissingDependencyError
from segml.data import CustomerData, read_orders
from segml.evaluation import trials_mlflow
from segml.evaluation.backtest_run import backtest
from segml.evaluation.trials import TrialStore, code_version, data_fingerprint, trial_key
from segml.evaluation.trials_mlflow import log_to_mlflow

DONE = {"model": "m", "status": "completed", "error": "", "reason": "", "purchases.rmse": 0.5}


def test_what_is_saved_is_loaded(tmp_path):
    store = TrialStore(tmp_path / "trials")
    assert store.load("a") is None
    assert store.trials().empty
    customers = pd.DataFrame({"purchases": [0.1, 2.0]}, index=["x", "y"])
    store.save("a", DONE | {"churn.brier": np.nan}, customers)
    record, found = store.load("a")
    assert record["purchases.rmse"] == 0.5
    pd.testing.assert_frame_equal(found, customers.reset_index(drop=True))
    assert np.isnan(store.trials()["churn.brier"].iloc[0])


def test_a_trial_without_its_row_has_not_been(tmp_path):
    store = TrialStore(tmp_path)
    store.save("a", DONE, pd.DataFrame({"x": [1.0]}))
    (tmp_path / "trials" / "a.parquet").unlink()  # killed between the two files
    assert store.load("a") is None
    store.save("a", DONE, pd.DataFrame({"x": [1.0]}))
    (tmp_path / "customers" / "a.parquet").unlink()
    assert store.load("a") is None


def test_a_damaged_file_is_done_again(tmp_path):
    store = TrialStore(tmp_path)
    store.save("a", DONE, pd.DataFrame({"x": [1.0]}))
    (tmp_path / "trials" / "a.parquet").write_bytes(b"half")
    assert store.load("a") is None
    with pytest.raises(DataError, match="cannot be read"):
        store.trials()
    store.save("a", DONE, pd.DataFrame({"x": [1.0]}))
    assert len(store.trials()) == 1


def test_a_write_that_is_cut_off_leaves_nothing(tmp_path, monkeypatch):
    store = TrialStore(tmp_path)

    def killed(table, path):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr("segml.evaluation.trials.pq.write_table", killed)
    with pytest.raises(KeyboardInterrupt):
        store.save("a", DONE)
    monkeypatch.undo()
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []
    (tmp_path / "trials").mkdir(exist_ok=True)
    (tmp_path / "trials" / ".b.parquet.x.parquet").write_bytes(b"of another writer")
    store.save("a", DONE)
    assert len(store.trials()) == 1


def test_two_writers_of_one_trial(tmp_path):
    one, other = TrialStore(tmp_path), TrialStore(tmp_path)
    one.save("a", DONE, pd.DataFrame({"x": [1.0]}))
    other.save("a", DONE, pd.DataFrame({"x": [1.0]}))
    one.save("b", DONE | {"segments": 3}, pd.DataFrame({"x": [1.0]}))
    assert len(other.trials()) == 2
    import duckdb

    files = str(tmp_path / "trials" / "*.parquet")
    text = "SELECT count(*) FROM read_parquet(?, union_by_name = true)"
    assert duckdb.execute(text, [files]).fetchone() == (2,)


@pytest.mark.parametrize(("error", "kept"), [("ConvergenceError", True), ("OSError", False)])
def test_failures(tmp_path, error, kept):
    store = TrialStore(tmp_path)
    store.save("a", {"status": "failed", "error": error, "reason": "r"})
    assert (store.load("a") is not None) is kept


def test_keys():
    assert trial_key(a="1", b="2") == trial_key(b="2", a="1") != trial_key(a="1", b="3")
    assert code_version() == code_version()


def test_fingerprints_do_not_depend_on_the_order_of_rows(cdnow_sample):
    orders = cdnow_sample.orders.to_pandas()
    shuffled = orders.sample(frac=1, random_state=0)
    changed = orders.copy()
    changed.loc[changed.index[5], "revenue"] += 0.01
    swapped = orders.copy()
    swapped.loc[[0, 9], "customer_id"] = swapped.loc[[9, 0], "customer_id"].to_numpy()
    one, same, *others = (
        data_fingerprint(CustomerData(read_orders(frame)))
        for frame in (orders, shuffled, changed, swapped, orders.iloc[1:])
    )
    assert one == same
    assert one not in others


@pytest.fixture(scope="module")
def results(cdnow_sample, tmp_path_factory):
    store = TrialStore(tmp_path_factory.mktemp("trials"))
    return backtest(cdnow_sample, ["own mean", "mean of all"], ["1997-06-30"], [26], store=store)


def test_mlflow_has_the_same(results, tmp_path):
    uri = (tmp_path / "runs").as_uri()
    ids = log_to_mlflow(results, "tests", uri)
    assert len(ids) == 2
    from mlflow import MlflowClient

    run = MlflowClient(uri).get_run(ids[0])
    assert run.data.params["model"] == "own mean"
    expected = results.table("purchases").loc["own mean", "rmse"]
    assert run.data.metrics["purchases.rmse"] == pytest.approx(expected)
    assert "purchases.poisson_deviance" not in run.data.metrics
    failed = MlflowClient(uri).get_run(ids[1])
    assert failed.info.status == "FAILED"
    assert "nobody had bought" in failed.data.tags["reason"]
    assert log_to_mlflow(results, "tests", uri) == []


def test_without_mlflow(results, monkeypatch):
    def absent(module, extra):
        raise MissingDependencyError("not installed", hint=f'pip install "segml[{extra}]"')

    monkeypatch.setattr(trials_mlflow, "optional_import", absent)
    with pytest.raises(MissingDependencyError, match=r"segml\[mlflow\]"):
        log_to_mlflow(results)
