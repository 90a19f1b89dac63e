"""Cleaning of the tables beside the orders, and of what links them."""

import datetime as dt

import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from segml._core.errors import SegmlWarning
from segml.data import CleaningPolicy, CustomerData, clean, read_orders, read_table
from segml.data.rules import RULES
from segml.data.tables import TABLES

from .samples import frame

LATEST = dt.date(1998, 6, 30)
ORDERS = frame(*[(c, c.upper(), "1997-01-01", 5.0) for c in "abc"])
DAY, FUTURE = "1997-02-01", "1998-07-01"
UNKNOWN = "its customer is not in the table customers"
BY_CASE = "customer_id differs from another only by case"
BY_SPACES = "customer_id differs from another by white space"


def bundle(orders: pd.DataFrame = ORDERS, **tables: pd.DataFrame) -> CustomerData:
    read = {name: read_table(table, name) for name, table in tables.items()}
    return CustomerData(read_orders(orders), **read)


def cleaned(data: CustomerData, name: str, **policy):
    """Clean, check the account, and return a table with its reasons and notes."""
    out, report = clean(data, CleaningPolicy(**{"latest": LATEST, **policy}))
    account = report.accounts[name]
    table = out.tables[name]
    assert account.rows_in == account.rows_used + account.rows_rejected
    rejects = table.rejected_rows()
    assert rejects["reason"].value_counts().to_dict() == account.rejected
    return table.to_pandas(), dict(account.rejected), dict(account.noted), rejects


def test_every_table_has_rules_over_its_own_columns() -> None:
    assert set(RULES) == set(TABLES)
    for name, rules in RULES.items():
        assert {*rules.key, *(rule.column for rule in rules.impossible)} <= set(TABLES[name].names)


def test_of_sessions_with_one_id_the_first_that_counts_is_kept() -> None:
    sessions = pd.DataFrame(
        {
            "session_id": ["1", "1", "1", "2", "2"],
            "started_at": [FUTURE, DAY, "1997-02-02", DAY, DAY],
            "duration_s": [1, 2, 3, 4, 4],
        }
    )
    table, rejected, noted, rejects = cleaned(bundle(sessions=sessions), "sessions")
    assert table["duration_s"].tolist() == [2, 4]
    assert rejected == {"exact duplicate": 1, "future date": 1, "repeated session_id": 1}
    assert noted == {}
    by_row = rejects.set_index("source_row")["reason"].to_dict()
    assert by_row == {1: "future date", 3: "repeated session_id", 5: "exact duplicate"}


def test_impossible_values_of_sessions_become_missing() -> None:
    sessions = pd.DataFrame(
        {"session_id": ["1", "2"], "started_at": DAY, "duration_s": [-1, 5], "pageviews": [3, -2]}
    )
    table, rejected, noted, _ = cleaned(bundle(sessions=sessions), "sessions")
    assert table["duration_s"].isna().tolist() == [True, False]
    assert table["pageviews"].isna().tolist() == [False, True]
    assert rejected == {}
    assert noted == {
        "negative duration_s, taken as missing": 1,
        "negative pageviews, taken as missing": 1,
    }


def test_rows_of_one_customer_become_one() -> None:
    customers = pd.DataFrame(
        {
            "customer_id": ["a", "b", "a", "a"],
            "signed_up_at": ["1996-05-01", None, "1996-01-01", "1996-07-01"],
            "city": ["York", "Ely", "Bath", None],
            "consent_marketing": [False, True, True, None],
            "shop": ["1", "2", "3", "4"],
        }
    )
    data = bundle(customers=customers)
    table, rejected, noted, _ = cleaned(data, "customers")
    assert rejected == {}
    assert noted == {"joins an earlier row of the same customer": 2}
    assert table["customer_id"].tolist() == ["a", "b"]
    assert table["signed_up_at"].iloc[0] == pd.Timestamp("1996-01-01")
    assert table["city"].tolist() == ["Bath", "Ely"]
    assert table["consent_marketing"].tolist() == [False, True]
    assert table["shop"].tolist() == ["4", "2"]
    assert list(table.columns) == list(customers.columns)
    out, _ = clean(data, CleaningPolicy(latest=LATEST))
    assert out.customers.account.rows_used == 4


def test_impossible_values_of_customers_become_missing() -> None:
    customers = pd.DataFrame(
        {
            "customer_id": list("abcde"),
            "age": [-1, 0, 120, 121, None],
            "birth_date": ["1899-12-31", "1900-01-01", "1998-06-30", FUTURE, None],
            "signed_up_at": [FUTURE, DAY, DAY, DAY, None],
            "income": [-1, 0, 1, 2, None],
            "acquisition_cost": [0, -0.5, 1, 2, None],
        }
    )
    table, rejected, noted, _ = cleaned(bundle(customers=customers), "customers")
    assert rejected == {}
    assert noted == {
        "signed_up_at in the future, taken as missing": 1,
        "birth_date before 1900 or in the future, taken as missing": 2,
        "age not from 0 to 120, taken as missing": 2,
        "negative income, taken as missing": 1,
        "negative acquisition_cost, taken as missing": 1,
    }
    assert table["age"].notna().tolist() == [False, True, True, False, False]
    assert table["birth_date"].notna().tolist() == [False, True, True, False, False]


def test_amounts_of_orders_are_not_negative() -> None:
    orders = ORDERS.assign(quantity=[-1, 2, 3], discount=[1, -1, 0], revenue=[5.0, 5.0, -5.0])
    table, rejected, noted, _ = cleaned(bundle(orders), "orders")
    assert table["quantity"].isna().tolist() == [True, False]
    assert table["discount"].isna().tolist() == [False, True]
    assert rejected == {"negative revenue": 1}
    assert noted == {
        "negative quantity, taken as missing": 1,
        "negative discount, taken as missing": 1,
    }
    # Where returns stay, so do the amounts that they give back.
    table, _, noted, _ = cleaned(bundle(orders), "orders", negative_revenue="keep")
    assert table["quantity"].tolist() == [-1, 2, 3]
    assert noted == {"revenue is negative": 1}


LINES = pd.DataFrame(
    {
        "order_id": ["A", "A", "B", "C", "D", "E"],
        "product_id": ["p", "p", "p", "q", "q", "q"],
        "quantity": [1, 1, -1, 1, 1, 1],
        "unit_price": [5.0, 5.0, 5.0, -5.0, 1.0, 1.0],
    }
)


def test_lines_go_with_their_order() -> None:
    orders = pd.concat([ORDERS, frame(("d", "D", FUTURE, 1.0))], ignore_index=True)
    table, rejected, noted, rejects = cleaned(bundle(orders, order_lines=LINES), "order_lines")
    assert table["order_id"].tolist() == ["A"]
    assert noted == {}
    assert rejects.set_index("source_row")["reason"].to_dict() == {
        2: "exact duplicate",
        3: "negative quantity",
        4: "negative unit_price",
        5: "its order is left out",
        6: "its order is not in the table orders",
    }
    _, rejected, _, _ = cleaned(
        bundle(orders, order_lines=LINES), "order_lines", negative_lines="keep"
    )
    assert set(rejected) == {
        "exact duplicate",
        "its order is left out",
        "its order is not in the table orders",
    }


def test_lines_of_orders_that_reading_left_out_are_known_by_a_like_name() -> None:
    orders = pd.concat([ORDERS, frame((None, " D ", DAY, 1.0))], ignore_index=True)
    for name in ("order_id", "Order ID"):
        read = read_orders(orders.rename(columns={"order_id": name}), {"order_id": name})
        lines = read_table(LINES.iloc[[0, 4]], "order_lines")
        _, rejected, _, _ = cleaned(CustomerData(read, order_lines=lines), "order_lines")
        assert rejected == {"its order is left out": 1}


def test_negative_costs() -> None:
    costs = pd.DataFrame({"date": [DAY, DAY, FUTURE], "cost": [1.0, -1.0, 1.0]})
    table, rejected, _, _ = cleaned(bundle(costs=costs), "costs")
    assert table["cost"].tolist() == [1.0]
    assert rejected == {"future date": 1, "negative cost": 1}
    table, _, _, _ = cleaned(bundle(costs=costs), "costs", negative_costs="keep")
    assert table["cost"].tolist() == [1.0, -1.0]


@pytest.mark.parametrize(
    ("answer", "counts"),
    [
        *[("0", True), ("10", True), ("7.0", True), ("11", False), ("7.5", False), ("-1", False)],
        *[("often", False), ("nan", False)],
    ],
)
def test_an_nps_answer_is_a_whole_number_from_0_to_10(answer: str, counts: bool) -> None:
    surveys = pd.DataFrame(
        {"customer_id": "a", "answered_at": DAY, "question": ["NPS", "q1"], "answer": answer}
    )
    table, rejected, _, _ = cleaned(bundle(surveys=surveys), "surveys")
    assert table["question"].tolist() == (["NPS", "q1"] if counts else ["q1"])
    assert rejected == ({} if counts else {"nps answer not a whole number from 0 to 10": 1})


def test_an_answer_is_given_once() -> None:
    surveys = pd.DataFrame(
        {
            "customer_id": ["a", "a", "a", "b"],
            "answered_at": [DAY, DAY, "1997-02-02", DAY],
            "question": "q",
            "answer": list("1234"),
        }
    )
    table, rejected, _, rejects = cleaned(bundle(surveys=surveys), "surveys")
    assert table["answer"].tolist() == ["1", "3", "4"]
    assert rejected == {"repeated answer": 1}
    assert rejects["source_row"].tolist() == [2]


def messages(*customers: str) -> pd.DataFrame:
    ids = [f"m{i}" for i in range(len(customers))]
    columns = {"message_id": ids, "customer_id": customers, "campaign_id": "k", "sent_at": DAY}
    return pd.DataFrame(columns)


CUSTOMERS = pd.DataFrame({"customer_id": ["a", "b", "c", "x 1"]})


def test_customers_that_the_table_does_not_have_are_noted_or_left_out() -> None:
    data = bundle(customers=CUSTOMERS, messages=messages("a", "nobody", "A"))
    table, rejected, noted, _ = cleaned(data, "messages")
    assert len(table) == 3
    assert rejected == {}
    assert noted == {UNKNOWN: 1, BY_CASE: 1}
    table, rejected, noted, rejects = cleaned(data, "messages", unknown_customers="reject")
    assert table["customer_id"].tolist() == ["a", "A"]
    assert rejected == {UNKNOWN: 1}
    assert rejects["source_row"].tolist() == [2]
    # Without a table of customers nobody is unknown.
    _, rejected, noted, _ = cleaned(bundle(messages=messages("a", "nobody")), "messages")
    assert noted == {}


def test_a_note_goes_when_what_it_noted_goes() -> None:
    data = bundle(customers=CUSTOMERS, messages=messages("a", "nobody", "A"))
    once, _ = clean(data, CleaningPolicy(latest=LATEST))
    strict = {"unknown_customers": "reject", "similar_ids": "fold"}
    _, rejected, noted, _ = cleaned(once, "messages", **strict)
    assert rejected == {UNKNOWN: 1}
    assert noted == {BY_CASE + ", set to it": 1}


def test_ids_are_folded_to_one_form_in_all_tables() -> None:
    orders = frame(*[(c, str(i), DAY, 1.0) for i, c in enumerate(["X1", "X 1", "Ab", "AB", "AB"])])
    data = bundle(orders, customers=CUSTOMERS, messages=messages("ab", "x\t1", "c"))
    _, _, noted, _ = cleaned(data, "orders")
    assert noted == {BY_CASE: 2, BY_SPACES: 1, UNKNOWN: 3}
    out, report = clean(data, CleaningPolicy(latest=LATEST, similar_ids="fold"))
    # The form of the table customers goes first, then the most common one.
    assert out.orders.to_pandas()["customer_id"].tolist() == ["x 1", "x 1", "AB", "AB", "AB"]
    assert out.messages.to_pandas()["customer_id"].tolist() == ["AB", "x 1", "c"]
    noted = report.accounts["messages"].noted
    assert noted == {BY_CASE + ", set to it": 1, BY_SPACES + ", set to it": 1, UNKNOWN: 1}


def test_test_customers_are_left_out_of_every_table() -> None:
    data = bundle(customers=CUSTOMERS, messages=messages("a", "b"))
    _, report = clean(data, CleaningPolicy(latest=LATEST, test_customers=("b",)))
    assert report.accounts["orders"].rejected == {"test order": 1}
    for name in ("customers", "messages"):
        assert report.accounts[name].rejected == {"test customer": 1}


def test_a_table_with_no_row_left_stays_empty_with_a_warning() -> None:
    sessions = pd.DataFrame({"session_id": ["1", "2"], "started_at": FUTURE, "customer_id": "a"})
    data, policy = bundle(sessions=sessions), CleaningPolicy(latest=LATEST)
    with pytest.warns(SegmlWarning, match=r"no row is left after cleaning[\s\S]*sessions"):
        out, report = clean(data, policy)
    assert out.sessions.to_pandas().empty
    assert out.sessions.columns == ["session_id", "started_at", "customer_id"]
    assert out.sessions.rejected_rows()["source_row"].tolist() == [1, 2]
    assert report.accounts["sessions"].rejected == {"future date": 2}
    _, again = clean(out, policy)  # and says so once
    assert again.to_dict() == report.to_dict()


def test_days_without_orders_are_noted() -> None:
    days = [day for day in pd.date_range("1997-01-01", periods=60) if day.day != 20]
    rows = [("a", f"{i}-{day:%j}", day, 1.0) for day in days for i in range(12)]
    _, report = clean(frame(*rows), CleaningPolicy(latest=LATEST))
    account = report.accounts["orders"]
    assert account.noted == {"days without an order among busy days": 2}
    assert "noticed: days without an order among busy days" in account._repr_html_()


ids = st.sampled_from(["a", "A", "b", "x 1", "X1", "nobody"])
days = st.sampled_from([DAY, "1997-03-01", FUTURE])
amounts = st.sampled_from([-1.0, 0.0, 1.0, None])
order_ids = st.sampled_from(["A", "B", "C", "D"])


def rows_of(**columns: st.SearchStrategy) -> st.SearchStrategy[pd.DataFrame]:
    row = st.tuples(*columns.values())
    return st.lists(row, min_size=1, max_size=8).map(
        lambda rows: pd.DataFrame(rows, columns=list(columns))
    )


stores = st.fixed_dictionaries(
    {
        "orders": rows_of(
            customer_id=ids, order_id=order_ids, ordered_at=days, revenue=amounts, quantity=amounts
        ),
        "order_lines": rows_of(
            order_id=order_ids, product_id=ids, quantity=amounts, unit_price=amounts
        ),
        "customers": rows_of(
            customer_id=ids, signed_up_at=days, age=amounts, city=st.sampled_from(["x", "y", None])
        ),
        "sessions": rows_of(
            session_id=order_ids,
            started_at=days,
            customer_id=st.none() | ids,
            duration_s=amounts,
        ),
        "messages": rows_of(
            message_id=order_ids, customer_id=ids, campaign_id=ids, sent_at=days, revenue=amounts
        ),
        "costs": rows_of(date=days, cost=amounts, new_customers=amounts),
        "surveys": rows_of(
            customer_id=ids,
            answered_at=days,
            question=st.sampled_from(["nps", "q"]),
            answer=st.sampled_from(["1", "2", "11", "x"]),
        ),
    }
)
policies = st.builds(
    CleaningPolicy,
    exact_duplicates=st.sampled_from(["drop", "keep"]),
    repeated_order_ids=st.sampled_from(["merge", "keep"]),
    negative_revenue=st.sampled_from(["reject", "keep", "net"]),
    similar_ids=st.sampled_from(["note", "fold"]),
    unknown_customers=st.sampled_from(["keep", "reject"]),
    negative_lines=st.sampled_from(["reject", "keep"]),
    negative_costs=st.sampled_from(["reject", "keep"]),
    latest=st.just(LATEST),
)


@pytest.mark.filterwarnings("ignore:no row is left:segml._core.errors.SegmlWarning")
@settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(stores, policies)
def test_every_row_is_accounted_for_and_once_is_enough(store: dict, policy) -> None:
    sound = {
        "orders": frame(("b", "Z", DAY, 9.0)).assign(quantity=1.0),
        "order_lines": pd.DataFrame([("Z", "p", 1.0, 9.0)], columns=store["order_lines"].columns),
        "costs": pd.DataFrame([("1997-04-01", 1.0, 1.0)], columns=store["costs"].columns),
        "customers": pd.DataFrame([("b", DAY, 1.0, "z")], columns=store["customers"].columns),
    }
    raw = {
        name: pd.concat([table, sound[name]], ignore_index=True) if name in sound else table
        for name, table in store.items()
    }
    raw = {name: table.astype(object).where(table.notna(), None) for name, table in raw.items()}
    data = CustomerData(**{name: read_table(table, name) for name, table in raw.items()})
    once, report = clean(data, policy)
    for name, account in report.accounts.items():
        assert account.rows_in == len(raw[name]) == account.rows_used + account.rows_rejected
        rejects = once.tables[name].rejected_rows()
        if name == "orders":  # what was merged before it was netted has one number
            assert len(rejects) <= account.rows_rejected
        else:
            assert rejects["reason"].value_counts().to_dict() == account.rejected
            used = set(once.tables[name].table.to_arrow()["_source_row"].to_pylist())
            assert not used & set(rejects["source_row"])
            if name != "customers":
                assert len(used) == account.rows_used
    assert set(once.order_lines.to_pandas()["order_id"]) <= set(once.orders.to_pandas()["order_id"])
    twice, again = clean(once, policy)
    for name, account in report.accounts.items():
        expected, found = account.to_dict(), again.accounts[name].to_dict()
        if name == "orders" and policy.negative_revenue == "net":
            # What is noted of orders that netting took away is not seen again.
            expected, found = ({**said, "noted": {}} for said in (expected, found))
        assert found == expected
    for name, table in once.tables.items():
        pd.testing.assert_frame_equal(twice.tables[name].to_pandas(), table.to_pandas())
