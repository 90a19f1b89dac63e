from __future__ import annotations

import importlib.util
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from segml._core.errors import DataError, MissingDependencyError, ParameterError
from segml.clustering.segment_map import SegmentMap
from segml.plots import explore_segments
from segml.plots.style import GREY, segment_color

IDS = pd.Index([f"c{i}" for i in range(6)], name="customer_id")
SEGMENTS = pd.DataFrame(
    {"name": ["Few", "<b>Many</b>"], "size": [3, 2], "share": [0.5, 1 / 3], "own": 1.0}
)
POINTS = pd.DataFrame(
    {"x": [0.0, 1, 2, 8, 9, 5], "y": [0.0, 1, 0, 9, 8, 5], "segment": [0, 0, 0, 1, 1, -1]},
    index=IDS,
)
MAP = SegmentMap(POINTS, SEGMENTS, pd.DataFrame(), ("UMAP 1", "UMAP 2"))
FEATURES = pd.DataFrame(
    {
        "orders": [1, 2, 1, 9, 8, 3],
        "aov": [10.0, 20.5, np.nan, 99.123, 1500, 7],
        "gender": ["f", "m", None, "f", "m", "f"],
    },
    index=IDS,
)


def test_without_the_extra_the_message_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "jscatter", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "segml\[interactive\]"'):
        explore_segments(MAP)


@pytest.mark.slow
def test_importing_the_figures_does_not_import_the_widget():
    script = "import sys, segml.plots; print({'jscatter', 'ipywidgets'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr


@pytest.fixture
def explorer():
    if importlib.util.find_spec("jscatter") is None:
        pytest.skip("jupyter-scatter is not installed (segml[interactive])")
    return explore_segments


def hover(explorer, place: int) -> dict[str, str]:
    """Return what the browser is told of a customer that is pointed at."""
    sent = []
    widget = explorer.widget
    widget.send = sent.append
    wanted = [name for name in widget.tooltip_properties if name in widget.data.columns]
    message = {"type": "tooltip", "index": place, "preview": None, "properties": wanted}
    widget._handle_custom_msg(message, [])
    return sent[0]["properties"]


def test_the_lasso_returns_customer_ids(explorer):
    shown = explorer(MAP)
    assert shown.selected.tolist() == []
    shown.widget.selection = np.array([4, 1], dtype="uint32")  # as the browser sets it
    assert shown.selected.tolist() == ["c1", "c4"]
    assert shown.selected.name == "customer_id"


def test_customers_can_be_selected_from_python(explorer):
    shown = explorer(MAP)
    assert shown.select(["c3", "c0"]) is shown
    assert shown.selected.tolist() == ["c0", "c3"]
    assert shown.select([]).selected.tolist() == []
    with pytest.raises(DataError, match="1 of 2"):
        shown.select(["c3", "nobody"])


def test_pointing_at_a_customer_shows_the_profile_and_no_id(explorer):
    shown = explorer(MAP, FEATURES.sample(frac=1, random_state=1))
    assert hover(shown, 3) == {"Orders": "9", "Average order value": "99.1", "Gender": "f"}
    assert hover(shown, 2) == {"Orders": "1", "Average order value": "unknown", "Gender": "unknown"}
    assert not shown.widget.data.isin(list(IDS)).any(axis=None)


def test_features_can_be_chosen_and_may_be_called_as_the_axes(explorer):
    assert list(hover(explorer(MAP, FEATURES, ["aov"]), 0)) == ["Average order value"]
    clash = FEATURES[["orders"]].set_axis(["x"], axis=1)
    shown = explorer(MAP, clash)
    assert hover(shown, 3) == {"x (feature)": "9"}
    assert shown.widget.data["x"].tolist() == POINTS["x"].tolist()
    with pytest.raises(ParameterError, match="did you mean: 'orders'"):
        explorer(MAP, FEATURES, ["order"])
    many = pd.DataFrame({f"f{i}": 1.0 for i in range(12)}, index=IDS)
    assert len(hover(explorer(MAP, many), 0)) == 10
    with pytest.raises(ParameterError, match="too much to read"):
        explorer(MAP, many, list(many))


def test_features_of_others_are_refused(explorer):
    with pytest.raises(DataError, match="1 of 6 customers missing"):
        explorer(MAP, FEATURES[:5])


def test_segments_have_their_colours_and_noise_is_grey(explorer):
    widget = explorer(MAP).widget
    colors = {name: to_hex(widget.color[place]) for name, place in widget.color_domain.items()}
    assert colors == {
        "Few": segment_color(0).lower(),
        "<b>Many</b>": segment_color(1).lower(),
        "no segment": GREY,
    }
    assert widget.axes_labels == ["UMAP 1", "UMAP 2"]
    component = "principal component 1: orders, visits (67% of variance)"
    shown = explorer(SegmentMap(POINTS, SEGMENTS, pd.DataFrame(), (component, "")))
    assert shown.widget.axes_labels == ["principal component 1 (67% of variance)", ""]


def test_it_shows_itself_without_a_warning(explorer):
    with warnings.catch_warnings(action="error"):
        bundle = explorer(MAP, FEATURES)._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert "application/vnd.jupyter.widget-view+json" in data


def test_one_place_and_arrays(explorer):
    points = pd.DataFrame({"x": [1.0, 1.0], "y": [2.0, 2.0], "segment": [0, 0]})
    one = SegmentMap(points, SEGMENTS, pd.DataFrame(), ("a", "b"))
    shown = explorer(one, np.array([[1.0], [3.0]]))
    assert np.isfinite(shown.widget.points).all()
    assert hover(shown, 1) == {"feature 0": "3"}
