"""What customers say: a customer's latest answer of the period to each question counts."""

from ..kpi import KPI, Measure, Source

_COLUMNS = ("question", "answer")


def _answers(name: str, questions: str, empty: str) -> Source:
    return Source(
        name,
        "surveys",
        "SELECT customer_id, period, value FROM (SELECT customer_id, period, value,"
        " row_number() OVER (PARTITION BY customer_id, period"
        " ORDER BY answered_at DESC, value DESC) AS place"
        " FROM (SELECT customer_id, period, answered_at, number_of(trim(answer)) AS value"
        f" FROM {{rows}} WHERE lower(trim(question)) IN ({questions})) AS asked"
        " WHERE isfinite(value)) AS placed WHERE place = 1",
        _COLUMNS,
        {},
        empty,
    )


SOURCES = (
    _answers("nps_answers", "'nps'", "nobody answered the question nps with a number"),
    _answers(
        "satisfaction_answers",
        "'satisfaction', 'csat'",
        "nobody answered the question satisfaction or csat with a number",
    ),
)

MEASURES = {
    "nps_points": Measure(
        "max(CASE WHEN value >= 9 THEN 100 WHEN value >= 7 THEN 0 ELSE -100 END)", "nps_answers"
    ),
    "nps_count": Measure("count(*)", "nps_answers"),
    "satisfaction_answer": Measure("max(value)", "satisfaction_answers"),
    "satisfaction_count": Measure("count(*)", "satisfaction_answers"),
    "answered": Measure("CASE WHEN count(answer) > 0 THEN 1 ELSE 0 END", "surveys", ("answer",)),
}

KPIS = (
    KPI(
        "nps",
        "Net promoter score (NPS)",
        "100 (promoters, who answer 9 or 10, - detractors, 0 to 6) / customers who answered "
        "the question nps; the latest answer of the period counts.",
        "score",
        "nps_points",
        "nps_count",
        reference="Reichheld (2003), Harvard Business Review 81(12), 46-54; interval: Rocks "
        "(2016), The American Statistician 70(4), 365-372.",
        group="satisfaction",
    ),
    KPI(
        "response_rate",
        "Survey response rate",
        "Customers who answered a survey in the period / customers who have ordered by its "
        "end; who was asked is not recorded.",
        "share",
        "answered",
        "1",
        "wilson",
        group="satisfaction",
    ),
    KPI(
        "satisfaction",
        "Satisfaction",
        "Mean over customers of the answer to the question satisfaction or csat, on the "
        "survey's own scale; the latest answer of the period counts.",
        "score",
        "satisfaction_answer",
        "satisfaction_count",
        group="satisfaction",
    ),
)
