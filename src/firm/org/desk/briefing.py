"""The briefing: what was done, what it cost and earned, which bets to double or end, what only the founder can decide.

One rule: every figure is read from the journal when it is asked for; nothing of it is kept, and no model writes it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from firm.errors import UsageError
from firm.kernel.journal import OWN, Row, own_key
from firm.kernel.status import TERMINAL
from firm.ledger.books import Books
from firm.ledger.spend import spend_of
from firm.org.desk.bets import Bet, Product, of_goal, of_product
from firm.org.desk.products import products_of
from firm.org.desk.urgent import order_of, why_now
from firm.org.house import HomeFolder, Settings
from firm.org.mission import Mission, Outcome, TaskEnd
from firm.org.plan import Plan
from firm.org.record import BOOK, Planned, read_end, read_plan, read_task
from firm.org.time.cron import cron_of

MAX_STUCK = 100
LAST = "\uffff"
"""Behind the name of every row of a run."""


class Firm(Protocol):
    """What a briefing is read from; `firm.Firm` is one."""

    @property
    def config(self) -> Settings:
        """Of firm.toml."""
        ...

    @property
    def home(self) -> HomeFolder:
        """Where it lives."""
        ...

    async def rows(
        self, book: str, *, prefix: str = "", after: str = "", limit: int | None = None
    ) -> list[Row]:
        """Rows of a book of the journal."""
        ...

    async def books(self) -> tuple[Books, Any]:
        """What was spent."""
        ...

    async def inbox(self) -> Sequence[Any]:
        """Open questions."""
        ...

    async def runs(self, status: Any = None, *, limit: int = 1000) -> Sequence[Any]:
        """How runs stand."""
        ...

    def run(self, run_id: str) -> Any:
        """The handle of a run."""
        ...


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """A mission."""

    run: str
    mission: str
    ending: str = ""
    """As it ended: a word of `firm.org.mission.Ending`, or the status of a run that broke; '': it goes on."""
    why: str = ""
    accepted: int = 0
    tasks: int = 0
    refused: int = 0
    usd_micro: int = 0
    """What it took; 0 while it goes on."""
    report: str = ""
    """Page of its report, below the home."""
    order: str = ""


class Open(msgspec.Struct, frozen=True, kw_only=True):
    """A question that waits for the founder."""

    id: str
    run: str
    text: str
    options: list[Any] | None
    default: Any
    deadline: datetime | None
    one_way: bool
    waiting: str
    untrusted: bool
    why_now: str = ""
    """Why it cannot wait for the next briefing; '': it can."""


class Stuck(msgspec.Struct, frozen=True, kw_only=True):
    """A run that needs a person before it can go on."""

    run: str
    reason: str


class Briefing(msgspec.Struct, frozen=True, kw_only=True):
    """All that a founder should know of a period."""

    firm: str
    language: str
    since: datetime
    until: datetime
    next_at: datetime | None
    """When the next one comes by itself; None: never."""
    done: tuple[Work, ...]
    under_way: tuple[Work, ...]
    spent_usd_micro: int
    """By all calls on the days of the period (UTC), those that led to nothing too."""
    tokens: int
    calls: int
    earned_usd_micro: int
    """Invoiced on those days."""
    products: tuple[Product, ...]
    """Since the beginning."""
    bets: tuple[Bet, ...]
    now: tuple[Open, ...]
    """What cannot wait."""
    later: tuple[Open, ...]
    stuck: tuple[Stuck, ...]


class _Mission(msgspec.Struct):
    """What the journal has of one mission."""

    run: str
    status: str
    """Of its run where that has ended; '': it goes on."""
    planned: Planned | None = None
    end: Outcome | None = None
    ends: list[TaskEnd] = []

    @property
    def plan(self) -> Plan | None:
        """As it stands, or stood at the end."""
        if self.planned is not None:
            return self.planned.plan
        return self.end.plan if self.end is not None else None


async def brief(firm: Firm, since: datetime, until: datetime) -> Briefing:
    """The briefing of a period.

    Args:
        firm: Open, or visited.
        since: With a time zone; missions that ended then or later are in it.
        until: Now, or an earlier end of the period.
    """
    since_us, until_us = _us(since), _us(until)
    missions = await _missions(firm, since_us, until_us)
    books, _ = await firm.books()
    days = {"since": _day(since), "until": _day(until)}
    products, earned = await products_of(firm, books, **days)
    total = spend_of(books, "run", now_us=until_us, **days).total
    next_at = next_briefing(firm.config.org.briefing, until)
    questions = sorted(await firm.inbox(), key=order_of)
    views = [_open(one, next_at) for one in questions]
    asked = {one.run for one in questions}
    bets = [bet for one in missions for bet in _bets(one, until_us)]
    return Briefing(
        firm=firm.config.name or firm.home.folder.name,
        language=firm.config.org.language,
        since=since,
        until=until,
        next_at=next_at,
        done=tuple([_work(one) for one in missions if one.status]),
        under_way=tuple([_work(one) for one in missions if not one.status]),
        spent_usd_micro=total.usd_micro,
        tokens=total.input + total.cache_read + total.cache_write + total.output + total.reasoning,
        calls=total.calls,
        earned_usd_micro=earned,
        products=products,
        bets=(*bets, *[of_product(one) for one in products if one.name]),
        now=tuple([one for one in views if one.why_now]),
        later=tuple([one for one in views if not one.why_now]),
        stuck=tuple(
            [
                Stuck(run=view.id, reason=view.reason)
                for view in await firm.runs("stuck", limit=MAX_STUCK)
                if view.id not in asked
            ]
        ),
    )


def next_briefing(words: str, after: datetime) -> datetime | None:
    """When the next daily briefing comes; None for '' (never).

    Args:
        words: HH:MM by this machine's clock, or ''.
        after: With a time zone.
    """
    if not words:
        return None
    hour, _, minute = words.partition(":")
    return cron_of(f"{int(minute)} {int(hour)} * * *").next(after)


async def _missions(firm: Firm, since_us: int, until_us: int) -> list[_Mission]:
    """Missions that go on, and those that ended in the period, by id; those of units are their firm's business."""
    found = []
    after = ""
    while rows := await firm.rows(BOOK, after=after, limit=1):
        run = rows[0].key.partition(OWN)[0]
        after = own_key(run, LAST)
        view = await _view(firm, run)
        if view is None:
            continue
        over = view.status in TERMINAL
        if over and not since_us <= _us(view.changed_at) < until_us:
            continue
        one = await _mission(firm, run, str(view.status) if over else "")
        if not (one.planned and one.planned.mission.unit) and not (one.end and one.end.unit):
            found.append(one)
    return found


async def _view(firm: Firm, run: str) -> Any:
    """How a run stands; None where its history is forgotten."""
    try:
        return await firm.run(run).view()
    except UsageError:
        return None


async def _mission(firm: Firm, run: str, status: str) -> _Mission:
    """What the journal has of a mission; `status` of its run where that has ended."""
    one = _Mission(run, status)
    for row in await firm.rows(BOOK, prefix=own_key(run)):
        name = row.key.partition(OWN)[2]
        try:
            if name == "end":
                one.end = read_end(row.value)
            elif name == "plan":
                one.planned = read_plan(row.value)
            elif name.startswith("task."):
                one.ends.append(read_task(row.value))
        except msgspec.MsgspecError:  # of another version
            continue
    return one


def _work(one: _Mission) -> Work:
    if one.end is None:
        said = one.planned.mission if one.planned is not None else Mission(text="")
        ends: Sequence[TaskEnd] = one.ends
        work = Work(run=one.run, mission=said.text, ending=one.status, order=said.order)
    else:
        end, ends = one.end, one.end.tasks
        work = Work(
            run=one.run,
            mission=end.mission,
            ending=end.ending,
            why=end.why,
            usd_micro=end.spent_usd_micro,
            report=end.report,
            order=end.order,
        )
    return msgspec.structs.replace(
        work,
        accepted=sum(end.status == "accepted" for end in ends),
        refused=sum(end.status == "refused" for end in ends),
        tasks=len(one.plan.tasks) if one.plan is not None else len(ends),
    )


def _bets(one: _Mission, until_us: int) -> list[Bet]:
    """Bets of a mission's goals; goals without one are left out."""
    if (plan := one.plan) is None:
        return []
    ends = one.end.tasks if one.end is not None else one.ends
    begun_us = one.planned.at_us if one.planned is not None else until_us
    return [
        of_goal(one.run, plan, goal, ends, begun_us=begun_us, until_us=until_us, over=one.end is not None)
        for goal in plan.goals
        if goal.bet
    ]


def _open(question: Any, next_at: datetime | None) -> Open:
    return Open(
        id=question.id,
        run=question.run,
        text=question.text,
        options=question.options,
        default=question.default,
        deadline=question.deadline,
        one_way=question.one_way,
        waiting=question.waiting,
        untrusted=question.untrusted,
        why_now=why_now(question, next_at),
    )


def _us(at: datetime) -> int:
    return round(at.timestamp() * 1e6)


def _day(at: datetime) -> str:
    return at.astimezone(UTC).date().isoformat()
