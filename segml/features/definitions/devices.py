"""With what customers visit, and how they came."""

from __future__ import annotations

from ..feature import Feature, Source
from .parts import most

_BROWSER = """
    CASE WHEN browser IS NULL THEN NULL
        WHEN lower(browser) LIKE '%edg%' THEN 'Edge'
        WHEN lower(browser) LIKE '%opr%' OR lower(browser) LIKE '%opera%' THEN 'Opera'
        WHEN lower(browser) LIKE '%samsung%' THEN 'Samsung Internet'
        WHEN lower(browser) LIKE '%firefox%' OR lower(browser) LIKE '%fxios%' THEN 'Firefox'
        WHEN lower(browser) LIKE '%chrom%' OR lower(browser) LIKE '%crios%' THEN 'Chrome'
        WHEN lower(browser) LIKE '%safari%' THEN 'Safari'
        ELSE 'other' END
"""
_PHONE = "(lower(device) LIKE '%mobile%' OR lower(device) LIKE '%phone%')"


def _counts(name: str, value: str, column: str) -> Source:
    return Source(
        name,
        f"one {column} of a customer, with the number of sessions",
        f"""
        SELECT customer_id, value, sum(visits) AS visits
        FROM (
            SELECT customer_id, {value} AS value, visits
            FROM {{session_kinds}}
        ) AS named
        WHERE value IS NOT NULL
        GROUP BY customer_id, value
        """,
        (f"sessions.{column}",),
    )


def _main(name: str, label: str, meaning: str, table: str) -> Feature:
    return Feature(
        name,
        label,
        "technographic",
        f"{meaning} of most sessions; the first by name among equals.",
        "category",
        most("value", "visits"),
        "one-hot",
        table=table,
        missing="unknown",
    )


def _origin(column: str) -> Feature:
    return Feature(
        f"acquisition_{column}",
        f"Acquisition {column}",
        "technographic",
        f"The {column} of the first session for which it is known.",
        "category",
        f"min_by({column}, (started_at, session_id)) FILTER (WHERE {column} IS NOT NULL)",
        "one-hot",
        table="sessions",
        columns=("customer_id", column),
        missing="unknown",
    )


SOURCES = (
    Source(
        "session_kinds",
        "one device, system and browser of a customer, with the number of sessions",
        """
        SELECT customer_id, device, os, browser, count(*) AS visits
        FROM {sessions}
        GROUP BY customer_id, device, os, browser
        """,
        ("sessions.customer_id",),
    ),
    _counts("session_devices", "device", "device"),
    _counts("session_browsers", _BROWSER, "browser"),
    _counts("session_systems", "os", "os"),
)

FEATURES = (
    _main("main_device", "Main device", "Device", "session_devices"),
    _main("browser_family", "Browser", "Browser family", "session_browsers"),
    _main("main_os", "Operating system", "Operating system", "session_systems"),
    Feature(
        "mobile_share",
        "Sessions on a phone",
        "technographic",
        "Share of sessions on a phone, among those whose device is known.",
        "share",
        f"safe_ratio(coalesce(sum(visits) FILTER (WHERE {_PHONE}), 0),"
        " sum(visits) FILTER (WHERE device IS NOT NULL))",
        "none",
        "desktop",
        "mobile",
        table="session_kinds",
        columns=("sessions.device",),
        missing="unknown",
    ),
    Feature(
        "devices",
        "Devices",
        "technographic",
        "Number of different pairs of device and operating system.",
        "count",
        "count(DISTINCT concat(device, ' / ', coalesce(os, ''))) FILTER (WHERE device IS NOT NULL)",
        "log",
        "one-device",
        "many-device",
        table="session_kinds",
        columns=("sessions.device",),
        missing="unknown",
    ),
    _origin("source"),
    _origin("medium"),
    Feature(
        "acquisition_channel",
        "Acquisition channel",
        "technographic",
        "Channel that won the customer, as the customer table has it today.",
        "category",
        "min(acquisition_channel)",
        "one-hot",
        table="customers",
        columns=("acquisition_channel",),
        missing="unknown",
    ),
)
