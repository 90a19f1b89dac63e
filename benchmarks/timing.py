"""Time alternatives beside each other in one process run and print a table of medians."""

from __future__ import annotations

import importlib.metadata
import platform
import statistics
import time
from collections.abc import Callable


def compare(
    title: str,
    runs: dict[str, Callable[[], object]],
    repeats: int = 5,
    packages: tuple[str, ...] = (),
) -> None:
    """Run each alternative in turn, `repeats` times, and print medians and ratios.

    Parameters
    ----------
    title : str
        What is timed.
    runs : dict of str to callable
        The alternatives; ratios are to the one called "segml".
    repeats : int
        Rounds; within a round the alternatives take turns, so that noise hits all alike.
    packages : tuple of str
        Packages whose versions are printed.
    """
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    base = statistics.median(seconds["segml"])
    print(f"\n### {title}\n")
    print("| | median seconds | times segml |\n| --- | ---: | ---: |")
    for name, taken in seconds.items():
        middle = statistics.median(taken)
        print(f"| {name} | {middle:.4g} | {middle / base:.1f} |")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    print(f"\nMedian of {repeats}; Python {platform.python_version()}, {versions}.")
