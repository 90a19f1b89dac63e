import pytest

from segml._core.errors import MissingTableError, ParameterError
from segml.data.columns import map_columns
from segml.data.tables import ORDERS, SESSIONS

PRESENT = ["customer_id", "order_id", "ordered_at", "revenue"]


@pytest.mark.parametrize(
    "names",
    [
        ["Customer ID", "ORDER-ID", " ordered at ", "Revenue"],
        ["CUSTOMER_ID", "Order_Id", "Ordered-At", "revenue"],
    ],
)
def test_case_spaces_and_hyphens_do_not_matter(names) -> None:
    assert map_columns(ORDERS, names, None) == dict(zip(PRESENT, names, strict=True))


def test_the_exact_name_goes_first() -> None:
    found = map_columns(ORDERS, ["Revenue", *PRESENT], None)
    assert found["revenue"] == "revenue"


def test_optional_columns_are_found_too() -> None:
    found = map_columns(ORDERS, [*PRESENT, "Coupon", "other"], None)
    assert found["coupon"] == "Coupon"
    assert set(found) == {*PRESENT, "coupon"}


def test_a_mapping_goes_first() -> None:
    found = map_columns(ORDERS, [*PRESENT, "net"], {"revenue": "net"})
    assert found["revenue"] == "net"


def test_a_mapped_column_is_not_matched_again_by_a_similar_name() -> None:
    present = ["Revenue", *PRESENT[:3]]
    found = map_columns(ORDERS, present, {"margin": "Revenue", "revenue": "Revenue"})
    assert found["revenue"] == found["margin"] == "Revenue"
    with pytest.raises(MissingTableError, match="a required column is missing: revenue"):
        map_columns(ORDERS, present, {"margin": "Revenue"})


def test_no_order_ids() -> None:
    assert map_columns(ORDERS, PRESENT, {"order_id": None})["order_id"] is None


@pytest.mark.parametrize(
    ("schema", "column"), [(ORDERS, "revenue"), (ORDERS, "coupon"), (SESSIONS, "session_id")]
)
def test_only_order_ids_may_be_absent(schema, column) -> None:
    with pytest.raises(ParameterError, match="only order_id of orders can be said") as caught:
        map_columns(schema, [*PRESENT, "session_id", "started_at"], {column: None})
    assert caught.value.problem.where == f"columns[{column!r}]"


def test_an_unknown_canonical_name() -> None:
    with pytest.raises(ParameterError, match="unknown value for columns") as caught:
        map_columns(ORDERS, PRESENT, {"custumer_id": "revenue"})
    assert caught.value.problem.got == "custumer_id"
    assert caught.value.problem.nearest == "customer_id"


def test_an_unknown_source_column() -> None:
    with pytest.raises(ParameterError) as caught:
        map_columns(ORDERS, ["CustomerNo", *PRESENT], {"customer_id": "customerno"})
    problem = caught.value.problem
    assert problem.where == "columns['customer_id']"
    assert problem.got == "customerno"
    assert problem.expected == "one of CustomerNo, customer_id, order_id, ordered_at, revenue"
    assert problem.nearest == "CustomerNo"


def test_several_columns_could_be_meant() -> None:
    with pytest.raises(ParameterError, match="several columns could be revenue") as caught:
        map_columns(ORDERS, ["Revenue", "REVENUE", *PRESENT[:3]], None)
    assert caught.value.problem.got == "Revenue, REVENUE"


def test_a_missing_column_names_the_nearest_unused() -> None:
    with pytest.raises(MissingTableError) as caught:
        map_columns(
            ORDERS, ["client", "order_id", "order_at", "revenue"], {"customer_id": "client"}
        )
    problem = caught.value.problem
    assert problem.what == "a required column is missing: ordered_at"
    assert problem.nearest == "order_at"
    assert problem.expected == "customer_id, order_id, ordered_at, revenue"
    assert problem.hint == "columns={'ordered_at': 'its name in the source'}"
