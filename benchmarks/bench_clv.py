"""Fitting and scoring: segml, standard errors included, beside lifetimes without them.

    python benchmarks/bench_clv.py                     CDNOW, donations, 100,000 simulated
    python benchmarks/bench_clv.py --large             a million; Pareto/NBD; ten million scored

Customers are simulated day by day, two years at most, from BG/NBD and Gamma-Gamma at the
estimates of CDNOW. The floor is what cannot be left out: finding the distinct rows once, and one
pass over them for the likelihood and its derivatives.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.base import clone
from timing import compare

import segml.clv
from segml.data import load_cdnow, load_cdnow_sample, load_donations
from segml.engine import DuckEngine
from segml.features import rfm_summary

PACKAGES = ("numpy", "scipy", "lifetimes")
PURCHASES = {"r": 0.243, "alpha": 4.414 * 7, "a": 0.793, "b": 2.426}  # alpha in days
SPEND = {"p": 6.25, "q": 3.74, "v": 15.4}
DAYS = 730
HORIZON = 364.0
CHUNK = 500_000
FITTERS = {
    "BetaGeoModel": "BetaGeoFitter",
    "ModifiedBetaGeoModel": "ModifiedBetaGeoFitter",
    "ParetoNBDModel": "ParetoNBDFitter",
    "GammaGammaModel": "GammaGammaFitter",
}


# --- customers -------------------------------------------------------------------------------


def simulate(n: int, seed: int) -> pd.DataFrame:
    """Draw the RFM table of n customers, with purchases of one day counted once."""
    rng = np.random.default_rng(seed)
    T = rng.integers(0, DAYS, n).astype(float)
    rate = rng.gamma(PURCHASES["r"], 1 / PURCHASES["alpha"], n)
    leave = rng.beta(PURCHASES["a"], PURCHASES["b"], n)
    x, last = np.zeros(n), np.zeros(n)
    now, living = rng.random(n), np.arange(n)  # the first purchase is some time on day 0
    while len(living):
        now[living] += rng.exponential(1, len(living)) / np.maximum(rate[living], 1e-300)
        living = living[now[living] < T[living] + 1]
        day = np.floor(now[living])
        x[living] += day > last[living]
        last[living] = day
        living = living[rng.random(len(living)) > leave[living]]
    shape = SPEND["p"] * np.maximum(x, 1)
    mean = rng.gamma(shape) / (rng.gamma(SPEND["q"], 1 / SPEND["v"], n) * np.maximum(x, 1))
    money = np.where(x > 0, np.maximum(mean.round(2), 0.01), np.nan)
    return pd.DataFrame({"frequency": x, "recency": last, "T": T, "monetary_value": money})


def write_customers(n: int, path: Path) -> None:
    """Write the table of n customers to Parquet, chunk by chunk."""
    schema = pa.schema(
        {"customer_id": pa.string()}
        | dict.fromkeys(("frequency", "recency", "T", "monetary_value"), pa.float64())
    )
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for begin in range(0, n, CHUNK):
            size = min(CHUNK, n - begin)
            rows = simulate(size, seed=begin + 1)
            ids = [f"C{begin + i:09d}" for i in range(size)]
            rows.insert(0, "customer_id", ids)
            writer.write_table(pa.Table.from_pandas(rows, schema, preserve_index=False))


# --- beside lifetimes ------------------------------------------------------------------------


def columns_of(name: str, rfm: pd.DataFrame) -> list[pd.Series]:
    """Return what the fitter of lifetimes takes."""
    names = ("frequency", "recency", "T")
    return [rfm[c] for c in (("frequency", "monetary_value") if name.startswith("G") else names)]


def fit_lifetimes(name: str, columns: list[pd.Series]) -> Any:
    import lifetimes

    fitter = getattr(lifetimes, FITTERS[name])()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it overflows on its way
        return fitter.fit(*columns)


def buyers(rfm: pd.DataFrame) -> pd.DataFrame:
    return rfm[(rfm["frequency"] > 0) & (rfm["monetary_value"] > 0)]


def beside_lifetimes(name: str, title: str, rfm: pd.DataFrame, repeats: int) -> None:
    """Time both on the same table, and say what the floor is and how far the answers differ."""
    if not hasattr(segml.clv, name):
        return
    rfm = buyers(rfm) if name == "GammaGammaModel" else rfm
    columns = columns_of(name, rfm)
    make = getattr(segml.clv, name)
    answers: dict[str, Any] = {}
    ours = make().fit(rfm)  # what is loaded on first use is not timed
    runs: dict[str, Callable[[], object]] = {
        "segml": lambda: make().fit(rfm),
        "lifetimes": lambda: answers.update(theirs=fit_lifetimes(name, columns)),
    }
    compare(f"{name}: {title}, {len(rfm):,} rows", runs, repeats=repeats, packages=PACKAGES)
    theirs = answers["theirs"].params_
    apart = float(np.abs(theirs[ours.params_.index] / ours.params_ - 1).max())
    print(f"\nEstimates differ by up to {apart:.1e} of their size.")
    if hasattr(ours, "_likelihood"):
        floor(ours, rfm, max(repeats, 3))


def floor(model: Any, rfm: pd.DataFrame, repeats: int) -> None:
    """Print what one pass costs beside a fit."""
    rows, kinds = model._read(rfm).unique()
    likelihood, at = model._likelihood(rows, kinds.counts), model.params_.to_numpy()
    fit, distinct, once = (
        median(run, repeats)
        for run in (
            lambda: clone(model).fit(rfm),
            lambda: model._read(rfm).unique(),
            lambda: likelihood(at),
        )
    )
    print(
        f"{len(kinds):,} distinct rows. Floor: to find them {distinct:.4g} s, one pass over them"
        f" {once:.4g} s; the fit takes {fit / (distinct + once):.1f} times both.",
        flush=True,
    )


def median(run: Callable[[], object], repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def donations(repeats: int) -> None:
    if not hasattr(segml.clv, "BetaGeoBetaBinomModel"):
        return
    import lifetimes

    gifts = load_donations().rename(columns={"periods": "T"})
    columns = [gifts[name] for name in ("frequency", "recency", "T", "weights")]
    whole = gifts.loc[gifts.index.repeat(gifts["weights"])].reset_index(drop=True)
    each = [whole[name] for name in ("frequency", "recency", "T")]
    make = segml.clv.BetaGeoBetaBinomModel
    compare(
        f"BetaGeoBetaBinomModel: donations, {len(gifts)} rows with weights",
        {
            "segml": lambda: make().fit(gifts, weights=gifts["weights"]),
            "lifetimes": lambda: lifetimes.BetaGeoBetaBinomFitter().fit(*columns),
        },
        repeats=repeats,
        packages=PACKAGES,
    )
    compare(
        f"BetaGeoBetaBinomModel: donations, {len(whole):,} rows",
        {
            "segml": lambda: make().fit(whole),
            "lifetimes": lambda: lifetimes.BetaGeoBetaBinomFitter().fit(*each),
        },
        repeats=repeats,
        packages=PACKAGES,
    )


# --- more customers than Python should hold --------------------------------------------------


def one_run(path: Path, target: Path) -> None:
    """Fit the customers of a file and score them to another; print seconds and peak memory."""
    seconds: dict[str, float] = {}

    def timed(what: str, run: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = run()
        seconds[what] = time.perf_counter() - start
        return result

    engine = DuckEngine()
    engine.execute("SET memory_limit = '1500MB'")
    engine.execute(f"SET temp_directory = '{target.parent / 'spill'}'")
    engine.execute("SET preserve_insertion_order = false")
    rfm = engine.register(path)
    text = "SELECT frequency, recency, T, count(*) AS n FROM {rfm} GROUP BY ALL"
    counts = timed("counts in DuckDB", lambda: engine.sql(text, rfm=rfm).to_pandas())
    model = timed(
        "BG/NBD from the counts", lambda: segml.clv.BetaGeoModel().fit(counts, counts["n"])
    )
    text = """SELECT frequency, monetary_value, count(*) AS n FROM {rfm} WHERE frequency > 0
        GROUP BY ALL"""
    values = timed("counts of spend", lambda: engine.sql(text, rfm=rfm).to_pandas())
    spend = timed("Gamma-Gamma", lambda: segml.clv.GammaGammaModel().fit(values, values["n"]))
    fitted = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    timed(
        "scores to Parquet",
        lambda: segml.clv.score_customers(
            model, rfm, HORIZON, spend, discount_rate=1.1 ** (1 / 365.2425) - 1
        ).to_parquet(target),
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    n = pq.ParquetFile(target).metadata.num_rows
    print(f"\n### Counted, fitted and scored out of memory: {n:,} customers\n")
    print("| | seconds |\n| --- | ---: |")
    for what, taken in (seconds | {"all": sum(seconds.values())}).items():
        print(f"| {what} | {taken:.2f} |")
    print(
        f"\n{len(counts):,} distinct histories, {len(values):,} distinct values of spend."
        f" Peak memory {fitted:.2f} GB after the fits, {peak:.2f} GB in all.",
        flush=True,
    )


def out_of_memory(n: int, folder: Path) -> None:
    """Each stage in a process of its own, so that its memory is its own."""
    path, target = str(folder / "customers.parquet"), str(folder / "scores.parquet")
    subprocess.run([sys.executable, __file__, "--write", str(n), path], check=True)
    subprocess.run([sys.executable, __file__, "--score", path, target], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="the sizes below too: minutes")
    parser.add_argument("--simulated", type=int, default=100_000, help="customers without --large")
    parser.add_argument("--customers", type=int, default=1_000_000, help="for BG/NBD")
    parser.add_argument("--pareto", type=int, default=100_000, help="for Pareto/NBD")
    parser.add_argument("--scored", type=int, default=10_000_000, help="in Parquet, scored")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", choices=("small", "fit", "pareto", "score"), nargs="*")
    parser.add_argument("--write", nargs=2, metavar=("N", "FILE"), help=argparse.SUPPRESS)
    parser.add_argument("--score", nargs=2, metavar=("FILE", "TARGET"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.write:
        return write_customers(int(asked.write[0]), Path(asked.write[1]))
    if asked.score:
        return one_run(*map(Path, asked.score))
    parts = asked.only or ["small", *(["fit", "pareto", "score"] if asked.large else [])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lifetimes warns on import with current NumPy
        import lifetimes  # noqa: F401
    if "small" in parts:
        for title, data in (("CDNOW sample", load_cdnow_sample()), ("CDNOW", load_cdnow())):
            rfm = rfm_summary(data, "1997-09-30", time_unit="W")
            for name in FITTERS:
                beside_lifetimes(name, title, rfm, asked.repeats)
        donations(asked.repeats)
        rfm = simulate(asked.simulated, seed=1)
        for name in ("BetaGeoModel", "ModifiedBetaGeoModel", "GammaGammaModel"):
            beside_lifetimes(name, "simulated by day", rfm, asked.repeats)
    if "fit" in parts:
        rfm = simulate(asked.customers, seed=1)
        beside_lifetimes("BetaGeoModel", "simulated by day", rfm, asked.repeats)
    if "pareto" in parts:
        rfm = simulate(asked.pareto, seed=1)
        beside_lifetimes("ParetoNBDModel", "simulated by day", rfm, 1)
    if "score" in parts:
        with tempfile.TemporaryDirectory() as folder:
            out_of_memory(asked.scored, Path(folder))
    return None


if __name__ == "__main__":
    main()
