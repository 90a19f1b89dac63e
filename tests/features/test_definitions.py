"""Features against pandas, computed another way, over a store with gaps and odd values."""

import numpy as np
import pandas as pd
import pytest

from segml.features import build_features

from .bundles import bundle, dirty_store

AS_OF = pd.Timestamp("2025-06-30")
END = AS_OF + pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    return build_features(bundle(dirty_store()), AS_OF.date()).to_pandas()


def frame(name: str) -> pd.DataFrame:
    rows = dirty_store()[name].to_pandas()
    for column in rows.columns:
        if rows[column].dtype.kind == "f":
            rows[column] = rows[column].where(np.isfinite(rows[column]))
        elif rows[column].dtype.kind not in "biuM" and name != "surveys":
            texts = rows[column].map(lambda x: x.strip(" ") if isinstance(x, str) else x)
            rows[column] = texts.where(texts != "")
    return rows


@pytest.fixture(scope="module")
def orders() -> pd.DataFrame:
    rows = frame("orders").query("ordered_at < @END").copy()
    rows["day"] = rows["ordered_at"].dt.normalize()
    return rows


@pytest.fixture(scope="module")
def days(orders) -> pd.DataFrame:
    rows = orders.groupby(["customer_id", "day"])["revenue"].sum(min_count=1).reset_index()
    rows["gap"] = rows.groupby("customer_id")["day"].diff().dt.days
    return rows


@pytest.fixture(scope="module")
def lines(orders) -> pd.DataFrame:
    keys = orders[["order_id", "customer_id", "ordered_at"]]
    rows = frame("order_lines").astype({"order_id": str})
    return rows.merge(keys.astype({"order_id": str}), on="order_id")


def assert_same(found: pd.Series, expected: pd.Series, *, rtol: float = 1e-9) -> None:
    expected = expected.reindex(found.index).astype(float).replace([np.inf, -np.inf], np.nan)
    np.testing.assert_allclose(found.astype(float), expected.astype(float), rtol=rtol, atol=1e-12)


def same_text(found: pd.Series, expected: pd.Series) -> None:
    assert found.fillna("").tolist() == expected.reindex(found.index).fillna("").tolist()


def first_of_most(rows: pd.DataFrame, column: str) -> pd.Series:
    counts = rows.dropna(subset=column).groupby(["customer_id", column]).size().reset_index()
    ordered = counts.sort_values(["customer_id", 0, column], ascending=[True, False, True])
    return ordered.groupby("customer_id")[column].first()


def entropy(rows: pd.DataFrame, column: str) -> pd.Series:
    def of_one(values: pd.Series) -> float:
        p = values.value_counts(normalize=True)
        return float(-(p * np.log(p)).sum())

    return rows.dropna(subset=column).groupby("customer_id")[column].agg(of_one)


def test_customers_are_those_who_ordered(found, orders) -> None:
    assert found.index.tolist() == sorted(orders["customer_id"].unique())


def test_value(found, orders, days) -> None:
    by = orders.groupby("customer_id")
    money = by["revenue"].sum(min_count=1)
    assert_same(found["revenue"], money)
    assert_same(found["orders"], by["order_id"].nunique())
    assert_same(found["aov"], money / by["order_id"].nunique())
    assert_same(found["recency_days"], (AS_OF - by["day"].max()).dt.days)
    assert_same(found["tenure_days"], (AS_OF - by["day"].min()).dt.days)
    assert_same(found["frequency"], by["day"].nunique() - 1)
    assert_same(found["purchase_span_days"], (by["day"].max() - by["day"].min()).dt.days)
    repeats = days.dropna(subset="gap").groupby("customer_id")
    count = repeats.size()
    assert_same(found["monetary_value"], repeats["revenue"].sum(min_count=1) / count)
    assert_same(found["largest_order"], by["revenue"].max())
    assert_same(found["margin"], by["margin"].sum(min_count=1))
    assert_same(found["refunds"], by["refund"].sum())
    of_margin = orders[orders["margin"].notna()].groupby("customer_id")["revenue"]
    assert_same(found["margin_share"], by["margin"].sum(min_count=1) / of_margin.sum(min_count=1))
    known = orders[orders["discount"].notna()]
    part = known[known["discount"] > 0].groupby("customer_id")["revenue"].sum()
    whole = known.groupby("customer_id")["revenue"].sum(min_count=1)
    assert_same(found["discounted_share"], (part.reindex(whole.index).fillna(0) / whole))
    refunded = orders.assign(r=orders["refund"].fillna(0) > 0).groupby("customer_id")["r"].mean()
    assert_same(found["refunded_share"], refunded)


@pytest.mark.parametrize("window", [30, 90, 180, 365])
def test_windows(found, orders, window) -> None:
    start, before = (AS_OF - pd.Timedelta(days=k * window) for k in (1, 2))
    last = orders[orders["day"] > start].groupby("customer_id")
    earlier = orders[(orders["day"] > before) & (orders["day"] <= start)].groupby("customer_id")
    now = last["revenue"].sum().reindex(found.index).fillna(0)
    then = earlier["revenue"].sum().reindex(found.index).fillna(0)
    assert_same(found[f"revenue_{window}d"], now)
    assert_same(found[f"orders_{window}d"], last.size().reindex(found.index).fillna(0))
    total = (now + then).round(9)
    old = orders.groupby("customer_id")["day"].min() <= start
    assert_same(
        found[f"revenue_trend_{window}d"], ((now - then) / total.where(total != 0)).where(old)
    )


def test_rhythm(found, days, orders) -> None:
    gaps = days.groupby("customer_id")["gap"]
    assert_same(found["gap_mean_days"], gaps.mean())
    assert_same(found["gap_sd_days"], gaps.std())
    assert_same(found["regularity"], 1 / (1 + gaps.std() / gaps.mean()))
    since = (AS_OF - days.groupby("customer_id")["day"].max()).dt.days
    assert_same(found["pause_ratio"], since / gaps.mean())
    assert_same(
        found["weekend_share"],
        orders.assign(w=orders["day"].dt.day_of_week > 4).groupby("customer_id")["w"].mean(),
    )
    first = orders.groupby("customer_id")["ordered_at"].min()
    same_text(found["cohort"], first.dt.strftime("%Y-%m"))


def test_lifecycle(found, days) -> None:
    by = days.groupby("customer_id")
    typical = days["gap"].mean()
    pause = (AS_OF - by["day"].max()).dt.days / (
        (by["gap"].sum() + typical) / (by["gap"].count() + 1)
    )
    stage = np.select(
        [pause > 4, pause > 2, by["gap"].count() == 0], ["lapsed", "cooling", "new"], "active"
    )
    same_text(found["lifecycle_stage"], pd.Series(stage, pause.index))
    assert found["lifecycle_stage"].nunique() == 4


@pytest.mark.parametrize(
    ("name", "period"), [("order_hour", 24), ("order_weekday", 7), ("order_season", 12)]
)
def test_cyclic(found, orders, name, period) -> None:
    at = orders["ordered_at"].dt
    value = {
        "order_hour": at.hour + at.minute / 60,
        "order_weekday": at.day_of_week,
        "order_season": at.month - 1,
    }[name]
    turn = np.exp(2j * np.pi * value / period)
    mean = pd.Series(turn).groupby(orders["customer_id"]).mean()
    angle = np.angle(mean) * period / (2 * np.pi) % period
    expected = pd.Series(angle, mean.index).where(np.abs(mean) > 0.01)
    off = (found[name] - expected.reindex(found.index)).abs()
    assert (found[name].isna() == expected.reindex(found.index).isna()).all()
    assert np.minimum(off, period - off).max() < 1e-6
    assert found[name].dropna().between(0, period, inclusive="left").all()


def test_baskets(found, lines, orders) -> None:
    by = lines.groupby("customer_id")
    assert_same(found["products_per_order"], by.size() / by["order_id"].nunique())
    assert_same(found["distinct_products"], by["product_id"].nunique().replace(0, np.nan))
    pairs = lines.dropna(subset="product_id").drop_duplicates(
        ["customer_id", "order_id", "product_id"]
    )
    bought = pairs.groupby("customer_id").size()
    assert_same(found["repeat_product_share"], 1 - by["product_id"].nunique() / bought)
    assert_same(found["distinct_categories"], by["category"].nunique().replace(0, np.nan))
    same_text(found["main_category"], first_of_most(lines, "category"))
    assert_same(found["category_entropy"], entropy(lines, "category"), rtol=1e-6)
    known = lines.dropna(subset="category").groupby("customer_id")
    assert_same(
        found["category_loyalty"],
        known["category"].agg(lambda c: c.value_counts().max()) / known.size(),
    )
    assert_same(
        found["category_share_books"], known["category"].agg(lambda c: (c == "Books").mean())
    )
    items = orders.groupby("customer_id")["quantity"].sum(min_count=1)
    assert_same(found["items_per_order"], items / orders.groupby("customer_id").size())


def test_channels_and_first_orders(found, orders) -> None:
    same_text(found["main_channel"], first_of_most(orders, "channel"))
    assert_same(found["channel_entropy"], entropy(orders, "channel"), rtol=1e-6)
    assert_same(
        found["coupon_share"],
        orders.assign(c=orders["coupon"].notna()).groupby("customer_id")["c"].mean(),
    )
    first = orders.sort_values(["ordered_at", "order_id"]).groupby("customer_id").head(1)
    first = first.set_index("customer_id")
    assert_same(found["first_order_revenue"], first["revenue"])
    assert_same(found["first_order_items"], first["quantity"])
    same_text(found["first_order_channel"], first["channel"])
    assert_same(found["first_order_coupon"], first["coupon"].notna())


def test_messages(found) -> None:
    sent = frame("messages").query("sent_at < @END")
    rows = sent[sent["delivered"].map(lambda x: x is not False)]
    got = rows.groupby("customer_id").size()
    assert_same(found["messages_received"], got.reindex(found.index).fillna(0))
    opened = sent[sent["opened"].map(lambda x: x is True)]
    last = opened.groupby("customer_id")["sent_at"].max().dt.normalize()
    assert_same(found["days_since_open"], (AS_OF - last).dt.days)
    for flag, name in (("clicked", "click_rate"), ("converted", "message_conversion_rate")):
        by = rows.dropna(subset=flag).groupby("customer_id")[flag]
        n, k = by.size().astype(float), by.agg(lambda x: float(sum(map(bool, x))))
        p, total = k.sum() / n.sum(), n.sum()
        spread = (n * (k / n - p) ** 2).sum() / (p * (1 - p)) - (len(n) - 1)
        alike = np.clip(spread / (total - (n**2).sum() / total - len(n) + 1), 0.001, 0.5)
        m = 1 / alike - 1
        assert_same(found[name], (k + m * p) / (n + m), rtol=1e-3)
        assert found[name].dropna().between(0, 1).all()


def test_sessions(found) -> None:
    rows = frame("sessions").query("started_at < @END").dropna(subset="customer_id")
    by = rows.groupby("customer_id")
    assert_same(found["sessions"], by.size().reindex(found.index).fillna(0))
    assert_same(found["seconds_per_session"], by["duration_s"].mean())
    assert_same(found["pages_per_session"], by["pageviews"].mean())
    pages = rows.dropna(subset="pageviews")
    assert_same(
        found["bounce_rate"], (pages["pageviews"] <= 1).groupby(pages["customer_id"]).mean()
    )
    ended = rows.dropna(subset="purchased")
    assert_same(
        found["session_conversion"],
        ended["purchased"].astype(float).groupby(ended["customer_id"]).mean(),
    )
    carts = ended[ended["added_to_cart"].map(lambda x: x is True)]
    assert_same(
        found["cart_abandonment"],
        1 - carts["purchased"].astype(float).groupby(carts["customer_id"]).mean(),
    )
    same_text(found["main_device"], first_of_most(rows, "device"))
    same_text(found["main_os"], first_of_most(rows, "os"))
    first = rows.dropna(subset="source").sort_values(["started_at", "session_id"])
    same_text(found["acquisition_source"], first.groupby("customer_id")["source"].first())
    assert set(found["browser_family"].dropna()) <= {"Chrome", "Safari", "Edge", "Firefox", "other"}


def test_people(found) -> None:
    rows = frame("customers").set_index("customer_id")
    rows = rows[rows["signed_up_at"].isna() | (rows["signed_up_at"] < END)]
    born = rows["birth_date"]
    had = (born.dt.month * 100 + born.dt.day) <= AS_OF.month * 100 + AS_OF.day
    age = (AS_OF.year - born.dt.year - 1 + had).where(born.notna(), rows["age"])
    age = age.where(age.between(0, 120))
    assert_same(found["age"], age)
    edges = [0, 25, 35, 45, 55, 65, 200]
    names = ["under 25", "25 to 34", "35 to 44", "45 to 54", "55 to 64", "65 and over"]
    same_text(found["age_band"], pd.cut(age, edges, right=False, labels=names).astype(object))
    same_text(found["gender"], rows["gender"])
    assert_same(found["income"], rows["income"])
    assert_same(found["account_days"], (AS_OF - rows["signed_up_at"].dt.normalize()).dt.days)
    here = rows.loc[rows.index.intersection(found.index)]
    most = here["country"].value_counts().idxmax()
    market = np.where(here["country"] == most, "domestic", "cross-border")
    same_text(found["market"], pd.Series(market, here.index).where(here["country"].notna()))
    area = here["postcode"].str.replace(" ", "").str[:2].str.upper()
    same_text(found["postcode_area"], area)
    homes = here.assign(key=here["country"].fillna("") + "|" + here["city"]).dropna(subset="city")
    sizes = homes["key"].value_counts()
    larger = homes["key"].map(lambda key: sizes[sizes > sizes[key]].sum()) / sizes.sum()
    tier = np.select([larger < 0.5, larger < 0.8], ["large", "medium"], "small")
    same_text(found["city_tier"], pd.Series(tier, homes.index))


def survey(*rows: tuple) -> dict[str, pd.DataFrame]:
    """Make a store of customers a to d with one order each, and answers of one day."""
    customers = ["a", "b", "c", "d"]
    orders = pd.DataFrame(
        {
            "customer_id": customers,
            "order_id": customers,
            "ordered_at": pd.Timestamp("2024-01-01"),
            "revenue": 1.0,
        }
    )
    answers = pd.DataFrame(rows, columns=["customer_id", "question", "answer"])
    return {"orders": orders, "surveys": answers.assign(answered_at=pd.Timestamp("2024-01-01"))}


ANSWERS = [
    ("a", "trust_1", "5"), ("a", "trust_2_r", "1"), ("a", "trust_3", "4"), ("a", "nps", "9"),
    ("b", "trust_1", "2"), ("b", "trust_2_r", "4"), ("b", "trust_3", "1"), ("b", "nps", "6"),
    ("c", "trust_1", "3"), ("c", "Trust_2_R ", " 2"), ("c", "trust_3", "3"), ("c", "nps", "7"),
    ("d", "trust_1", "4"), ("d", "trust_2_r", "none"), ("d", "nps", "11"),
]  # fmt: skip


def test_constructs_by_hand() -> None:
    table = build_features(bundle(survey(*ANSWERS)), kinds=["psychographic"])
    assert table.names == ["survey_trust", "nps_answer", "nps_class"]
    found = table.to_pandas()
    assert found["survey_trust"].tolist() == pytest.approx([14 / 3, 5 / 3, 10 / 3, 4])
    assert found["nps_class"].fillna("").tolist() == ["promoter", "detractor", "passive", ""]
    (one,) = table.reliability
    assert (one.construct, one.items, one.respondents, one.low, one.high) == ("trust", 3, 3, 1, 5)
    items = np.array([[5, 5, 4], [2, 2, 1], [3, 4, 3]])
    alpha = 1.5 * (1 - items.var(axis=0, ddof=1).sum() / items.sum(axis=1).var(ddof=1))
    assert one.alpha == pytest.approx(alpha)


def test_scales_are_taken_as_given() -> None:
    data = bundle(survey(*ANSWERS))
    table = build_features(data, None, ["survey_trust"], scales={"trust": (1, 7), "x'{y}": (0, 1)})
    assert table.to_pandas()["survey_trust"].tolist() == pytest.approx(
        [(5 + 7 + 4) / 3, (2 + 4 + 1) / 3, (3 + 6 + 3) / 3, 4]
    )
    assert table.reliability[0].high == 7


def test_one_item_has_no_alpha_and_says_so() -> None:
    table = build_features(bundle(survey(("a", "calm", "3"))), None, ["survey_{level}"])
    assert table.reliability[0].reason == "it has one item"
    assert "alpha, it has one item" in table._repr_html_()
