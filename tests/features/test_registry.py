import pytest

from segml._core.errors import DataError, MissingTableError, NotEnoughDataError, ParameterError
from segml.features import (
    FEATURES,
    SOURCES,
    Feature,
    Source,
    build_features,
    register_feature,
    register_source,
)
from segml.features.registry import WINDOWED

from .bundles import bundle, store


def feature(name: str = "mine", sql: str = "count(*)", **parts) -> Feature:
    parts = {"columns": ("revenue",), "scale": "log", "unit": "count", **parts}
    return Feature(name, "Mine", "value", "What I count.", sql=sql, **parts)


@pytest.fixture
def registry():
    """Whatever a test registers goes away after it."""
    kept = [dict(part) for part in (FEATURES, WINDOWED, SOURCES)]
    yield
    for part, old in zip((FEATURES, WINDOWED, SOURCES), kept, strict=True):
        part.clear()
        part.update(old)


def small(*names: str) -> dict:
    return {name: table for name, table in store(40).items() if name in ("orders", *names)}


def test_every_feature_says_what_it_is() -> None:
    labels = set()
    for name, one in FEATURES.items():
        assert one.name == name
        assert one.meaning.endswith(".")
        assert one.low != one.high
        assert one.columns or SOURCES[one.table]
        labels.add(one.label)
    assert len(labels) == len(FEATURES)
    assert len(FEATURES) > 95


def test_windows_are_listed_for_the_default_windows() -> None:
    assert FEATURES["revenue_90d"].window == 90
    assert FEATURES["revenue_90d"].label == "Revenue of 90 days"
    assert "revenue_{window}d" not in FEATURES


def test_one_registers_ones_own(registry) -> None:
    register_feature(feature(sql="count(*) FILTER (WHERE revenue > 10)"))
    register_feature(feature("mine_{window}d", "count(*) + {window}"))
    names = ["mine", "mine_7d"]
    table = build_features(bundle(small()), None, names, windows=[7])
    assert table.names == names
    assert table.to_pandas()["mine_7d"].min() > 7


def test_a_feature_of_ones_own_rows(registry) -> None:
    sql = "SELECT customer_id, revenue * 2 AS twice FROM {orders} WHERE revenue IS NOT NULL"
    register_source(Source("doubled", "one order", sql, ("orders.revenue",)))
    register_feature(feature(sql="max(twice)", table="doubled", columns=(), unit="money"))
    found = build_features(bundle(small()), None, ["mine", "largest_order"]).to_pandas()
    assert (found["mine"] == 2 * found["largest_order"]).all()


def test_duplicates_are_refused(registry) -> None:
    with pytest.raises(ParameterError, match="there is a feature of this name"):
        register_feature(feature("orders"))
    with pytest.raises(ParameterError, match="there is a feature of this name"):
        register_feature(feature("Orders"))
    assert register_feature(feature("orders"), replace=True) is FEATURES["orders"]
    with pytest.raises(ParameterError, match="there are rows of this name"):
        register_source(Source("sessions", "one", "SELECT 1"))
    with pytest.raises(ParameterError, match="there are rows of this name"):
        register_source(SOURCES["homes"])


def test_tables_that_are_not_known(registry) -> None:
    with pytest.raises(ParameterError) as caught:
        register_feature(feature(table="order"))
    assert caught.value.problem.nearest == "orders"
    with pytest.raises(ParameterError) as caught:
        register_source(Source("mine", "one", "SELECT * FROM {session}"))
    assert caught.value.problem.nearest == "sessions"
    with pytest.raises(ParameterError, match="a column that mine needs has no table"):
        register_feature(feature(table="purchase_days"))
    with pytest.raises(ParameterError, match="this is no feature"):
        register_feature("orders")


@pytest.mark.parametrize(
    ("parts", "what"),
    [
        ({"name": "1st"}, "its name is not letters"),
        ({"name": 'a"; DROP TABLE x'}, "its name is not letters"),
        ({"name": "customer_id"}, "customer_id is the key"),
        ({"sql": " "}, "it has no sql"),
        ({"columns": "revenue"}, "columns and levels are tuples"),
        ({"scale": "cyclic"}, "scale 'cyclic' and a cycle"),
        ({"cycle": 7.0}, "scale 'cyclic' and a cycle"),
        ({"scale": "ordinal", "unit": "category"}, "scale 'ordinal' needs levels"),
        ({"scale": "one-hot"}, "unit 'category' and scale"),
        ({"unit": "category"}, "unit 'category' and scale"),
        ({"unit": "category", "scale": "one-hot", "missing": "zero"}, "a missing category"),
        ({"name": "x_{level}"}, "a name with {level}"),
        ({"each": "channel"}, "a name with {level}"),
        ({"sql": "count(*) + {window}"}, "its sql holds {window}"),
        ({"sql": "max({level})"}, "its sql holds {level}"),
    ],
)
def test_a_feature_whose_parts_do_not_fit(parts, what) -> None:
    with pytest.raises(ParameterError, match="this feature is not complete") as caught:
        feature(**parts)
    assert what in caught.value.problem.got


@pytest.mark.parametrize(
    ("parts", "nearest"),
    [({"unit": "day"}, "days"), ({"scale": "logs"}, "log"), ({"missing": "unknwon"}, "unknown")],
)
def test_choices_of_a_feature(parts, nearest) -> None:
    with pytest.raises(ParameterError) as caught:
        feature(**parts)
    assert caught.value.problem.nearest == nearest


@pytest.mark.parametrize("sql", ["sum(revenu)", "revenue * 2", "count(", "nothing(revenue)"])
def test_bad_sql_names_the_feature(registry, sql) -> None:
    register_feature(feature(sql=sql))
    with pytest.raises(DataError, match="the sql of the feature mine cannot be run") as caught:
        build_features(bundle(small()), None, ["orders", "mine"])
    assert "FEATURES['mine'].sql" in caught.value.problem.where


def test_sql_that_gives_no_number(registry) -> None:
    register_feature(feature(sql="min(channel)"))
    with pytest.raises(DataError, match="the sql of the feature mine gives no number"):
        build_features(bundle(small()), None, ["mine"])


def test_windows() -> None:
    data = bundle(small())
    table = build_features(data, None, ["orders_{window}d"], windows=[7, 400])
    assert table.names == ["orders_7d", "orders_400d"]
    everything = build_features(data, kinds=["value"], windows=[7]).names
    assert "revenue_7d" in everything
    assert "revenue_30d" not in everything
    assert build_features(data, None, ["revenue_30d"], windows=[7]).names == ["revenue_30d"]
    assert build_features(data, kinds=["value"], windows=[]).names[-1] == "refunded_share"


@pytest.mark.parametrize("windows", [[0], [-30], [1.5], [True], ["30"]])
def test_windows_are_positive(windows) -> None:
    with pytest.raises(ParameterError, match="windows is out of range"):
        build_features(bundle(small()), windows=windows)


@pytest.mark.parametrize(
    "asked",
    [{"windows": 30}, {"kinds": "value"}, {"kinds": []}, {"exclude": "orders"}, {"include": 3}],
)
def test_lists_are_lists(asked) -> None:
    with pytest.raises(ParameterError, match="is not a list of"):
        build_features(bundle(small()), **asked)


def test_kinds_include_and_exclude() -> None:
    data = bundle(small("customers", "surveys"))
    table = build_features(data, None, ["orders"], kinds=["geographic"], exclude=["region"])
    assert table.names[-1] == "orders"
    assert "region" not in table.names
    assert "country" in table.names
    assert "regoin" not in FEATURES
    for asked, near in (({"kinds": ["values"]}, "value"), ({"exclude": ["regoin"]}, "region")):
        with pytest.raises(ParameterError) as caught:
            build_features(data, **asked)
        assert caught.value.problem.nearest == near
    with pytest.raises(ParameterError, match="no feature is left"):
        build_features(data, None, ["orders"], exclude=["orders"])


def test_features_of_values() -> None:
    data = bundle(small("order_lines"))
    every = build_features(data, None, ["category_share_{level}"])
    assert len(every.names) == 6
    assert every.to_pandas().sum(axis=1).to_list() == pytest.approx([1.0] * 40)
    some = build_features(data, None, ["category_share_books", "orders"])
    assert some.names == ["category_share_books", "orders"]
    less = build_features(data, None, every.names, exclude=["category_share_books"])
    assert len(less.names) == 5
    with pytest.raises(ParameterError) as caught:
        build_features(data, None, ["category_share_book"])
    assert caught.value.problem.nearest == "category_share_books"


def test_an_empty_table_and_a_column_without_a_value() -> None:
    tables = small("sessions", "customers")
    tables["sessions"] = tables["sessions"].slice(0, 0)
    customers = tables["customers"].to_pandas().assign(gender=None)
    table = build_features(
        bundle({**tables, "customers": customers}), "2025-12-01", ["orders", "sessions", "gender"]
    )
    assert table.names == ["orders"]
    assert table.left_out == {
        "sessions": "the table sessions has no row by 2025-12-01",
        "gender": "no customers.gender is known by 2025-12-01",
    }
    with pytest.raises(NotEnoughDataError):
        build_features(bundle({"orders": tables["orders"].slice(0, 0)}))


def test_columns_of_the_wrong_type() -> None:
    orders = small()["orders"].to_pandas()
    margin = orders.assign(margin="a lot")
    table = build_features(bundle({"orders": margin}), None, ["orders", "margin"])
    assert table.left_out == {"margin": "the column orders.margin is VARCHAR, not a number"}
    with pytest.raises(DataError, match=r"orders.revenue is VARCHAR, not a number"):
        build_features(bundle({"orders": orders.assign(revenue="a lot")}), None, ["orders"])
    with pytest.raises(DataError, match=r"orders.ordered_at is VARCHAR, not a timestamp"):
        build_features(bundle({"orders": orders.assign(ordered_at="today")}), "2025-01-01")


def test_one_order() -> None:
    orders = store(40)["orders"].slice(0, 1)
    found = build_features(bundle({"orders": orders})).to_pandas()
    assert len(found) == 1
    assert found["orders"].item() == 1
    assert found["lifecycle_stage"].isna().all()


def test_dates_without_a_time_have_no_hour() -> None:
    orders = store(40)["orders"].to_pandas()
    orders["ordered_at"] = orders["ordered_at"].dt.normalize()
    table = build_features(bundle({"orders": orders}), None, ["order_hour", "order_weekday"])
    assert table.left_out == {"order_hour": "the times of orders are dates without a time of day"}


def test_extra_columns_can_be_used(registry) -> None:
    orders = store(40)["orders"].to_pandas().assign(gift=1)
    register_feature(feature(sql="sum(gift)", columns=("gift",)))
    found = build_features(bundle({"orders": orders}), None, ["mine", "orders"]).to_pandas()
    assert (found["mine"] == found["orders"]).all()
    with pytest.raises(MissingTableError, match="no feature can be computed"):
        build_features(bundle(small()), None, ["mine"])


@pytest.mark.parametrize("bounds", [(5, 1), (1,), (1, 1)])
def test_bounds_of_scales(bounds) -> None:
    with pytest.raises(ParameterError, match="the bounds of a scale"):
        build_features(bundle(small("surveys")), None, ["survey_{level}"], scales={"a": bounds})


def test_personal_data_stay_where_they_are() -> None:
    """No feature reads e-mail addresses, phone numbers or whole postcodes."""
    texts = " ".join([one.sql for one in FEATURES.values()] + [s.sql for s in SOURCES.values()])
    assert "email" not in texts
    assert "phone" not in texts.replace("%phone%", "")
