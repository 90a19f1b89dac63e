"""Segments as people: one card each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import pandas as pd
import pyarrow as pa

from segml._core import text
from segml._core.check import number
from segml._core.errors import NotEnoughDataError
from segml.data import CustomerData
from segml.features.words import in_sentence, say_value

from . import persona_orders
from ._empty import say_empty
from ._input import as_frame, features_of
from ._labels import NOISE, aligned, labels_of
from .affinity import SegmentAffinity, segment_affinity
from .naming import level_word, number_word
from .persona_card import Persona, Personas
from .persona_customers import attribute_words, examples, is_attribute
from .profile import SegmentProfile, profile_segments

_SHOWN = 5


def personas(
    data: CustomerData,
    features: Any,
    labels: Any,
    names: Mapping[int, str] | pd.Series | None = None,
    min_group_size: int = 10,
) -> Personas:
    """Describe segments as people, one card each.

    Parameters
    ----------
    data : CustomerData
        Orders; channels and order lines where there are any.
    features : DataFrame, FeatureTable, Polars or Arrow table
        One row per customer.
    labels : Series or segmenter
        Segment id, indexed by customer; or a segmenter fitted to these customers. Noise (-1)
        has no card.
    names : mapping or Series of int to str, optional
        Segment names.
    min_group_size : int, default 10
        Attributes are told of groups of at least this many customers; smaller segments
        have no examples.

    Returns
    -------
    Personas
        One card per segment.

    Raises
    ------
    DataError
        The customers of `features` and `labels` are not the same, a customer has no
        segment or is there twice, or values are infinite.
    NotEnoughDataError
        All customers are noise, or there are none.
    ParameterError
        A parameter is out of range.

    Notes
    -----
    What sets a segment apart are the strongest effects of `profile_segments` that are
    significant after correction. Channels are the most frequent; a weekday, part of the day
    or month is told where the segment's orders fall on it clearly more often than
    everyone else's (Cohen's h at 95%, corrected for the number of levels). What is bought
    is by `segment_affinity`.

    Ids, e-mail addresses and the like are never shown. Attributes are features of who
    customers are (demographic, geographic, technographic, psychographic), and texts that
    are not registered; counts of them are suppressed by `suppress_small_groups`.

    Examples
    --------
    >>> from segml.data import simulate_store
    >>> from segml.features import build_features
    >>> data, truth = simulate_store(200, seed=1)
    >>> table = build_features(data, None, ["orders", "recency_days"])
    >>> labels = table.to_pandas()["orders"].gt(2).astype(int)
    >>> [card.name for card in personas(data, table, labels, {0: "New", 1: "Loyal"})]
    ['New', 'Loyal']
    """
    least = int(number(min_group_size, "min_group_size", low=1, whole=True))
    frame = as_frame(features)
    given, named = labels_of(labels, names)
    given = aligned(given, frame.index)
    kept = given != NOISE
    if not kept.any():
        raise NotEnoughDataError(
            "there are no customers in segments", where="labels", got=f"{len(given):,} of noise"
        )
    frame, given = frame[kept.to_numpy()], given[kept]
    known = features_of(features, frame.columns)
    profile = profile_segments(features if kept.all() else frame, given, named)
    attributes = attribute_words(frame, known, given, least)
    own = [str(name) for name, column in frame.items() if not is_attribute(known.get(name), column)]
    behaviour = own[:_SHOWN]
    ids = [int(i) for i in profile.segments.index]
    shown = _numbers(profile, own)
    nearest = examples(frame, known, given, dict.fromkeys(ids, shown), least)
    facts = _Orders(data, given)
    bought = _bought(data, given, named)
    medians = profile.shown()
    cards = []
    for i, row in zip(ids, profile.segments.to_dict("records"), strict=True):
        cards.append(
            Persona(
                segment=i,
                name=str(row["name"]),
                size=int(row["size"]),
                share=float(row["share"]),
                **facts.value(i),
                sets_apart=tuple(_apart(profile, i, own)),
                behaviour=tuple((profile.label(n), str(medians.loc[i, n])) for n in behaviour),
                attributes=tuple(attributes[i][: 2 * _SHOWN]),
                channels=facts.channels(i),
                when=facts.when(i),
                buys=_favourites(bought, i),
                examples=tuple((who, tuple(said)) for who, said in nearest.get(i, [])),
            )
        )
    notes = [f"{text.count((~kept).sum())} customers of noise have no card"] * (not kept.all())
    if profile.empty:
        notes.append(say_empty(profile.empty))
    if any(is_attribute(known.get(name), column) for name, column in frame.items()):
        notes.append(f"Attributes of fewer than {least} customers are not shown")
    return Personas(tuple(cards), tuple(notes))


def _numbers(profile: SegmentProfile, own: list[str]) -> list[str]:
    """Return the numbers that differ most between segments, in their own order."""
    table = profile.table[profile.table["feature"].isin(own) & profile.table["level"].isna()]
    strongest = table.assign(size=table["effect"].abs()).groupby("feature", sort=False)["size"]
    chosen = strongest.max().sort_values(ascending=False, kind="stable").index[:_SHOWN]
    return [name for name in own if name in chosen]


def _apart(profile: SegmentProfile, segment: int, own: list[str]) -> Iterator[str]:
    """Yield the strongest significant differences in words; attributes have their own place."""
    table = profile.table
    rows = table[(table["segment"] == segment) & table["significant"] & table["feature"].isin(own)]
    order = rows["effect"].abs().sort_values(ascending=False, kind="stable").index
    for row in rows.loc[order[:_SHOWN]].to_dict("records"):
        name = str(row["feature"])
        label, feature = profile.label(name), profile.features.get(name)
        if pd.isna(row["level"]):
            word = number_word(name, row["effect"], feature)
            own_value, everyone = (
                say_value(feature, row[column]) for column in ("median", "median_all")
            )
            what = "median"
            if own_value == everyone:  # of counts with many ties the means tell more
                what, own_value = "mean", say_value(feature, row["mean"])
                everyone = say_value(feature, _mean_of_all(profile, name))
            yield f"{word}: {what} {in_sentence(label)} {own_value}, of all {everyone}"
        else:
            word = level_word(str(row["level"]), row["share"], row["effect"] > 0, label)
            yield f"{word}: {text.share(row['share'])}, of all {text.share(row['share_all'])}"


def _mean_of_all(profile: SegmentProfile, name: str) -> float:
    rows = profile.table[profile.table["feature"] == name].set_index("segment")
    sizes = profile.segments["size"] - rows["missing"]
    return float((rows["mean"].fillna(0.0) * sizes).sum() / sizes.sum())


class _Orders:
    """What orders say of each segment."""

    def __init__(self, data: CustomerData, labels: pd.Series) -> None:
        ids = pa.array([str(one) for one in labels.index], pa.string())
        table = pa.table({"customer_id": ids, "segment": pa.array(labels.to_numpy("int64"))})
        orders = persona_orders.segment_orders(data, data.orders.table.engine.register(table))
        self._values = persona_orders.values(orders)
        self._currency = persona_orders.currency(orders)
        self._channels = persona_orders.channels(orders)
        self._times = persona_orders.times(orders)

    def value(self, segment: int) -> dict[str, Any]:
        total = float(self._values["revenue"].sum())
        own = self._values.reindex([segment]).fillna(0).iloc[0]
        return {
            "orders": int(own["orders"]),
            "revenue": float(own["revenue"]),
            "revenue_share": float(own["revenue"]) / total if total else float("nan"),
            "currency": self._currency,
        }

    def channels(self, segment: int) -> tuple[str, ...]:
        if self._channels is None or segment not in self._channels.index:
            return ()
        own, everyone = self._channels.T[segment], self._channels.sum(axis=0)
        best = own.sort_values(ascending=False, kind="stable").index[:2]
        return tuple(
            f"{level}: {text.share(own[level] / own.sum())} of orders, "
            f"of all {text.share(everyone[level] / everyone.sum())}"
            for level in best
            if own[level]
        )

    def when(self, segment: int) -> tuple[str, ...]:
        found = [persona_orders.peak(counts, segment) for counts in self._times.values()]
        return tuple(
            f"more often {_at(level)}: {text.share(share)} of orders, of all {text.share(of_all)}"
            for level, share, of_all in filter(None, found)
        )


def _at(level: str) -> str:
    if level in persona_orders.PARTS_OF_DAY:
        return level
    return f"on {level}" if level.endswith("day") else f"in {level}"


def _bought(
    data: CustomerData, labels: pd.Series, names: Mapping[int, str]
) -> SegmentAffinity | None:
    if data.order_lines is None:
        return None
    level: Literal["category", "product"]
    level = "category" if "category" in data.order_lines.columns else "product"
    try:
        return segment_affinity(data, labels, level, names)
    except NotEnoughDataError:  # lines there are, but of other customers
        return None


def _favourites(found: SegmentAffinity | None, segment: int) -> tuple[str, ...]:
    if found is None:
        return ()
    return tuple(
        f"{row['item']} ×{row['lift']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
        for _, row in found.favourites(segment).head(_SHOWN).iterrows()
    )
