"""Which bets to double and which to end.

One rule: it goes by what was accepted and refused, and by money; no model judges it. It is advice: nothing is doubled
or ended by it.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from firm.org.mission import TaskEnd
from firm.org.plan import Goal, Plan

Word = Literal["double", "end", "watch"]
DAY_US = 86_400 * 1_000_000


class Bet(msgspec.Struct, frozen=True, kw_only=True):
    """A goal with what was bet on it, or a product, and what to do about it."""

    what: str
    """The goal's words, or the product's name."""
    run: str = ""
    """Of the mission; '' for a product."""
    bet: str = ""
    wrong_if: str = ""
    accepted: int = 0
    """Tasks of the goal; of a product: orders that were delivered."""
    refused: int = 0
    word: Word
    profit_usd_micro: int | None = None
    """Of a product."""
    late: bool = False
    """The days are over by which it should have been known."""


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """What a product brought."""

    name: str
    """'' for orders that came to no product."""
    orders: int = 0
    """That came."""
    delivered: int = 0
    revenue_usd_micro: int = 0
    """Invoiced."""
    cost_usd_micro: int = 0

    @property
    def profit_usd_micro(self) -> int:
        """Revenue less cost; negative: a loss."""
        return self.revenue_usd_micro - self.cost_usd_micro


def of_goal(
    run: str, plan: Plan, goal: Goal, ends: Sequence[TaskEnd], *, begun_us: int, until_us: int, over: bool
) -> Bet:
    """A goal's bet.

    Double: its mission is over, all its tasks that were tried were accepted, and the days are over by which it should
    be known, where somebody said them. End: at least as many were refused as accepted, or those days are over and
    nothing was accepted. Else: watch.

    Args:
        run: Of the mission.
        plan: Of the mission.
        goal: One of the plan's.
        ends: How tasks stand; those of other goals are left out here.
        begun_us: When it was planned, microseconds since 1970.
        until_us: Now, or the end of the period.
        over: The mission has come to its end; one that broke has not.
    """
    first = plan.goals[0].id if plan.goals else ""
    own = {task.id for task in plan.tasks if (task.goal or first) == goal.id}
    accepted = sum(one.id in own and one.status == "accepted" for one in ends)
    refused = sum(one.id in own and one.status == "refused" and (over or bool(one.why)) for one in ends)
    late = (
        goal.by_days is not None and until_us > begun_us + goal.by_days * DAY_US and not (over and accepted)
    )
    known = goal.by_days is None or until_us >= begun_us + goal.by_days * DAY_US
    word: Word = "watch"
    if (refused and refused >= accepted) or (late and not accepted):
        word = "end"
    elif over and accepted and not refused and known:
        word = "double"
    return Bet(
        what=goal.says,
        run=run,
        bet=goal.bet,
        wrong_if=goal.wrong_if,
        accepted=accepted,
        refused=refused,
        word=word,
        late=late,
    )


def of_product(product: Product) -> Bet:
    """A product: double with a profit and at least one delivery, end with a loss, else watch."""
    profit = product.profit_usd_micro
    word: Word = "end" if profit < 0 else "double" if profit > 0 and product.delivered else "watch"
    return Bet(
        what=product.name,
        accepted=product.delivered,
        refused=product.orders - product.delivered,
        word=word,
        profit_usd_micro=profit,
    )
