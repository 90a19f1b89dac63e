"""The sentences and headline numbers of a report, computed from its results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from segml._core import html, text
from segml.features.words import in_sentence
from segml.kpis import KPIS
from segml.kpis.table import ALL

from .headlines import HEADLINES
from .value_results import UNIT_NAMES
from .workspace import Workspace

_SAME = 0.9  # rank correlation from which two features say much the same
_HEADLINES = (
    "customers",
    "revenue",
    "aov",
    "repeat_rate",
    "retention_rate",
    "clv",
    "p_alive",
)
_RARE = 0.05  # resamples that lose a segment are said from there on


@dataclass(frozen=True)
class Html:
    """A piece of a page."""

    content: str

    def _repr_html_(self) -> str:
        return html.block(self.content)


def data_facts(workspace: Workspace) -> Html:
    """Return what the orders span: customers, orders, revenue, dates."""
    orders = workspace.data.orders
    customers, count, revenue, first, last = orders.table.row(
        "SELECT count(DISTINCT customer_id), count(*), CAST(sum(fixed(revenue)) AS DOUBLE),"
        " min(ordered_at), max(ordered_at) FROM {self}"
    )
    account = orders.account
    left_out = f"{text.count(account.rows_rejected)} of {text.count(account.rows_in)} rows left out"
    return Html(
        html.facts(
            [
                ("Customers", text.count(customers), ""),
                ("Orders", text.count(count), left_out),
                ("Revenue", text.money(revenue, workspace.params.currency), ""),
                ("First order", f"{first:%Y-%m-%d}", ""),
                ("Last order", f"{last:%Y-%m-%d}", f"report as of {workspace.as_of:%Y-%m-%d}"),
            ]
        )
    )


def feature_story(workspace: Workspace) -> Html:
    """Say what is unknown of customers, and which features tell much the same."""
    frame = workspace.features.to_pandas()
    known = {one.name: one for one in workspace.features.features}
    labels = {name: in_sentence(known[name].label) for name in frame.columns}
    notes = [
        f"{text.count(len(frame))} customers, each described by {text.count(len(labels))} features "
        f"as of {workspace.as_of.isoformat()}."
    ]
    missing = frame.isna().mean()
    if (most := str(missing.idxmax())) and missing[most] > 0:
        notes.append(f"Most often unknown: {labels[most]}, of {text.share(missing[most])}.")
    numbers = frame.select_dtypes("number")
    alike = np.triu(np.nan_to_num(numbers.corr("spearman").abs().to_numpy()), 1)
    if alike.size and alike.max() > 0:
        i, j = np.unravel_index(alike.argmax(), alike.shape)
        one, other = labels[str(numbers.columns[i])], labels[str(numbers.columns[j])]
        said = f"{one} and {other} go together most (rank correlation "
        said += f"{text.decimal(alike[i, j], 2)})"
        same = ": they say much the same, and together they weigh double in the segments."
        notes.append(said + (same if alike[i, j] >= _SAME else "."))
    return Html("".join(html.note(note[0].upper() + note[1:]) for note in notes))


def segment_facts(workspace: Workspace) -> Html:
    """Return each segment's name with its size, and whether it can be trusted."""
    stable = workspace.stability
    verdicts = {} if stable is None else stable.table["verdict"].to_dict()
    return Html(
        html.facts(
            (
                row["name"],
                text.share(row["share"]),
                ", ".join([f"{text.count(row['size'])} customers", *_listed(verdicts.get(i))]),
            )
            for i, row in workspace.segments.iterrows()
        )
    )


def segment_story(workspace: Workspace) -> Html:
    """Say which segments come back when customers are drawn anew, and what follows."""
    stable = workspace.stability
    if stable is None:
        return Html(
            html.note(
                "Whether these segments would be found in other customers has not been "
                "checked: set clustering.stability."
            )
        )
    names = stable.table["name"].groupby(stable.table["verdict"]).agg(list).to_dict()
    count = text.count(len(stable.draws))
    notes = []
    if lost := names.get("not trusted"):
        notes.append(
            f"Do not act on {_quoted(lost)}: in {count} resamples of the customers, most of what "
            "is there does not come back. Try fewer segments or other features."
        )
    if doubtful := names.get("doubtful"):
        notes.append(
            f"In {count} resamples of the customers, {_quoted(doubtful)} "
            f"{'come' if len(doubtful) > 1 else 'comes'} back only in part: the pattern is there, "
            "but who belongs to it is uncertain."
        )
    if not notes:
        lost_in = stable.table["dissolved"]
        least = (
            f" The least sure is “{stable.table['name'].iloc[int(lost_in.argmax())]}”: in "
            f"{text.share(lost_in.max())} of the resamples no segment had more than half in "
            "common with it."
        )
        notes.append(
            f"In {count} resamples of the customers, all segments mostly come back: they are a "
            "pattern in the data, not an accident of who happened to buy."
            + least
            * bool(lost_in.max() > _RARE)
        )
    return Html("".join(html.note(note) for note in notes))


def _listed(word: str | None) -> list[str]:
    return [word] if word else []


def _quoted(names: list[str]) -> str:
    return " and ".join(f"“{name}”" for name in names)


def value_facts(workspace: Workspace) -> Html:
    """Return the forecast for all customers: purchases, value, who is still active."""
    kpis = workspace.kpis
    value, alive = kpis.rows("clv").loc[ALL], kpis.rows("p_alive").loc[ALL]
    total = workspace.lifetime_value.sum_by(workspace.labels * 0).iloc[0]
    currency = workspace.params.currency

    def interval(row: Any) -> str:
        return f"{text.money(row['low'], currency)} to {text.money(row['high'], currency)}"

    return Html(
        html.facts(
            [
                (
                    f"Value of all customers, {workspace.horizon}",
                    text.money(total["value"], currency),
                    interval(total),
                ),
                (
                    "Value per customer",
                    text.money(value["value"], currency),
                    interval(value),
                ),
                (
                    "Expected to be active",
                    text.share(alive["value"]),
                    f"{text.share(alive['low'])} to {text.share(alive['high'])} of customers",
                ),
            ]
        )
    )


def value_story(workspace: Workspace) -> Html:
    """Say how far the forecast can be trusted, and what it rests on."""
    asked = workspace.params.clv
    notes = []
    check = workspace.holdout
    unit = UNIT_NAMES[asked.time_unit]
    if check is None:
        notes.append(f"The forecast has not been checked: {workspace.unchecked}.")
    elif check.actual:
        size = abs(check.error)
        verdict = (
            "close to what happened"
            if size <= 0.1
            else "too low: expect more than the forecast says"
            if check.error < 0
            else "too high: expect less than the forecast says"
        )
        notes.append(
            f"Fitted {text.count(check.duration)} {unit} earlier, the model's total was "
            f"{text.share(size)} {'below' if check.error < 0 else 'above'} the purchases that "
            f"followed, {verdict}."
        )
    else:
        notes.append(
            f"In the last {text.count(check.duration)} {unit}, kept aside, nobody bought again; "
            f"fitted before them, the model expected {text.decimal(check.expected)} purchases."
        )
    used = workspace.spend_model.n_customers_
    free = int((workspace.rfm["frequency"] > 0).sum()) - used
    notes.append(
        f"Spend is estimated from the {text.count(used)} customers with a paid repeat purchase"
        + (
            f"; {text.count(free)} whose repeat purchases cost nothing are left out."
            if free
            else "."
        )
    )
    notes.append(
        "The BG/NBD model counts a customer who bought once as active until a further "
        "purchase shows otherwise, so “active” says little of one-time buyers; their "
        "expected purchases are low all the same."
    )
    return Html("".join(html.note(note) for note in notes))


def churn_by_segment(workspace: Workspace) -> Html:
    """Return how many customers of each segment are in each churn band."""
    customers = workspace.customers
    counts = pd.crosstab(customers["segment"], customers["churn_band"])
    silent = customers.groupby("segment")["p_no_purchase"].mean()
    bands = [str(band) for band in counts.columns]
    rows = []
    for name in workspace.segments["name"]:
        total = int(counts.loc[name].sum())
        cells = [html.Cell(text.count(n), text.share(n / total)) for n in counts.loc[name]]
        rows.append([name, *cells, text.share(silent[name])])
    return Html(
        html.table(
            ["segment", *bands, f"chance of no purchase in {workspace.horizon}"],
            rows,
            caption="Customers by churn band: the probability that they are still active",
            numeric=range(1, len(bands) + 2),
        )
    )


def keep_headlines(workspace: Workspace) -> list[dict[str, str]]:
    """Store the numbers that stand at the top of a report, with their intervals."""
    kpis = workspace.kpis
    found = []
    for name in _HEADLINES:
        row = kpis.rows(name).loc[ALL]
        if pd.isna(row["value"]):
            continue
        note = ""
        if not pd.isna(row["low"]):
            note = f"{kpis.format(name, row['low'])} to {kpis.format(name, row['high'])}"
        label, value = KPIS[name].label, kpis.format(name, row["value"])
        found.append({"label": label, "value": value, "note": note})
    share = kpis.rows("share_of_revenue").drop(index=ALL)["value"]
    best = str(share.idxmax())
    size = text.share(kpis.rows("share_of_customers").loc[best, "value"])
    found.append(
        {
            "label": f"Revenue of “{best}”",
            "value": text.share(share[best]),
            "note": f"of all; {size} of customers",
        }
    )
    workspace.artefacts.keep_json(HEADLINES, found)
    return found


def kpi_story(workspace: Workspace) -> Html:
    """Say which segments to keep, win back or develop, from the KPIs; keep the headlines."""
    kpis = workspace.kpis
    keep_headlines(workspace)
    revenue = kpis.rows("share_of_revenue").drop(index=ALL)["value"]
    customers = kpis.rows("share_of_customers").drop(index=ALL)["value"]
    value = kpis.rows("clv").drop(index=ALL)["value"]
    retention = kpis.rows("retention_rate").drop(index=ALL)["value"]
    keep = str(value.idxmax())
    notes = [
        f"Keep: “{keep}” bring {text.share(revenue[keep])} of revenue with "
        f"{text.share(customers[keep])} of customers and are worth most from here on."
    ]
    lapsing = (revenue * (1 - retention)).drop(index=keep).dropna()
    if len(lapsing):
        back = str(lapsing.idxmax())
        notes.append(
            f"Win back: “{back}” brought {text.share(revenue[back])} of revenue so far, but of "
            f"those who ordered in the earlier period only {text.share(retention[back])} "
            "ordered in the later one."
        )
    return Html("".join(html.note(note) for note in notes))
