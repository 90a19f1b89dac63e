import re

import pytest

from segml.features import FEATURES
from segml.features.listing import PAGE, features_markdown, with_list

from .bundles import bundle, store


@pytest.fixture
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_the_page_is_what_the_registry_says(page) -> None:
    assert with_list(page) == page


def test_every_feature_has_one_row() -> None:
    rows = re.findall(r"^\| `([^`]+)` \|.*\|$", features_markdown(), re.MULTILINE)
    assert sorted(rows) == sorted(FEATURES)


def test_the_example_of_the_page_runs(page) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names = {"data": bundle({"orders": store(40)["orders"]})}
    try:
        exec(code, names)
    finally:
        FEATURES.pop("big_orders", None)
    found = names["features"]
    assert list(found.columns) == ["big_orders", "aov"]
    assert found["big_orders"].notna().all()
