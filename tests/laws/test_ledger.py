"""The laws of money: whatever happens, in any order, nothing is overdrawn, and the books say what was."""

import asyncio
from collections import Counter
from contextvars import copy_context
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.unit.ledger.desk import DAY, Desk

from firm.errors import BudgetExceeded, JournalError
from firm.kernel.context import StepInfo, current
from firm.kernel.journal import Row
from firm.ledger import Ledger, Reservation, Tags
from firm.ledger.forward import FORWARD_BOOK, books_of
from firm.ledger.line import Kind, Line, balances, measures_of, purses_of
from firm.ledger.period import period_of
from firm.ledger.pocket import MAX_PASSED, WINDOW, Meter
from firm.ledger.reservation import HELD, IS_LOST, VOIDED, WAITING, WRITTEN_OFF
from firm.units import Amount, Limit, Purse

LOST_AFTER_S = 900
USD, CALLS = 0, 4
INDEX = {"usd_micro": USD, "calls": CALLS}
AGENTS = ("", "a", "b")
RUNS = ("x", "y")
WANTED = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 5, 20, 30, 60, 101]),
        st.sampled_from(AGENTS),
        st.lists(st.sampled_from((*RUNS, "agent")), max_size=3),
    ),
    min_size=1,
    max_size=5,
)
"""Calls that come at once: USD, agent, runs."""
Sums = Counter[tuple[str, str, int, str, int]]
"""(purse, per, start of the period, 'spent' or 'reserved', measure) -> sum."""


def added_up(lines: list[Line]) -> Sums:
    """Spent and reserved in every period of every purse, straight from the lines."""
    sums: Sums = Counter()
    opened = {line.number: line for line in lines if line.kind == Kind.RESERVE}
    closed = {line.of for line in lines if line.kind in (Kind.SETTLE, Kind.VOID, Kind.WRITE_OFF)}
    for line in lines:
        first = opened.get(line.of, line)
        if line.kind in (Kind.LOSE, Kind.VOID) or (line.kind == Kind.RESERVE and line.number in closed):
            continue
        word = "reserved" if line.kind == Kind.RESERVE else "spent"
        account = "reserved" if line.kind == Kind.RESERVE else ("used/", "written-off/")
        amount = next((amount for name, amount in line.entries if name.startswith(account)), Amount())
        for purse in purses_of(first.tags or Tags(), first.purses):
            for per in ("", "hour", "day"):
                start_us, _ = period_of(per, first.made_us)
                for index in (USD, CALLS):
                    sums[purse, per, start_us, word, index] += measures_of(amount)[index]
    return sums


class Dead:
    """What a process that was killed writes."""

    def put(self, *rows: Row) -> None: ...

    async def commit(self, *rows: Row) -> None: ...


class LedgerMachine(RuleBasedStateMachine):
    ledger: Ledger

    @initialize(agent_most=st.integers(0, 60), overruns=st.booleans())
    def begin(self, agent_most: int, overruns: bool) -> None:
        self.overruns = overruns
        self.desk = Desk(by_hand=True)
        self.firm = Purse("firm", (Limit("usd_micro", 100, "day"), Limit("calls", 12, "hour")))
        self.agent = Purse("agent/a", (Limit("usd_micro", agent_most),))
        self.run_most = dict.fromkeys(RUNS, 50)
        self.overrun: set[int] = set()
        self.open_again()

    def teardown(self) -> None:
        if hasattr(self, "desk"):
            for call in self.calls:
                call.cancel()
            self.desk.flush()
            self.desk.settle_down()
            self.desk.close()

    def open_again(self) -> None:
        self.calls: list[asyncio.Task[Reservation]] = []
        self.steps: list[StepInfo] = []
        self.held: list[Reservation] = []
        self.ledger = self.desk.run(
            self.desk.open(firm=self.firm, purses={"agent/a": self.agent}, lost_after_s=LOST_AFTER_S)
        )
        self.desk.settle_down()

    def commit(self, **how: Any) -> None:
        """One transaction; then everything happens that can."""
        self.desk.settle_down()
        before = self.desk.lines()
        self.desk.flush(**how)
        self.check_commit({line.number for line in before})
        self.desk.settle_down()
        self.sort_calls()

    def sort_calls(self) -> None:
        for call in [call for call in self.calls if call.done()]:
            self.calls.remove(call)
            if not call.cancelled() and call.exception() is None:
                self.held.append(call.result())
            elif not call.cancelled():
                assert isinstance(call.exception(), BudgetExceeded | JournalError)

    # --- what may happen ---

    def purse(self, run: str) -> Purse:
        if run == "agent":
            return self.agent  # a caller may name it too
        return Purse(f"run/{run}", (Limit("usd_micro", self.run_most[run]),))

    @rule(wanted=WANTED, lands=st.booleans())
    def reserve(self, wanted: list[tuple[int, str, list[str]]], lands: bool) -> None:
        for usd, agent, runs in wanted:
            purses = [self.purse(run) for run in runs]
            most = Amount(usd, calls=1)
            story = self.ledger.reserve(most, purses, Tags(agent=agent, name="big", host="api"))
            self.calls.append(self.desk.loop.create_task(story))
        self.desk.settle_down()
        self.sort_calls()
        if lands:
            self.commit()

    @rule(wanted=WANTED)
    def reserve_on_disk(self, wanted: list[tuple[int, str, list[str]]]) -> None:
        self.reserve(wanted, True)

    @rule()
    def transaction(self) -> None:
        self.commit()

    @rule(land=st.booleans())
    def transaction_that_raises(self, land: bool) -> None:
        if any(done is not None for _, done in self.desk.queue):
            for _ in range(3):  # puts are not lost: the outbox writes them again
                kept = [(rows, done) for rows, done in self.desk.queue if done is None]
                self.desk.queue = [one for one in self.desk.queue if one[1] is not None]
                self.commit(land=land, raises=True)
                self.desk.queue = kept + self.desk.queue
                break
            self.commit()

    @rule(
        which=st.integers(0, 99),
        share=st.sampled_from([0.0, 0.3, 1.0, 1.0, 1.5]),
        in_step=st.booleans(),
    )
    def settle(self, which: int, share: float, in_step: bool) -> None:
        if not self.held or (share > 1 and not self.overruns):
            return
        one = self.held.pop(which % len(self.held))
        used = Amount(int(one.most.usd_micro * share), calls=1)
        if used.usd_micro > one.most.usd_micro:
            self.overrun.add(one.made_us)
        self.close_in(in_step, lambda: one.settle(used))

    @rule(which=st.integers(0, 99), in_step=st.booleans())
    def void(self, which: int, in_step: bool) -> None:
        if self.held:
            self.close_in(in_step, self.held.pop(which % len(self.held)).void)

    @rule(which=st.integers(0, 99), in_step=st.booleans())
    def lose(self, which: int, in_step: bool) -> None:
        if self.held:
            one = self.held.pop(which % len(self.held))
            self.close_in(in_step, lambda: one.lose("timeout"))

    def close_in(self, in_step: bool, close: Any) -> None:
        if in_step:
            step = StepInfo(object(), 1, "work", 1)  # type: ignore[arg-type]
            self.steps.append(step)
            context = copy_context()
            context.run(current.set, step)
            self.desk.loop.call_soon(close, context=context)
        else:
            self.desk.loop.call_soon(close)
        self.desk.settle_down()
        self.sort_calls()

    @rule(which=st.integers(0, 99))
    def end_step(self, which: int) -> None:
        if self.steps:
            step = self.steps.pop(which % len(self.steps))
            step.late = self.desk.put
            self.desk.put(*step.regardless)

    @rule(which=st.integers(0, 99))
    def cancel(self, which: int) -> None:
        if self.calls:
            self.calls[which % len(self.calls)].cancel()
            self.desk.settle_down()
            self.sort_calls()

    @rule(seconds=st.sampled_from([1, 100, 3600, DAY]))
    def time_passes(self, seconds: int) -> None:
        self.desk.advance(seconds)
        self.sort_calls()

    @rule(seconds=st.sampled_from([-DAY, -3600, 3600, 3 * DAY]))
    def clock_jumps(self, seconds: int) -> None:
        before = self.ledger._clock.now_us()
        self.desk.wall_us += seconds * 1_000_000
        passed_us = self.ledger._clock.now_us() - before
        assert passed_us >= 0
        self.desk.advance(61)  # whoever waits looks at the clock once a minute
        self.sort_calls()

    @rule(
        land=st.booleans(),
        firm_most=st.sampled_from([0, 50, 100]),
        agent_most=st.sampled_from([10, 60]),
        forward=st.booleans(),
    )
    def crash(self, land: bool, firm_most: int, agent_most: int, forward: bool) -> None:
        self.desk.settle_down()
        before = {line.number for line in self.desk.lines()}
        self.desk.flush(land=land)
        self.check_commit(before)
        for call in self.calls:
            call.cancel()
        self.desk.settle_down()
        self.desk.queue.clear()
        self.ledger._pen._keeper = Dead()  # its process is gone, its timers are not
        self.firm = Purse("firm", (Limit("usd_micro", firm_most, "day"), Limit("calls", 12, "hour")))
        self.agent = Purse("agent/a", (Limit("usd_micro", agent_most),))
        self.open_again()
        if forward:
            self.desk.by_hand = False
            self.desk.run(self.ledger.bring_forward(self.desk))
            self.desk.by_hand = True
            check_brought_forward(self.desk)

    @rule(run=st.sampled_from(RUNS), most=st.sampled_from([20, 50, 80]))
    def budget_changes(self, run: str, most: int) -> None:
        self.run_most[run] = most

    # --- what must hold ---

    def caps(self) -> list[tuple[str, str, int, int]]:
        """(purse, per, measure, cap) in force; that of a run is the one that was given last."""
        return [
            (pocket.id, meter.limit.per, meter.index, meter.most)
            for pocket in self.ledger._pockets.known.values()
            for meter in pocket.meters
        ]

    def check_commit(self, before: set[int]) -> None:
        lines = self.desk.lines()
        for line in lines:
            assert balances(line.entries)
        sums = added_up(lines)
        for line in lines:
            if line.number in before or line.kind != Kind.RESERVE:
                continue
            for purse in purses_of(line.tags or Tags(), line.purses):
                for limited, per, index, cap in self.caps():
                    start_us, end_us = period_of(per, line.made_us)
                    if limited != purse or any(start_us <= made < end_us for made in self.overrun):
                        continue
                    if limited.startswith("run/"):
                        cap = 80  # it may have been lowered since
                    spent = sums[purse, per, start_us, "spent", index]
                    reserved = sums[purse, per, start_us, "reserved", index]
                    if amount_of(line)[index]:
                        assert spent + reserved <= cap, (purse, per, spent, reserved, cap)

    def view(self) -> Sums:
        """What the ledger decides by."""
        sums: Sums = Counter()
        for pocket in self.ledger._pockets.known.values():
            for meter in pocket.meters:
                key = (pocket.id, meter.limit.per, meter.start_us)
                sums[(*key, "spent", meter.index)] = meter.spent
                sums[(*key, "reserved", meter.index)] = meter.reserved
        return sums

    @invariant()
    def memory_says_what_the_disk_will_say(self) -> None:
        if not hasattr(self, "desk"):
            return
        pending = [row for rows, _ in self.desk.queue for row in rows]
        pending += [row for step in self.steps for row in step.regardless]
        kept = dict(self.desk.disk)
        self.desk.disk |= {(row.book, row.key): row for row in pending}
        sums = added_up(self.desk.lines())
        self.desk.disk = kept
        for key, value in self.view().items():
            assert sums[key] == value, (key, sums[key], value)

    @invariant()
    def nobody_waits_for_free_money(self) -> None:
        if not hasattr(self, "desk"):
            return
        now_us = self.ledger._clock.now_us()
        for line in self.ledger._turnstile.lines:
            for one in line.waiters[:WINDOW]:
                assert one.state == WAITING
                blocked = any(
                    now_us < meter.end_us
                    and one.measures[meter.index] > meter.most - meter.spent - meter.reserved
                    for pocket in one.pockets
                    for meter in pocket.meters
                )
                aged = isinstance(line, Meter) and any(other.passed >= MAX_PASSED for other in line.waiters)
                assert blocked or aged
                assert one.passed <= MAX_PASSED

    @invariant()
    def what_is_lost_is_written_off_in_time(self) -> None:
        if not hasattr(self, "desk"):
            return
        now_us = self.ledger._clock.now_us()
        for one in self.ledger._held:
            assert one.state in (HELD, IS_LOST)
            if one.state == IS_LOST:
                assert one.made_us + (LOST_AFTER_S + 2 * DAY) * 1_000_000 > now_us
        for one in self.held:
            assert one.state not in (VOIDED, WRITTEN_OFF)


def amount_of(line: Line) -> tuple[int, ...]:
    return measures_of(line.entries[1][1])


def check_brought_forward(desk: Desk) -> None:
    """Books that were brought forward, and what came after, are the fold of all lines."""
    again, kept = desk.run(books_of(desk)), desk.disk
    desk.disk = {key: row for key, row in kept.items() if key[0] != FORWARD_BOOK}
    whole = desk.run(books_of(desk))
    desk.disk = kept
    assert (again.last, again.last_us, again.balances) == (whole.last, whole.last_us, whole.balances)
    assert again.open == whole.open
    assert again.purses == whole.purses
    assert again.days == whole.days


LedgerMachine.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # a failing story is shown as it is: shrinking one takes minutes
)
test_nothing_is_overdrawn_whatever_happens = LedgerMachine.TestCase
