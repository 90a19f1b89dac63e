"""KPIs worked out with pandas, customer by customer: what the SQL is compared with."""

from __future__ import annotations

import numpy as np
import pandas as pd


def per_customer(
    frames: dict[str, pd.DataFrame], first: str, end: str, recent: str, earlier: str
) -> dict[str, tuple[pd.Series, pd.Series]]:
    """Return numerator and denominator of each KPI by customer, of one period.

    `first` to `end` is the period; `recent` and `earlier` are the first days of the two
    windows that retention and growth compare.
    """
    days = {
        name: frame.assign(day=frame[moment].dt.normalize())
        for name, moment in (
            ("orders", "ordered_at"),
            ("sessions", "started_at"),
            ("messages", "sent_at"),
            ("surveys", "answered_at"),
        )
        for frame in [frames[name]]
    }
    first, end, recent, earlier = map(pd.Timestamp, (first, end, recent, earlier))
    orders = days["orders"]
    born = orders.groupby("customer_id")["day"].min()
    born = born[born <= end]
    people = born.index

    def within(name: str, start: pd.Timestamp, stop: pd.Timestamp) -> pd.DataFrame:
        frame = days[name]
        return frame[frame["day"].between(start, stop) & frame["customer_id"].isin(people)]

    def by(frame: pd.DataFrame, values: pd.Series | float = 1.0) -> pd.Series:
        values = pd.Series(values, index=frame.index).astype(float).fillna(0)
        return values.groupby(frame["customer_id"]).sum().reindex(people, fill_value=0.0)

    def count(frame: pd.DataFrame, where: pd.Series) -> pd.Series:
        return by(frame, where.fillna(False).astype(float))

    one = pd.Series(1.0, index=people)
    here, past = within("orders", first, end), within("orders", pd.Timestamp.min, end)
    late = within("orders", recent, end)
    before = within("orders", earlier, recent - pd.Timedelta(days=1))
    n, spent = by(here), by(here, here["revenue"])
    came, stayed = (by(before) > 0).astype(float), (by(late) > 0).astype(float)
    out = {
        "customers": (one, one),
        "revenue": (spent, one),
        "growth": (
            by(late, late["revenue"]) - by(before, before["revenue"]),
            by(before, before["revenue"]),
        ),
        "aov": (spent, n),
        "revenue_per_customer": (spent, one),
        "historic_clv": (
            by(past, past["margin"]),
            (count(past, past["margin"].notna()) > 0).astype(float),
        ),
        "margin_rate": (
            by(here, here["margin"]),
            by(here, here["revenue"].where(here["margin"].notna())),
        ),
        "discount_share": (
            by(here, here["discount"]),
            by(here, here["revenue"] + here["discount"]),
        ),
        "refund_rate": (
            by(here, here["refund"]),
            by(here, here["revenue"].where(here["refund"].notna())),
        ),
        "orders_per_customer": (n, one),
        "orders_per_buyer": (n, (n > 0).astype(float)),
        "repeat_rate": ((n >= 2).astype(float), (n >= 1).astype(float)),
        "retention_rate": (came * stayed, came),
        "churn_rate": (came * (1 - stayed), came),
        "inactive_share": (1 - stayed, one),
        "new_customers": ((born >= first).astype(float), one),
    }
    exposed = (end - np.maximum(born, first - pd.Timedelta(days=1))).dt.days / 365.25
    out["purchase_frequency"] = (n - (born >= first), exposed)

    visits = past.drop_duplicates(["customer_id", "day"]).sort_values(["customer_id", "day"])
    visits["gap"] = visits.groupby("customer_id")["day"].diff().dt.days
    ended = visits[(visits["day"] >= first) & visits["gap"].notna()]
    out["days_between_purchases"] = (by(ended, ended["gap"]), by(ended))

    sessions = within("sessions", first, end)
    bought, cart, checkout = (
        sessions[column].astype("boolean")
        for column in ("purchased", "added_to_cart", "began_checkout")
    )
    known = bought.notna()
    out |= {
        "sessions": (by(sessions), one),
        "sessions_per_customer": (by(sessions), one),
        "session_conversion": (count(sessions, bought), count(sessions, known)),
        "add_to_cart_rate": (count(sessions, cart), count(sessions, cart.notna())),
        "cart_abandonment": (count(sessions, cart & ~bought), count(sessions, cart & known)),
        "checkout_completion": (
            count(sessions, checkout & bought),
            count(sessions, checkout & known),
        ),
        "bounce_rate": (
            count(sessions, sessions["pageviews"] <= 1),
            count(sessions, sessions["pageviews"].notna()),
        ),
        "time_on_site": (
            by(sessions, sessions["duration_s"]),
            count(sessions, sessions["duration_s"].notna()),
        ),
        "pages_per_session": (
            by(sessions, sessions["pageviews"]),
            count(sessions, sessions["pageviews"].notna()),
        ),
    }

    sent = within("messages", first, end)
    flags = {
        column: sent[column].astype("boolean")
        for column in ("delivered", "opened", "clicked", "converted", "unsubscribed")
    }
    mail = sent["channel"].isna() | (sent["channel"] == "email")
    got = flags["delivered"] & mail
    out["campaign_conversion"] = (
        count(sent, flags["converted"]),
        count(sent, flags["converted"].notna()),
    )
    out["delivery_rate"] = (count(sent, got), count(sent, mail & flags["delivered"].notna()))
    for name, flag in (
        ("open_rate", "opened"),
        ("click_through_rate", "clicked"),
        ("email_conversion", "converted"),
        ("unsubscribe_rate", "unsubscribed"),
    ):
        out[name] = (count(sent, got & flags[flag]), count(sent, got & flags[flag].notna()))
    opened = got & flags["opened"]
    out["click_to_open_rate"] = (
        count(sent, opened & flags["clicked"]),
        count(sent, opened & flags["clicked"].notna()),
    )
    out["revenue_per_recipient"] = (
        by(sent, sent["revenue"].where(got.fillna(False))),
        count(sent, got & sent["revenue"].notna()),
    )

    costs = frames["customers"].set_index("customer_id")["acquisition_cost"].reindex(people)
    new, priced = out["new_customers"][0], costs.notna().astype(float)
    out["cac"] = (new * costs.fillna(0), new * priced)
    both = priced * out["historic_clv"][1]
    out["roi"] = (both * (out["historic_clv"][0] - costs.fillna(0)), both * costs.fillna(0))

    campaign = frames["costs"].dropna(subset=["campaign_id"]).groupby("campaign_id")["cost"].sum()
    each = (campaign / days["messages"]["campaign_id"].value_counts()).dropna()
    paid = sent[sent["campaign_id"].isin(each.index) & sent["revenue"].notna()]
    attributed, cost = by(paid, paid["revenue"]), by(paid, paid["campaign_id"].map(each))
    base = by(past, past["revenue"].where(past["margin"].notna()))
    rate = (by(past, past["margin"]) / base).where(base > 0)
    out["roas"] = (attributed, cost)
    out["campaign_roi"] = ((attributed * rate - cost).fillna(0), cost.where(base > 0, 0.0))

    answers = within("surveys", first, end).copy()
    answers["value"] = pd.to_numeric(answers["answer"], errors="coerce")
    out["response_rate"] = ((count(answers, answers["answer"].notna()) > 0).astype(float), one)
    for name, question in (("nps", "nps"), ("satisfaction", "csat")):
        asked = answers[(answers["question"] == question) & answers["value"].notna()]
        latest = asked.sort_values(["answered_at", "value"]).drop_duplicates(
            "customer_id", keep="last"
        )
        value = latest["value"]
        if name == "nps":
            value = 100.0 * ((value >= 9).astype(int) - (value < 7).astype(int))
        out[name] = (by(latest, value), by(latest))
    out["share_of_customers"] = (one, one)
    out["share_of_revenue"] = (spent, spent)
    return out
