"""When customers buy: their rhythm, hours, weekdays and seasons, and where they stand in it."""

from __future__ import annotations

from ..feature import Feature, Source
from .parts import circular_mean, share

_GAPS = "count(gap)"
_MEAN = f"safe_ratio(sum(gap), {_GAPS})"
_SD = f"sqrt(safe_ratio({_GAPS} * sum(gap * gap) - sum(gap) * sum(gap), {_GAPS} * ({_GAPS} - 1)))"
# 1970-01-01 was a Thursday; days before it have negative numbers.
_WEEKDAY = "(((day_index(ordered_at) + 3) % 7 + 7) % 7)"
_PAUSE = "max(safe_ratio((day_index({as_of}) - last_day) * (gaps + 1), span + typical))"

SOURCES = (
    Source(
        "order_times",
        "one order whose time of day is known: midnight sharp stands for a date",
        """
        SELECT customer_id, hour(ordered_at) + minute(ordered_at) / 60 AS hour
        FROM {orders}
        WHERE hour(ordered_at) + minute(ordered_at) + second(ordered_at) > 0
        """,
        ("orders.ordered_at",),
        empty="the times of orders are dates without a time of day",
    ),
    Source(
        "rhythms",
        "one customer with the days between purchases, and the store's mean of these",
        """
        SELECT customer_id, last_day, gaps, span, typical
        FROM (
            SELECT customer_id, max(day) AS last_day, count(gap) AS gaps,
                coalesce(sum(gap), 0) AS span
            FROM {purchase_days}
            GROUP BY customer_id
        ) AS own
        CROSS JOIN (
            SELECT safe_ratio(sum(gap), count(gap)) AS typical FROM {purchase_days}
        ) AS store
        """,
        ("orders.ordered_at",),
    ),
)

FEATURES = (
    Feature(
        "gap_mean_days",
        "Days between purchases",
        "behavioural",
        "Mean number of days between days with an order.",
        "days",
        _MEAN,
        "log",
        "quick to return",
        "slow to return",
        table="purchase_days",
    ),
    Feature(
        "gap_sd_days",
        "Spread of days between purchases",
        "behavioural",
        "Standard deviation of the days between purchases; needs three days with an order.",
        "days",
        _SD,
        "log",
        "even",
        "uneven",
        table="purchase_days",
    ),
    Feature(
        "regularity",
        "Regularity",
        "behavioural",
        "1 / (1 + coefficient of variation of the days between purchases): 1 is clockwork,"
        " about 0.5 purchases at random; needs three days with an order.",
        "ratio",
        f"safe_ratio({_MEAN}, {_MEAN} + {_SD})",
        "none",
        "irregular",
        "regular",
        table="purchase_days",
    ),
    Feature(
        "pause_ratio",
        "Pause against own rhythm",
        "behavioural",
        "Days since the last order over the customer's own mean days between purchases.",
        "ratio",
        f"safe_ratio((day_index({{as_of}}) - max(day)) * {_GAPS}, sum(gap))",
        "log",
        "within rhythm",
        "overdue",
        table="purchase_days",
    ),
    Feature(
        "order_hour",
        "Hour of orders",
        "behavioural",
        "Circular mean of the time of day of orders, in the store's time; orders at midnight"
        " sharp count as dates without a time; missing where the hours cancel out.",
        "hour",
        circular_mean("hour", 24),
        "cyclic",
        "early",
        "late",
        table="order_times",
        cycle=24.0,
        missing="unknown",
    ),
    Feature(
        "order_weekday",
        "Weekday of orders",
        "behavioural",
        "Circular mean of the weekday of orders, 0 for Monday to 6 for Sunday; missing where"
        " the days cancel out.",
        "weekday",
        circular_mean(_WEEKDAY, 7),
        "cyclic",
        "early-week",
        "late-week",
        columns=("ordered_at",),
        cycle=7.0,
        missing="unknown",
    ),
    Feature(
        "weekend_share",
        "Weekend orders",
        "behavioural",
        "Share of orders placed on a Saturday or Sunday.",
        "share",
        share(f"{_WEEKDAY} > 4"),
        "none",
        "weekday",
        "weekend",
        columns=("ordered_at",),
    ),
    Feature(
        "order_season",
        "Season of orders",
        "behavioural",
        "Circular mean of the month of orders, 0 for January to 11 for December; missing"
        " where the months cancel out.",
        "month",
        circular_mean("(month(ordered_at) - 1)", 12),
        "cyclic",
        "early-year",
        "late-year",
        columns=("ordered_at",),
        cycle=12.0,
        missing="unknown",
    ),
    Feature(
        "cohort",
        "Cohort",
        "behavioural",
        "Month of the first order, as 2024-03.",
        "category",
        "concat(CAST(year(min(ordered_at)) AS STRING), '-',"
        " lpad(CAST(month(min(ordered_at)) AS STRING), 2, '0'))",
        "one-hot",
        columns=("ordered_at",),
    ),
    Feature(
        "lifecycle_stage",
        "Lifecycle stage",
        "lifecycle",
        "By s, the days since the last order over the customer's rhythm (mean days between"
        " purchases, the store's own mean counted as one gap more): new for s up to 2 after"
        " one day with orders, active for s up to 2 after more, cooling up to 4, lapsed"
        " beyond. Where purchases are random at that rate, a pause of 2 has a chance of 14%,"
        " one of 4 of 2%. Missing where nobody has come back yet.",
        "category",
        f"CASE WHEN {_PAUSE} > 4 THEN 'lapsed' WHEN {_PAUSE} > 2 THEN 'cooling'"
        f" WHEN {_PAUSE} IS NOT NULL AND max(gaps) = 0 THEN 'new'"
        f" WHEN {_PAUSE} IS NOT NULL THEN 'active' END",
        "one-hot",
        table="rhythms",
        levels=("new", "active", "cooling", "lapsed"),
        missing="unknown",
    ),
)
