"""Fitting BG/NBD and Gamma-Gamma: segml, standard errors included, beside lifetimes."""

from __future__ import annotations

import warnings

from timing import compare

from segml.clv import BetaGeoModel, GammaGammaModel
from segml.data import load_cdnow, load_cdnow_sample
from segml.features import rfm_summary

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # lifetimes warns on import with current NumPy
    import lifetimes


def main() -> None:
    warnings.simplefilter("ignore", RuntimeWarning)  # lifetimes overflows on its way
    for title, data in {
        "CDNOW sample, 2,357 customers": load_cdnow_sample(),
        "CDNOW, 23,570 customers": load_cdnow(),
    }.items():
        rfm = rfm_summary(data, "1997-09-30", time_unit="W")
        paid = rfm[(rfm["frequency"] > 0) & (rfm["monetary_value"] > 0)]
        compare(
            f"BG/NBD fit: {title}",
            {
                "segml": lambda rfm=rfm: BetaGeoModel().fit(rfm),
                "lifetimes": lambda rfm=rfm: lifetimes.BetaGeoFitter().fit(
                    rfm["frequency"], rfm["recency"], rfm["T"]
                ),
            },
            repeats=3,
            packages=("numpy", "scipy", "lifetimes"),
        )
        compare(
            f"Gamma-Gamma fit: {title}",
            {
                "segml": lambda paid=paid: GammaGammaModel().fit(paid),
                "lifetimes": lambda paid=paid: lifetimes.GammaGammaFitter().fit(
                    paid["frequency"], paid["monetary_value"]
                ),
            },
            repeats=3,
            packages=("numpy", "scipy", "lifetimes"),
        )


if __name__ == "__main__":
    main()
