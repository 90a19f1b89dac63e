"""The map of customers in JupyterLab: point at one for its profile, draw around many for ids."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pandas as pd

from segml._core.check import nearest
from segml._core.errors import DataError, ParameterError
from segml._core.lazy import optional_import
from segml.clustering._input import as_frame, features_of
from segml.clustering._labels import NOISE
from segml.clustering.segment_map import SegmentMap
from segml.features import Feature
from segml.features.words import say_value

from .style import GREY, segment_color

_MOST = 10  # features beside a customer pointed at
_NO_SEGMENT = "no segment"
_OWN = ("x", "y", "segment")  # columns of the map itself


class SegmentExplorer:
    """A map in JupyterLab whose selection can be read.

    Made by `explore_segments`; shows itself as the last value of a cell.

    Parameters
    ----------
    scatter : jscatter.Scatter
        The drawing.
    customers : Index
        Customer ids in the order of its points.
    """

    def __init__(self, scatter: Any, customers: pd.Index) -> None:
        self.scatter = scatter
        self._customers = customers

    @property
    def widget(self) -> Any:
        """The widget, to lay out beside others (ipywidgets)."""
        return self.scatter.widget

    @property
    def selected(self) -> pd.Index:
        """Ids of the customers selected with the lasso, in the order of the map; may be none."""
        places = self.widget.selection
        if places is None:
            return self._customers[:0]
        return self._customers[np.sort(np.asarray(places, dtype=np.intp))]

    def select(self, customers: Any) -> SegmentExplorer:
        """Select customers on the map.

        Parameters
        ----------
        customers : iterable
            Customer ids; those of `selected` of another map, for example.

        Returns
        -------
        SegmentExplorer
            Itself.

        Raises
        ------
        DataError
            A customer is not on the map.
        """
        wanted = pd.Index(list(customers))
        places = self._customers.get_indexer_for(wanted) if len(wanted) else np.empty(0, int)
        if (places < 0).any():
            raise DataError(
                "some customers are not on the map",
                where="customers",
                got=f"{int((places < 0).sum()):,} of {len(wanted):,}",
            )
        self.scatter.selection(places)
        return self

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return self.scatter.show()._repr_mimebundle_(**kwargs)


def explore_segments(
    mapped: SegmentMap, features: Any = None, show: list[str] | None = None, height: int = 480
) -> SegmentExplorer:
    """Open a map of customers to point at, zoom and select in (JupyterLab).

    Parameters
    ----------
    mapped : SegmentMap
        From `map_segments`.
    features : DataFrame, FeatureTable, Polars or Arrow table, optional
        Features of the same customers: pointing at a customer shows them.
    show : list of str, optional
        Which of them, at most ten; the first ten when not given.
    height : int, default 480
        Of the map, in pixels.

    Returns
    -------
    SegmentExplorer
        Shows itself. After drawing around customers with the lasso (the button, or a
        long press), ``selected`` has their ids. Points and segments are sent to the
        browser; ids are not, and features only of the customer pointed at.

    Raises
    ------
    MissingDependencyError
        jupyter-scatter is not installed: ``pip install "segml[interactive]"``.
    DataError
        The features are not those of the customers of the map.
    ParameterError
        A feature to show does not exist, or there are more than ten.

    Examples
    --------
    >>> explorer = explore_segments(map_segments(segmenter, X), X)  # doctest: +SKIP
    >>> explorer.selected  # after the lasso  # doctest: +SKIP
    Index(['c0012', 'c0107'], dtype='str', name='customer_id')
    """
    with warnings.catch_warnings(action="ignore"):  # of pandas, as it reads its fonts
        jscatter = optional_import("jscatter", "interactive")
    names, color_map = _names(mapped)
    points = mapped.points
    table = pd.DataFrame(
        {
            "x": points["x"].to_numpy(),
            "y": points["y"].to_numpy(),
            "segment": pd.Categorical(
                points["segment"].map(names).to_numpy(), categories=list(color_map)
            ),
        }
    )
    said = {} if features is None else _said(features, points.index, show)
    table = table.assign(**said)
    scatter = jscatter.Scatter(
        x="x",
        y="y",
        data=table,
        x_scale=_span(table["x"]),
        y_scale=_span(table["y"]),
        height=height,
    )
    scatter.color(by="segment", map=color_map)
    # What a component is made of is too long for the side of the widget.
    scatter.axes(True, labels=[re.sub(r":.*(?= \()", "", axis) for axis in mapped.axes])
    scatter.legend(True, position="top-right")
    scatter.tooltip(True, properties=["color", *said], histograms=False, size="medium")
    scatter.opacity(by="density")
    return SegmentExplorer(scatter, points.index)


def _names(mapped: SegmentMap) -> tuple[dict[int, str], dict[str, str]]:
    """Return the names of segments by id, and the colours by name."""
    segments = mapped.segments["name"]
    names = dict(zip(map(int, segments.index), map(str, segments), strict=True))
    colors = {name: segment_color(i) for i, name in names.items()}
    if (mapped.points["segment"] == NOISE).any():
        names[NOISE] = _NO_SEGMENT
        colors[_NO_SEGMENT] = GREY
    return names, colors


def _said(features: Any, customers: pd.Index, show: list[str] | None) -> dict[str, Any]:
    """Return the features as people read them, by label, in the order of the map."""
    frame = as_frame(features)
    if not isinstance(frame, pd.DataFrame):
        frame = pd.DataFrame(frame).rename(columns=lambda j: f"feature {j}")
    known = features_of(features, frame.columns)
    if not frame.index.equals(customers):
        missing = int((~customers.isin(frame.index)).sum())
        if missing or not frame.index.is_unique:
            raise DataError(
                "the features are not those of the customers of the map",
                where="features",
                got=f"{len(frame):,} rows, {missing:,} of {len(customers):,} customers missing",
            )
        frame = frame.loc[customers]
    names = list(frame.columns[:_MOST]) if show is None else list(show)
    for name in names:
        if name not in frame:
            raise ParameterError(
                "there is no such feature",
                where="show",
                got=name,
                expected="one of " + ", ".join(map(str, frame.columns)),
                nearest=nearest(name, map(str, frame.columns)),
            )
    if len(names) > _MOST:
        raise ParameterError(
            "that is too much to read beside a point",
            where="show",
            got=f"{len(names)} features",
            expected=f"at most {_MOST}",
        )
    said: dict[str, Any] = {}
    for name in names:
        feature = known.get(name)
        label = feature.label if feature else str(name)
        if label in said or label in _OWN:  # a column of this name is there
            label = f"{name} (feature)"
        said[label] = _texts(feature, frame[name])
    return said


def _texts(feature: Feature | None, column: pd.Series) -> np.ndarray:
    """Return values as people read them; each different one is written once."""
    is_number = pd.api.types.is_numeric_dtype(column) and column.dtype != bool
    codes, values = pd.factorize(column)
    texts = [say_value(feature, value) if is_number else str(value) for value in values]
    return np.array([*texts, "unknown"], dtype=object)[codes]  # -1 is missing


def _span(values: pd.Series) -> tuple[float, float]:
    """Return a scale with every value well inside."""
    low, high = float(values.min()), float(values.max())
    margin = 0.05 * (high - low) or 1.0
    return low - margin, high + margin
