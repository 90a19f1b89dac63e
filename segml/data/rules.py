"""What cannot be true of a row of each canonical table: the rules of cleaning, as data."""

from __future__ import annotations

from dataclasses import dataclass

from .tables import TABLES


@dataclass(frozen=True)
class Impossible:
    """A value that cannot be true.

    A row with such a value in a required column is rejected; in an optional column the
    value becomes missing, and is noted.

    Parameters
    ----------
    column : str
        Where.
    wrong : str
        SQL that is true of such a row, over canonical columns; ``{latest}`` is the end of
        the last day that is not in the future.
    name : str
        What is wrong, in words.
    under : tuple of str, optional
        A field of :class:`segml.data.CleaningPolicy` and the value under which alone the
        rule holds.
    """

    column: str
    wrong: str
    name: str
    under: tuple[str, str] | None = None

    @property
    def note(self) -> str:
        """What the account says where the value became missing."""
        return f"{self.name}, taken as missing"


@dataclass(frozen=True)
class TableRules:
    """How the rows of one canonical table are judged.

    Parameters
    ----------
    key : tuple of str
        Columns that no two rows share; empty where any number may.
    repeated : str
        Why a second row with the same key is rejected; empty where rows are merged.
    impossible : tuple of Impossible
        Values that cannot be true.
    """

    key: tuple[str, ...] = ()
    repeated: str = ""
    impossible: tuple[Impossible, ...] = ()


def _negative(column: str, under: tuple[str, str] | None = None) -> Impossible:
    return Impossible(column, f'"{column}" < 0', f"negative {column}", under)


_ORDERS, _LINES = ("negative_revenue", "reject"), ("negative_lines", "reject")
_NPS = 'TRY_CAST("answer" AS DOUBLE)'

RULES: dict[str, TableRules] = {
    # What a return gives back is negative: judged only where returns are left out.
    "orders": TableRules(
        ("order_id",),
        impossible=tuple(_negative(name, _ORDERS) for name in ("quantity", "discount", "refund")),
    ),
    "order_lines": TableRules(
        impossible=(_negative("quantity", _LINES), _negative("unit_price", _LINES))
    ),
    "customers": TableRules(
        ("customer_id",),
        impossible=(
            Impossible("signed_up_at", '"signed_up_at" > {latest}', "signed_up_at in the future"),
            Impossible(
                "birth_date",
                '"birth_date" < TIMESTAMP \'1900-01-01 00:00:00\' OR "birth_date" > {latest}',
                "birth_date before 1900 or in the future",
            ),
            Impossible("age", '"age" < 0 OR "age" > 120', "age not from 0 to 120"),
            _negative("income"),
            _negative("acquisition_cost"),
        ),
    ),
    "sessions": TableRules(
        ("session_id",), "repeated session_id", (_negative("duration_s"), _negative("pageviews"))
    ),
    "messages": TableRules(("message_id",), "repeated message_id", (_negative("revenue"),)),
    "costs": TableRules(
        impossible=(_negative("cost", ("negative_costs", "reject")), _negative("new_customers"))
    ),
    "surveys": TableRules(
        ("customer_id", "question", "answered_at"),
        "repeated answer",
        (
            Impossible(
                "answer",
                f"lower(\"question\") = 'nps' AND NOT coalesce({_NPS} BETWEEN 0 AND 10"
                f" AND {_NPS} = floor({_NPS}), FALSE)",
                "nps answer not a whole number from 0 to 10",
            ),
        ),
    ),
}
"""The rules of each canonical table."""


def time_column(table: str) -> str | None:
    """Return the column that says when a row of a canonical table happened."""
    columns = TABLES[table].columns
    return next((c.name for c in columns if c.required and c.type == "timestamp"), None)
