import pytest

from segml.data.tables import TABLES

REQUIRED = {
    "orders": ("customer_id", "order_id", "ordered_at", "revenue"),
    "order_lines": ("order_id", "product_id", "quantity", "unit_price"),
    "customers": ("customer_id",),
    "sessions": ("session_id", "started_at"),
    "messages": ("message_id", "customer_id", "campaign_id", "sent_at"),
    "costs": ("date", "cost"),
    "surveys": ("customer_id", "answered_at", "question", "answer"),
}


def test_the_canonical_tables_and_what_they_require() -> None:
    assert {name: schema.required for name, schema in TABLES.items()} == REQUIRED


@pytest.mark.parametrize("name", REQUIRED)
def test_a_schema_is_in_order(name) -> None:
    schema = TABLES[name]
    assert schema.name == name
    assert len(set(schema.names)) == len(schema.names)
    assert schema.names[: len(schema.required)] == schema.required
    for column in schema.columns:
        assert column.meaning
        assert (column.type == "id") == column.name.endswith("_id"), column.name


@pytest.mark.parametrize(
    ("table", "column", "kind"),
    [
        ("orders", "ordered_at", "timestamp"),
        ("orders", "revenue", "number"),
        ("orders", "coupon", "text"),
        ("customers", "consent_marketing", "boolean"),
        ("sessions", "purchased", "boolean"),
    ],
)
def test_types(table, column, kind) -> None:
    assert {c.name: c.type for c in TABLES[table].columns}[column] == kind
