"""Who customers are and where they live.

Attributes are those of the customer table today: only rows of accounts opened after the
date are left out. One customer's rows, should there be several, give one value each.
"""

from __future__ import annotations

from ..feature import Feature, Source
from .parts import share

_STATED = "as the customer table has it today"
_BIRTHDAY = (
    "year({as_of}) - year(birth_date) - CASE WHEN month({as_of}) * 100 + day({as_of})"
    " < month(birth_date) * 100 + day(birth_date) THEN 1 ELSE 0 END"
)
_YEARS = f"coalesce(max({_BIRTHDAY}), floor(max(age)))"
_AGE = f"CASE WHEN {_YEARS} BETWEEN 0 AND 120 THEN {_YEARS} END"
_BANDS = ("under 25", "25 to 34", "35 to 44", "45 to 54", "55 to 64", "65 and over")


def _attribute(name: str, label: str, meaning: str) -> Feature:
    return Feature(
        name,
        label,
        "demographic",
        f"{meaning}, {_STATED}.",
        "category",
        f"min({name})",
        "one-hot",
        table="customers",
        columns=(name,),
        missing="unknown",
    )


def _place(
    name: str,
    label: str,
    meaning: str,
    sql: str,
    table: str = "customers",
    columns: tuple[str, ...] = (),
    levels: tuple[str, ...] = (),
) -> Feature:
    return Feature(
        name,
        label,
        "geographic",
        meaning,
        "category",
        sql,
        "ordinal" if levels else "one-hot",
        table=table,
        columns=columns,
        missing="unknown",
        levels=levels,
    )


SOURCES = (
    Source(
        "homes",
        "one customer who has ordered, with country and city",
        """
        SELECT c.customer_id, min(c.country) AS country, min(c.city) AS city
        FROM {customers} AS c
        JOIN (SELECT DISTINCT customer_id FROM {orders}) AS o ON c.customer_id = o.customer_id
        GROUP BY c.customer_id
        """,
    ),
    Source(
        "city_sizes",
        "one customer with how many customers live in larger cities than theirs, and in any",
        """
        SELECT h.customer_id, s.larger, s.everyone
        FROM {homes} AS h
        JOIN (
            SELECT country, city,
                sum(n) OVER (ORDER BY n DESC RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
                    - sum(n) OVER (PARTITION BY n) AS larger,
                sum(n) OVER () AS everyone
            FROM (
                SELECT coalesce(country, '') AS country, city, count(*) AS n
                FROM {homes}
                WHERE city IS NOT NULL
                GROUP BY coalesce(country, ''), city
            ) AS cities
        ) AS s ON coalesce(h.country, '') = s.country AND h.city = s.city
        """,
        ("customers.city",),
    ),
    Source(
        "home_markets",
        "one customer whose country is known, with the store's most common country",
        """
        SELECT h.customer_id, h.country, m.market
        FROM {homes} AS h
        CROSS JOIN (
            SELECT min_by(country, (-n, country)) AS market
            FROM (
                SELECT country, count(*) AS n
                FROM {homes}
                WHERE country IS NOT NULL
                GROUP BY country
            ) AS countries
        ) AS m
        WHERE h.country IS NOT NULL
        """,
        ("customers.country",),
    ),
    Source(
        "order_countries",
        "one order whose country is known, with the most common country of orders",
        """
        SELECT o.customer_id, o.country, m.market
        FROM {orders} AS o
        CROSS JOIN (
            SELECT min_by(country, (-n, country)) AS market
            FROM (
                SELECT country, count(*) AS n
                FROM {orders}
                WHERE country IS NOT NULL
                GROUP BY country
            ) AS countries
        ) AS m
        WHERE o.country IS NOT NULL
        """,
        ("orders.country",),
    ),
)

FEATURES = (
    Feature(
        "age",
        "Age",
        "demographic",
        "Age on the date by the date of birth, or as stated where only that is known.",
        "years",
        f"CAST({_AGE} AS DOUBLE)",
        "none",
        "young",
        "old",
        table="customers",
        columns=("birth_date|age",),
        missing="unknown",
    ),
    Feature(
        "age_band",
        "Age band",
        "demographic",
        "Age on the date, in bands.",
        "category",
        f"CASE WHEN {_AGE} >= 65 THEN '65 and over' WHEN {_AGE} >= 55 THEN '55 to 64'"
        f" WHEN {_AGE} >= 45 THEN '45 to 54' WHEN {_AGE} >= 35 THEN '35 to 44'"
        f" WHEN {_AGE} >= 25 THEN '25 to 34' WHEN {_AGE} >= 0 THEN 'under 25' END",
        "ordinal",
        table="customers",
        columns=("birth_date|age",),
        missing="unknown",
        levels=_BANDS,
    ),
    _attribute("gender", "Gender", "Gender"),
    Feature(
        "income",
        "Income",
        "demographic",
        f"Income a year, {_STATED}.",
        "money",
        "CAST(max(fixed(income)) AS DOUBLE)",
        "log",
        "low-income",
        "high-income",
        table="customers",
        columns=("income",),
        missing="unknown",
    ),
    _attribute("education", "Education", "Highest education"),
    _attribute("occupation", "Occupation", "Occupation"),
    _attribute("marital_status", "Marital status", "Marital status"),
    Feature(
        "account_days",
        "Days since sign-up",
        "demographic",
        "Days from opening the account to the date of the features.",
        "days",
        "day_index({as_of}) - min(day_index(signed_up_at))",
        "none",
        "newly signed-up",
        "long signed-up",
        table="customers",
        columns=("signed_up_at",),
        missing="unknown",
    ),
    _place("country", "Country", f"Country, {_STATED}.", "min(country)", columns=("country",)),
    _place("region", "Region", f"Region, {_STATED}.", "min(region)", columns=("region",)),
    _place(
        "city_tier",
        "Size of city",
        "By the store's own customers: large cities are the largest that hold the first half of"
        " all customers, medium ones the next 30%, small the rest.",
        "CASE WHEN max(safe_ratio(larger, everyone)) < 0.5 THEN 'large'"
        " WHEN max(safe_ratio(larger, everyone)) < 0.8 THEN 'medium'"
        " WHEN max(everyone) > 0 THEN 'small' END",
        table="city_sizes",
        levels=("small", "medium", "large"),
    ),
    _place(
        "postcode_area",
        "Postcode area",
        f"First two characters of the postcode, {_STATED}.",
        "min(upper(substr(replace(postcode, ' ', ''), 1, 2)))",
        columns=("postcode",),
    ),
    _place(
        "market",
        "Market",
        "Domestic where the customer's country is that of most customers, else cross-border.",
        "CASE WHEN max(country) = max(market) THEN 'domestic' ELSE 'cross-border' END",
        table="home_markets",
    ),
    Feature(
        "cross_border_share",
        "Orders across the border",
        "geographic",
        "Share of orders to another country than that of most orders.",
        "share",
        share("country <> market"),
        "none",
        "domestic",
        "cross-border",
        table="order_countries",
        missing="unknown",
    ),
)
