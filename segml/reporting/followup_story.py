"""Headlines and sentences of what changed, what a campaign did, and which models are best."""

from __future__ import annotations

from segml._core import html, text
from segml.kpis.table import ALL

from .comparison_results import TARGETS
from .story import Html
from .workspace import Workspace


def change_facts(workspace: Workspace) -> Html:
    """Return what is compared, and how much moved, drifted and changed."""
    before, moved = workspace.earlier, workspace.migration
    change = workspace.revenue_change
    currency = workspace.params.currency
    days = max((workspace.as_of - before.day).days, 1)
    index = workspace.drift.features["psi"].max()
    return Html(
        html.facts(
            [
                (
                    "Compared with",
                    before.said,
                    f"{before.day.isoformat()}, now {workspace.as_of.isoformat()}",
                ),
                (
                    "In another segment",
                    text.share(moved.moved),
                    f"{text.share(moved.moved_low)} to {text.share(moved.moved_high)} of "
                    f"{text.count(moved.n_both)} customers who were there both times",
                ),
                ("New customers", text.count(moved.n_entered), f"{text.count(moved.n_gone)} gone"),
                (
                    f"Revenue per customer, {text.count(days)} days",
                    text.money(change.new_value, currency),
                    f"{text.money(change.old_value, currency)} before",
                ),
                ("Strongest shift of a feature (PSI)", text.decimal(index, 2), ""),
            ]
        )
    )


def alert_story(workspace: Workspace) -> Html:
    """Say what to do with the segments, and which thresholds were crossed."""
    drift = workspace.drift
    advice = {"keep": "Keep the segments", "rename": "Rename segments", "refit": "Find them anew"}
    notes = [
        _sentence(f"{advice[drift.verdict]}: {'; '.join(drift.reasons)}"),
        _sentence(workspace.migration.verdict),
    ]
    asked = workspace.params.migration
    limits = (asked.alert_psi, asked.alert_moved, asked.alert_far, asked.alert_revenue)
    if crossed := workspace.alerts:
        notes.append("Alerts: " + "; ".join(one.words for one in crossed) + ".")
    elif any(limit is not None for limit in limits):
        notes.append("No threshold for alerts was crossed.")
    else:
        notes.append("No thresholds for alerts are set: see migration.alert_psi and the like.")
    return Html("".join(html.note(note) for note in notes))


def campaign_facts(workspace: Workspace) -> Html:
    """Return the size of the campaign, and its lift over all customers."""
    asked = workspace.params.campaign
    if workspace.experiment is None:
        return Html(
            html.facts(
                [
                    ("Campaign", "none evaluated", "campaign.campaign names one"),
                    (
                        "To be found by the next one",
                        f"+{text.share(asked.effect)}",
                        f"{asked.outcome}, within {text.count(asked.days)} days",
                    ),
                ]
            )
        )
    found = workspace.experiment
    whole = found.lifts[found.lifts["segment"] == ALL]
    facts = [("Campaign", str(asked.campaign), f"{text.count(asked.days)} days")]
    for row in whole.to_dict("records"):
        facts += [
            (
                f"{row['variant']} beside {found.control}",
                found.format_difference(row["difference"]),
                f"{found.format_difference(row['low'])} to "
                f"{found.format_difference(row['high'])} a customer",
            ),
            (
                "Customers",
                text.count(row["n"] + row["n_control"]),
                f"{text.count(row['n'])} {row['variant']}, {text.count(row['n_control'])} "
                f"{found.control}",
            ),
        ]
    return Html(html.facts(facts))


def campaign_story(workspace: Workspace) -> Html:
    """Say what the campaign changed and what to do next, or what the next one needs."""
    found = workspace.experiment
    said = workspace.plan.verdict if found is None else found.verdict
    return Html(html.note(_sentence(said)))


def comparison_story(workspace: Workspace) -> Html:
    """Say which models forecast best, and whether the differences are real."""
    ranked = workspace.leaderboards.groupby("target", sort=False)["model"].count()
    notes = [
        f"{target.capitalize()}, {text.count(ranked[target])} models: "
        + workspace.leaderboard(target).verdict
        for target in TARGETS
    ]
    return Html("".join(html.note(note) for note in notes))


def _sentence(said: str) -> str:
    return said[:1].upper() + said[1:] + ("" if said.endswith(".") else ".")
