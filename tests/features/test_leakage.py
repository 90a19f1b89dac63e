"""Nothing after the date of the features counts, whatever happens later in any table."""

import datetime as dt

import pandas as pd
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from segml.features import FeatureTable, build_features
from segml.features.known import MOMENTS

from .bundles import bundle, dirty_store

DAY = dt.date(2025, 3, 31)
END = pd.Timestamp(DAY) + pd.Timedelta(days=1)
LATER = pd.Timestamp("2026-06-01")


def tables() -> dict[str, pd.DataFrame]:
    return {name: table.to_pandas() for name, table in dirty_store(60, 5).items()}


def whole(rows: dict[str, pd.DataFrame]) -> FeatureTable:
    types = {name: table.schema for name, table in dirty_store(60, 5).items()}
    arrow = {
        name: pa.Table.from_pandas(frame, types[name], preserve_index=False)
        for name, frame in rows.items()
    }
    return build_features(bundle(arrow), DAY)


def change(rows: dict[str, pd.DataFrame], seed: int, what: str) -> dict[str, pd.DataFrame]:
    """Move, add, delete or rewrite rows of which nothing is known by the date."""
    out = dict(rows)
    late_orders = set(rows["orders"].query("ordered_at >= @END")["order_id"])
    for name, frame in rows.items():
        if name == "order_lines":
            later = frame["order_id"].isin(late_orders)
        else:
            later = frame[MOMENTS[name]] >= END
        known, after = frame[~later], frame[later]
        moment = MOMENTS.get(name)
        if what == "delete":
            after = after.sample(frac=0.5, random_state=seed)
        elif what == "move" and moment:
            shift = pd.to_timedelta((after[moment].dt.day * seed) % 300, unit="D")
            after = after.assign(**{moment: after[moment] + shift})
        elif what == "add" and moment:
            copies = known.sample(frac=0.3, random_state=seed, replace=True)
            copies = copies.assign(**{moment: LATER + pd.Timedelta(days=seed % 90)})
            if name == "orders":
                copies = copies.assign(order_id="new" + copies["order_id"].astype(str))
            if name == "customers":
                copies = copies.assign(customer_id="new" + copies["customer_id"].astype(str))
            after = pd.concat([after, copies])
        elif what == "rewrite":
            values = {
                column: after[column].sample(frac=1, random_state=seed).to_numpy()
                for column in after.columns
                if column not in ("customer_id", "order_id", moment)
            }
            after = after.assign(**values)
        out[name] = pd.concat([known, after]).sample(frac=1, random_state=seed)
    return out


@settings(max_examples=8)
@given(st.integers(1, 10_000), st.sampled_from(["delete", "move", "add", "rewrite"]))
def test_later_events_change_nothing(seed: int, what: str) -> None:
    rows = tables()
    base, other = whole(rows), whole(change(rows, seed, what))
    assert other.names == base.names
    assert other.left_out == base.left_out == {}
    assert str(other.reliability) == str(base.reliability)
    assert other.table.to_arrow().equals(base.table.to_arrow())


def test_without_any_later_row_nothing_changes() -> None:
    rows = tables()
    late = set(rows["orders"].query("ordered_at >= @END")["order_id"])
    known = {
        name: frame[~frame["order_id"].isin(late)]
        if name == "order_lines"
        else frame[~(frame[MOMENTS[name]] >= END)]
        for name, frame in rows.items()
    }
    assert whole(known).table.to_arrow().equals(whole(rows).table.to_arrow())
