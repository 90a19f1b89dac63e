"""A store drawn from a documented model, together with the truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from segml._core.check import number
from segml._core.errors import ParameterError
from segml.engine import Engine

from .bundle import CustomerData
from .read import read_table
from .simulation_campaigns import draw_campaigns, message_table
from .simulation_customers import cost_table, customer_table, draw_profile, survey_table
from .simulation_draws import numbered, prefixed
from .simulation_orders import draw_orders, order_tables
from .simulation_purchases import Clock, draw_purchases
from .simulation_segments import SEGMENTS, TrueSegment, check_segments
from .simulation_sessions import session_table
from .simulation_truth import StoreTruth, store_truth


def simulate_store(
    n_customers: int,
    seed: int = 0,
    *,
    start: Any = "2024-01-01",
    days: int = 730,
    segments: Sequence[TrueSegment] = SEGMENTS,
    seasonality: float = 0.3,
    returns: float = 0.08,
    guests: float = 0.1,
    campaigns: int = 4,
    visits_per_order: float = 2.5,
    survey_share: float = 0.2,
    engine: Engine | None = None,
) -> tuple[CustomerData, StoreTruth]:
    r"""Draw a store: all seven tables, and what is true of its customers.

    Parameters
    ----------
    n_customers : int
        Customers with an account; each has ordered at least once.
    seed : int, default 0
        The same seed and arguments give the same tables.
    start : date or str, default "2024-01-01"
        First day of the store.
    days : int, default 730
        How many days it has been open; customers join on any of them.
    segments : sequence of TrueSegment
        The true segments; five when not given, see
        :class:`segml.data.simulation_segments.TrueSegment`.
    seasonality : float, default 0.3
        Amplitude A of the year's wave, 0 (none) to 0.95; its peak is at the end of November.
    returns : float, default 0.08
        Share of orders with a ``refund``: in full (70%), or 20% to 80% of the revenue.
        Revenue stays what was paid; there are no negative orders.
    guests : float, default 0.1
        Share of all orders that are of guests. They come on top of the customers' orders,
        have no ``customer_id``, and reading counts them as left out.
    campaigns : int, default 4
        E-mail campaigns, evenly spread over the days.
    visits_per_order : float, default 2.5
        Mean number of sessions for each order, the one that ends with it included.
    survey_share : float, default 0.2
        Share of customers who answer the survey.
    engine : Engine, optional
        Where the tables live.

    Returns
    -------
    data : CustomerData
        The tables, read by :func:`segml.data.read_table` with its account of every row. A
        table that came out without a row (no campaigns, nobody answered) is not there.
    truth : StoreTruth
        Segment, rates and more of each customer; campaign effects; the seasons' pace.

    Raises
    ------
    ParameterError
        An argument is out of range.

    Notes
    -----
    A customer of segment s has a first order and then, in store time [1]_:

    .. math::

        \lambda &\sim \mathrm{Gamma}(r_s, \alpha_s), \quad p \sim \mathrm{Beta}(a_s, b_s) \\
        t_{j+1} - t_j &\sim \mathrm{Exponential}(\lambda), \quad
        P(\text{leaves after repeat order } j) = p \\
        \nu &\sim \mathrm{Gamma}(q_s, v_s), \quad
        z_j \sim \mathrm{Gamma}(p_s, \nu) \text{ [2]_}

    First orders are uniform in store time. Store time runs on day d at the pace
    :math:`1 + A \cos(2 \pi (d - d_{peak}) / 365.25)`; with A = 0 it is calendar time, and
    with ``campaigns=0`` as well the customers' orders follow BG/NBD and Gamma-Gamma exactly
    (times in whole seconds, amounts in whole cents). With A > 0 they do so in store time.

    Campaigns go to customers who have ordered, consented to marketing (70%) and not
    unsubscribed; variants A and B are assigned by a fair coin. A recipient whom the message
    reaches (98%) and who has not left yet places one order more within seven days, with
    chance ``conversion`` under A and ``conversion + uplift`` under B. It does not change the
    purchases above; it carries the campaign as ``coupon``, at a discount of 10%.

    Quantities and prices of the lines of an order sum to revenue plus discount. The costs of
    a channel on a day are the acquisition costs of the customers won by it on that day.
    Each table draws numbers of its own: without surveys, say, the orders stay the same.

    The table of costs has no column ``segment``: no table gives the truth away.

    References
    ----------
    .. [1] Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005). "Counting your customers"
       the easy way. Marketing Science 24(2), 275-284: assumptions (i) to (v).
    .. [2] Fader, P. S. and Hardie, B. G. S. (2013). The Gamma-Gamma model of monetary
       value. brucehardie.com/notes/025

    Examples
    --------
    >>> from segml.data.simulation import simulate_store
    >>> data, truth = simulate_store(500, seed=1)
    >>> list(data.tables)
    ['orders', 'order_lines', 'customers', 'sessions', 'messages', 'costs', 'surveys']
    >>> data.orders.account.rejected
    {'no customer_id': 223}
    >>> truth.customers["segment"].value_counts().to_dict()["Occasional"]
    162
    """
    n = int(number(n_customers, "n_customers", low=1, high=1e8, whole=True))
    seed = int(number(seed, "seed", low=0, whole=True))
    clock = Clock(
        _midnight(start),
        int(number(days, "days", low=1, high=36_500, whole=True)),
        number(seasonality, "seasonality", low=0, high=0.95),
    )
    number(returns, "returns", low=0, high=1)
    number(guests, "guests", low=0, high=0.9)
    number(campaigns, "campaigns", low=0, high=100, whole=True)
    number(visits_per_order, "visits_per_order", low=1, high=100)
    number(survey_share, "survey_share", low=0, high=1)
    segments = check_segments(segments)

    numbers = numbered(n)
    ids = prefixed("C", numbers)
    population, *purchases = draw_purchases(n, seed, segments, clock)
    profile = draw_profile(population.segment, segments, seed)
    sent = draw_campaigns(population, profile.consent, segments, seed, int(campaigns), clock.days)
    orders = draw_orders(
        population, profile, (purchases[0], purchases[1]), sent, segments, seed, guests, clock
    )
    order_table, line_table = order_tables(
        orders, sent.names, segments, seed, returns, ids, clock.start
    )
    tables = {
        "orders": order_table,
        "order_lines": line_table,
        "customers": customer_table(
            population, profile, segments, seed, ids, numbers, clock.start, clock.days
        ),
        "sessions": session_table(orders, seed, visits_per_order, ids, clock.start),
        "messages": message_table(sent, ids, clock.start),
        "costs": cost_table(population, profile, sent, clock.start, clock.days),
        "surveys": survey_table(
            population, segments, seed, survey_share, ids, clock.start, clock.days
        ),
    }
    read = {
        name: read_table(table, name, engine=engine)
        for name, table in tables.items()
        if table.num_rows
    }
    return CustomerData(**read), store_truth(population, sent, segments, clock, ids)


def _midnight(start: Any) -> pd.Timestamp:
    try:
        day = pd.Timestamp(start)
    except (TypeError, ValueError) as error:
        raise ParameterError("start is not a date", where="start", got=start) from error
    if pd.isna(day) or day.tzinfo is not None or not 1900 <= day.year <= 2200:
        raise ParameterError(
            "start is not a date",
            where="start",
            got=start,
            expected="a day from 1900 to 2200 without a time zone",
        )
    return day.normalize()
