"""What a backtest costs: segml beside the same models of lifetimes, and a sweep that resumes.

Both fit BG/NBD, MBG/NBD and Gamma-Gamma to all 23,570 CDNOW customers at three dates.
"""

from __future__ import annotations

import tempfile

from timing import compare

from segml.data import load_cdnow
from segml.evaluation.backtest_run import backtest
from segml.evaluation.leaderboard_ranking import leaderboard
from segml.evaluation.trials import TrialStore

CUTOFFS = ["1997-06-30", "1997-09-30", "1997-12-30"]
OWN = ["BG/NBD", "MBG/NBD"]
PEER = ["lifetimes BG/NBD", "lifetimes MBG/NBD"]


def main() -> None:
    orders = load_cdnow()
    with tempfile.TemporaryDirectory() as folder:
        store = TrialStore(folder)
        results = backtest(orders, OWN, CUTOFFS, store=store)
        compare(
            "backtest of two models, three dates",
            {
                "segml": lambda: backtest(orders, OWN, CUTOFFS),
                "lifetimes in the same backtest": lambda: backtest(orders, PEER, CUTOFFS),
                "segml, resumed": lambda: backtest(orders, OWN, CUTOFFS, store=store),
                "leaderboard": lambda: leaderboard(results),
            },
            3,
            ("lifetimes", "scikit-learn", "duckdb"),
        )


if __name__ == "__main__":
    main()
