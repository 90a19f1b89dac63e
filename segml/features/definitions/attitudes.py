"""What customers think: survey scales and the willingness to recommend.

A question is named after its construct, with the number of the item where there are
several and ``_r`` where agreeing says the opposite: ``trust_1``, ``trust_2_r``.
"""

from __future__ import annotations

from ..feature import Feature, Source

_LATEST = "the customer's latest answer to each question counts"
_NUMBER = (
    "CASE WHEN regexp_matches(trim(answer), '^[+-]?[0-9]{1,9}([.][0-9]{1,9})?$')"
    " THEN CAST(trim(answer) AS DOUBLE) END"
)
_ANY = ("surveys.customer_id", "surveys.question", "surveys.answer", "surveys.answered_at")

SOURCES = (
    Source(
        "answers",
        "a customer's latest answer in numbers to one question",
        f"""
        SELECT customer_id, question, value,
            regexp_replace(regexp_replace(question, '_r$', ''), '_[0-9]+$', '') AS construct,
            CASE WHEN regexp_matches(question, '_r$') THEN 1 ELSE 0 END AS reversed
        FROM (
            SELECT customer_id, question, value, row_number() OVER (
                PARTITION BY customer_id, question ORDER BY answered_at DESC, value DESC
            ) AS place
            FROM (
                SELECT customer_id, answered_at, lower(trim(question)) AS question,
                    {_NUMBER} AS value
                FROM {{surveys}}
            ) AS parsed
            WHERE value IS NOT NULL AND question IS NOT NULL
        ) AS placed
        WHERE place = 1
        """,
        _ANY,
        empty="no answer is a number",
    ),
    Source(
        "scale_answers",
        "a customer's latest answer to one item of a construct, reversed items turned round",
        """
        SELECT a.customer_id, a.question, a.construct,
            CASE WHEN a.reversed = 1 THEN s.low + s.high - a.value ELSE a.value END AS score
        FROM {answers} AS a
        JOIN {survey_scales} AS s ON a.construct = s.construct
        WHERE a.value BETWEEN s.low AND s.high
        """,
        _ANY,
        empty="no answer to a scale is a number within its bounds",
    ),
    Source(
        "nps_answers",
        "a customer's latest answer to the recommendation question, from 0 to 10",
        "SELECT customer_id, value FROM {answers}"
        " WHERE question = 'nps' AND value BETWEEN 0 AND 10",
        _ANY,
        empty="nobody answered the question nps with a number from 0 to 10",
    ),
)

FEATURES = (
    Feature(
        "survey_{level}",
        "{level} (survey)",
        "psychographic",
        "Mean of the customer's answers to the items of {level}, reversed items turned round;"
        f" {_LATEST}.",
        "score",
        "safe_ratio(CAST(sum(fixed(score)) FILTER (WHERE construct = {level}) AS DOUBLE),"
        " count(*) FILTER (WHERE construct = {level}))",
        "none",
        "low {level}",
        "high {level}",
        table="scale_answers",
        missing="unknown",
        each="construct",
    ),
    Feature(
        "nps_answer",
        "Willingness to recommend",
        "psychographic",
        f"Answer from 0 to 10 to the question nps; {_LATEST}.",
        "score",
        "max(value)",
        "none",
        "critical",
        "recommending",
        table="nps_answers",
        missing="unknown",
    ),
    Feature(
        "nps_class",
        "NPS class",
        "psychographic",
        "Promoter from 9, passive from 7, detractor below, by the answer to the question nps;"
        f" {_LATEST}.",
        "category",
        "CASE WHEN max(value) >= 9 THEN 'promoter' WHEN max(value) >= 7 THEN 'passive'"
        " WHEN max(value) >= 0 THEN 'detractor' END",
        "ordinal",
        table="nps_answers",
        missing="unknown",
        levels=("detractor", "passive", "promoter"),
    ),
)
