import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segml._core.errors import NotEnoughDataError, ParameterError
from segml.data import CleaningPolicy, CustomerData, clean, read_orders, read_table
from segml.data.consent import apply_consent
from segml.engine import DuckEngine

from .samples import frame

DAY = "2026-01-31"


def orders(*customers: str):
    return read_orders(frame(*((c, str(i), DAY, 10.0 + i) for i, c in enumerate(customers))))


def customers(**consent):
    table = {"customer_id": list(consent), "consent_analytics": list(consent.values())}
    return read_table(pd.DataFrame(table).astype({"consent_analytics": "boolean"}), "customers")


@pytest.fixture
def data() -> CustomerData:
    return CustomerData(
        orders("yes", "no", "unsaid", "stranger", "yes"),
        order_lines=read_table(
            pd.DataFrame(
                {
                    "order_id": ["0", "1", "1", "3", "of no order"],
                    "product_id": list("abcde"),
                    "quantity": 1,
                    "unit_price": 2.0,
                }
            ),
            "order_lines",
        ),
        customers=customers(yes=True, no=False, unsaid=None),
        sessions=read_table(
            pd.DataFrame(
                {
                    "session_id": ["1", "2", "3"],
                    "started_at": DAY,
                    "customer_id": ["yes", "no", None],
                }
            ),
            "sessions",
        ),
        costs=read_table(pd.DataFrame({"date": [DAY], "cost": [1.0]}), "costs"),
    )


def test_only_who_consented_stays_in_every_table(data) -> None:
    kept, report = apply_consent(data)
    assert kept.orders.to_pandas()["order_id"].tolist() == ["0", "4"]
    assert kept.customers.to_pandas()["customer_id"].tolist() == ["yes"]
    assert kept.order_lines.to_pandas()["product_id"].tolist() == ["a", "e"]
    assert kept.sessions.to_pandas()["session_id"].tolist() == ["1", "3"]
    assert kept.costs is data.costs
    assert report.customers == {"consented": 1, "consent refused": 1, "consent unknown": 2}
    assert report.left_out == {
        "orders": {"consent refused": 1, "consent unknown": 2},
        "order_lines": {"consent refused": 2, "consent unknown": 1},
        "customers": {"consent refused": 1, "consent unknown": 1},
        "sessions": {"consent refused": 1},
    }
    assert report.rows_left_out == 9
    assert report.to_dict()["column"] == "consent_analytics"
    assert data.orders.account.rows_used == 5  # what was handed in is as it was


def test_the_accounts_join_and_the_rows_left_out_show_no_content(data) -> None:
    kept, _ = apply_consent(data)
    account = kept.orders.account
    assert (account.rows_in, account.rows_used) == (5, 2)
    assert account.rejected == {"consent refused": 1, "consent unknown": 2}
    rows = kept.orders.rejected_rows()
    assert rows[["source_row", "reason"]].values.tolist() == [
        [2, "consent refused"],
        [3, "consent unknown"],
        [4, "consent unknown"],
    ]
    assert rows.drop(columns=["source_row", "reason"]).isna().all(axis=None)
    assert list(kept.sessions.account.noted.values()) == [1]


def test_unknown_consent_can_be_kept(data) -> None:
    kept, report = apply_consent(data, unknown="keep")
    assert kept.orders.to_pandas()["customer_id"].tolist() == ["yes", "unsaid", "stranger", "yes"]
    assert report.left_out["orders"] == {"consent refused": 1}
    assert report.left_out["order_lines"] == {"consent refused": 2}


def test_without_the_column_nothing_changes_and_is_said(data) -> None:
    same, report = apply_consent(data, "export")
    assert same is data
    assert not report.applied
    assert "customers.consent_marketing" in report.sentence
    assert "consent_marketing" in report._repr_html_()
    alone = CustomerData(data.orders)
    assert apply_consent(alone)[0] is alone


def test_export_goes_by_marketing_consent() -> None:
    table = pd.DataFrame({"customer_id": ["a", "b"], "consent_marketing": ["true", "no idea"]})
    table["consent_analytics"] = False
    data = CustomerData(orders("a", "b"), customers=read_table(table, "customers"))
    kept, report = apply_consent(data, "export")
    assert kept.orders.to_pandas()["customer_id"].tolist() == ["a"]
    assert report.left_out["orders"] == {"consent unknown": 1}
    assert "For export, 1 customers" in report._repr_html_()
    with pytest.raises(NotEnoughDataError, match="has consented to analysis"):
        apply_consent(data)


def test_one_refusal_is_a_refusal() -> None:
    table = pd.DataFrame(
        {"customer_id": ["a", "a", "b", "b"], "consent_analytics": [True, False, None, True]}
    )
    data = CustomerData(orders("a", "b"), customers=read_table(table, "customers"))
    assert apply_consent(data)[0].orders.to_pandas()["customer_id"].tolist() == ["b"]


def test_rows_rejected_before_keep_content_only_with_consent() -> None:
    rows = frame(("yes", "1", DAY, 5.0), ("yes", "2", DAY, -1.0), ("no", "3", DAY, -2.0))
    data, _ = clean(
        CustomerData(read_orders(rows), customers=customers(yes=True, no=False)),
        CleaningPolicy(consent="ignore"),
    )
    kept, _ = apply_consent(data)
    left = kept.orders.rejected_rows().sort_values("source_row")
    assert left["reason"].tolist() == ["negative revenue"] * 2
    assert left["customer_id"].fillna("").tolist() == ["yes", ""]
    assert left["order_id"].fillna("").tolist() == ["2", ""]


def test_rejected_rows_of_another_layout_lose_their_content() -> None:
    rows = frame(("yes", "1", DAY, 5.0), ("yes", "2", "", 1.0)).rename(
        columns={"customer_id": "client"}
    )
    read = read_orders(rows, {"customer_id": "client"})
    kept, _ = apply_consent(CustomerData(read, customers=customers(yes=True)))
    assert kept.orders.rejected_rows().columns.tolist() == ["source_row", "reason"]
    assert len(kept.orders.rejected_rows()) == 1


def test_merged_orders_count_in_source_rows() -> None:
    rows = frame(("no", "1", DAY, 5.0), ("no", "1", DAY, 6.0), ("yes", "2", DAY, 1.0))
    data, _ = clean(
        CustomerData(read_orders(rows), customers=customers(yes=True, no=False)),
        CleaningPolicy(consent="ignore"),
    )
    kept, report = apply_consent(data)
    assert report.left_out["orders"] == {"consent refused": 2}
    assert (kept.orders.account.rows_in, kept.orders.account.rows_used) == (3, 1)
    again, _ = clean(kept)
    assert again.orders.account.rows_used == 1


def test_tables_of_two_engines() -> None:
    other = read_table(
        pd.DataFrame({"customer_id": ["a"], "consent_analytics": [True]}),
        "customers",
        engine=DuckEngine(),
    )
    kept, _ = apply_consent(CustomerData(orders("a", "b"), customers=other))
    assert kept.orders.account.rows_used == 1


def test_bad_arguments(data) -> None:
    with pytest.raises(ParameterError, match="unknown value for purpose"):
        apply_consent(data, "marketing")
    with pytest.raises(ParameterError, match="unknown value for unknown"):
        apply_consent(data, unknown="drop")
    with pytest.raises(ParameterError, match="bundle of tables"):
        apply_consent(data.orders)


@settings(max_examples=15)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from([True, False, None]))))
def test_kept_are_exactly_those_who_said_yes_and_never_no(said) -> None:
    table = pd.DataFrame([*said, ("yes", True)], columns=["customer_id", "consent_analytics"])
    table = table.astype({"consent_analytics": "boolean"})
    data = CustomerData(orders("yes", *"abcde"), customers=read_table(table, "customers"))
    kept, report = apply_consent(data)
    expected = {"yes"} | {c for c, _ in said if (c, True) in said and (c, False) not in said}
    assert set(kept.orders.to_pandas()["customer_id"]) == expected
    assert sum(report.customers.values()) == 6
    assert len(expected) + sum(report.left_out["orders"].values()) == 6
