"""The gate: the one way through which every call of a tool and of a model goes, inside the attempt that makes it.

One rule: what is found out here is raised or returned by the attempt, and so stands in the journal; workflow code
goes by that alone (`firm.policy.consent`), never by rules, ledger or clock.

The order: capabilities and rules, money, labels, the founder's word. Arguments were checked before, by the tool; the
intent and the call itself come after. Money is held while the call is made, not while a person thinks: what must be
asked gives back what it reserved, and reserves it again when the answer has come.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextvars import Context, ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

import msgspec

from firm.errors import BudgetExceeded, PolicyDenied, UsageError
from firm.kernel.context import StepInfo, current
from firm.kernel.run import Run
from firm.policy.action import MODEL_CALLS, Action
from firm.policy.approval import LOOP, VALID_S, Asked, CheckProof, Permit, call_text, check_permit, when
from firm.policy.capability import Charter
from firm.policy.flood import Flood
from firm.policy.judge import judge
from firm.policy.loop import STATE, Key, Loops
from firm.policy.rulebook import Rulebook
from firm.policy.verdict import Verdict
from firm.units.amount import NOTHING, Amount
from firm.units.purse import Purse

HOLD_S = 60.0
"""How long money that was reserved for an effect waits for the effect to begin."""
MAX_TRIES = 64
"""Purses of capabilities and mandates that may turn out to be used up in one call."""


# --- ports -----------------------------------------------------------------------------------------------------


class Reservation(Protocol):
    """Money that one call holds; closed exactly once (`firm.ledger`)."""

    @property
    def number(self) -> int:
        """Of its line in the ledger; 0: none was written."""
        ...

    def settle(self, used: Amount, saved_usd_micro: int = 0) -> None:
        """It took so much."""
        ...

    def void(self) -> None:
        """It surely took nothing."""
        ...

    def lose(self, why: str) -> None:
        """Nobody knows what it took: it stays reserved until it is written off."""
        ...


Reserve = Callable[[Amount, tuple[Purse, ...], Action, Charter], Awaitable[Reservation]]
"""Waits until so much is free. Raises BudgetExceeded; `error.purse`, where there is one, is the id of the purse."""
TakeUp = Callable[[int], Reservation | None]
"""The reservation of this number that a crash cut off from its call, if it is still open."""


class Broker(Protocol):
    """Alone holds the secrets (`firm.policy.broker`)."""

    @property
    def knows(self) -> bool:
        """Whether any secret was put anywhere yet: then what comes back has to be watched."""
        ...

    async def call(self, function: Callable[..., Awaitable[Any]], args: dict[str, Any], host: str) -> Any:
        """Call with the secrets put in; what comes back has none."""
        ...

    async def watch(self, work: Awaitable[Any]) -> Any:
        """What comes of `work`, without any secret that is known."""
        ...


def unproved(question_id: str, action_hash: str, answer: object, proof: object, now_us: int) -> object:
    """Where there is no founder key, nothing can be proved."""
    raise PolicyDenied("the answer does not count as the founder's: this firm has no founder key")


@dataclass(frozen=True, slots=True)
class Limits:
    """How often, whatever it costs."""

    same_call: int = 30
    """So often the same call may come to the same result, one after the other, before the run asks; 0: for ever."""
    questions_per_hour: int = 20
    """Approvals that one agent may ask for in an hour; 0: none."""
    approval_s: float = VALID_S
    """How long an approval may be given and used."""
    wakes: int = 1_000
    """So often a run may wake itself with nothing new, before it is held; 0: for ever."""
    exchanges: int = 1_000
    """So often a run may answer another one with nothing from outside, before it is held; 0: for ever."""
    helpers: int = 1_000
    """Runs that one agent and its helpers may begin, before more are held; 0: without end."""
    helper_depth: int = 10
    """Agents that may call each other in a chain, before the next is held; 0: as deep as charters go."""


HoldKey = tuple[str, int, int]
"""Run, generation and place of the step that reserved for an effect."""


class Holds:
    """Money of effects: reserved before the intent is written, and kept while it is in doubt what happened."""

    __slots__ = ("_doubted", "_held")

    def __init__(self) -> None:
        self._held: dict[HoldKey, tuple[Reservation, asyncio.TimerHandle]] = {}
        self._doubted: dict[HoldKey, Reservation] = {}

    def keep(self, key: HoldKey, reservation: Reservation) -> None:
        """Keep it for the effect; given back where that does not begin within `HOLD_S`."""
        loop = asyncio.get_running_loop()
        self._held[key] = (reservation, loop.call_later(HOLD_S, self._void, key, context=Context()))

    def doubt(self, key: HoldKey, reservation: Reservation) -> None:
        """Nobody knows whether the effect happened: it stays reserved."""
        self._doubted[key] = reservation

    def take(self, key: HoldKey) -> Reservation | None:
        """The effect begins, or it is known what became of it."""
        found = self._held.pop(key, None)
        if found is None:
            return self._doubted.pop(key, None)
        found[1].cancel()
        return found[0]

    def _void(self, key: HoldKey) -> None:
        found = self._held.pop(key, None)
        if found is not None:
            found[0].void()

    def close(self) -> None:
        """Give back what no effect has begun with: the firm is being closed."""
        for key in list(self._held):
            self._held[key][1].cancel()
            self._void(key)


@dataclass(frozen=True, slots=True)
class Command:
    """What the gate goes by: rules, money, secrets, the founder's key, the clock. Made by `firm.root`.

    A changed rule or a new stop makes another one, with the same `flood` and `holds`.
    """

    rulebook: Rulebook = field(default_factory=Rulebook)
    limits: Limits = Limits()
    reserve: Reserve | None = None
    take_up: TakeUp | None = None
    broker: Broker | None = None
    check_proof: CheckProof = unproved
    now_us: Callable[[], int] = lambda: time.time_ns() // 1000
    flood: Flood = field(default_factory=Flood)
    holds: Holds = field(default_factory=Holds)


def command_of(firm: object) -> Command:
    """The command of a firm; where there is none nothing grave is let through and nothing that costs."""
    found: Command | None = getattr(firm, "command", None)
    return closed() if found is None else found


@lru_cache(maxsize=1)
def closed() -> Command:
    """What holds where no firm says anything: no rules, no ledger, no secrets, nobody who can prove a word."""
    return Command()


# --- through the gate --------------------------------------------------------------------------------------------

permit_here: ContextVar[Permit | None] = ContextVar("firm_permit", default=None)
"""The founder's yes to the call that is about to be made; beside its journaled arguments, which name it."""


class Admitted(msgspec.Struct, frozen=True):
    """A call that may be made now."""

    verdict: Verdict
    reservation: Reservation | None = None
    """To be settled, voided or given up by whoever makes the call."""


def no_edit(args: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a call that cannot be edited."""
    raise UsageError("this call cannot be edited: accept it, refuse it, or say what should be done instead")


class Entry(msgspec.Struct, frozen=True):
    """A call that wants to go through."""

    action: Action
    """With its real arguments."""
    charter: Charter
    """In whose name, see `firm.kernel.context.charter_here`."""
    most: Amount = NOTHING
    """What it may take; NOTHING: it is not reserved, unless a capability or mandate counts it."""
    effect: str = "repeatable"
    """'repeatable', 'keyed' or 'once'."""
    normal: Callable[[dict[str, Any]], dict[str, Any]] = no_edit
    """Arguments as the tool has them, for those that the founder edited."""
    held: Reservation | None = None
    """What was reserved for it by an earlier step."""


def lets_pass(command: Command, action: Action, charter: Charter) -> bool:
    """The short way: whether it is allowed, with nothing to reserve; if not, `admit` says what is to be done."""
    if charter.deadline_us:
        return False
    verdict = judge(action, charter, command.rulebook, command.now_us())
    return verdict.then == "allow" and not verdict.purses


async def admit(command: Command, entry: Entry) -> Admitted:
    """Let one call through the gate; called inside the attempt that makes it, or outside any run.

    Raises:
        PolicyDenied: a rule, a capability or the stop list forbids it, or the approval is for something else.
        BudgetExceeded: it cannot be paid, or the time of its budget is over.
        NeedsApproval: the founder has to be asked.
        DeadlineExceeded: the approval came to its end before it was used.
        UsageError: it costs something and there is no ledger, or its arguments have no canonical form.
    """
    reservation = entry.held
    try:
        now_us, until_us = command.now_us(), entry.charter.deadline_us
        if until_us and now_us >= until_us:
            raise BudgetExceeded(
                f"{call_text(entry.action)} was not made: the time of its budget (wall_s) was over at {when(until_us)}",
                measure="time",
            )
        verdict, reservation = await _paid(command, entry, now_us)
        permit = permit_here.get()
        if permit is not None and entry.action.tool in MODEL_CALLS:
            permit = permit.good_for(entry.action)
        if permit is not None:
            check_permit(
                permit,
                entry.action,
                place=_place(),
                now_us=command.now_us(),
                check_proof=command.check_proof,
                normal=entry.normal,
            )
        elif verdict.then == "ask":
            raise _asked(command, entry, verdict).error()
    except BaseException:
        if reservation is not None:
            reservation.void()
        raise
    return Admitted(verdict, reservation)


async def _paid(command: Command, entry: Entry, now_us: int) -> tuple[Verdict, Reservation | None]:
    """Judge, and reserve; where a capability or mandate is used up, judge without it."""
    action, charter, most = entry.action, entry.charter, entry.most
    used_up: set[str] = set()
    while True:
        verdict = judge(action, charter, command.rulebook, now_us, used_up=used_up)
        if verdict.then == "deny":
            raise PolicyDenied(f"{call_text(action)} was not done: {verdict.why}")
        if entry.held is not None or (most == NOTHING and not verdict.purses):
            return verdict, entry.held
        if command.reserve is None:
            raise UsageError(
                f"{call_text(action)} has to be accounted for, and here is no ledger; open a Firm"
            )
        try:
            wanted = most if most.calls else most + Amount(calls=1)
            return verdict, await command.reserve(wanted, (*charter.purses, *verdict.purses), action, charter)
        except BudgetExceeded as error:
            of_verdict = any(purse.id == error.purse for purse in verdict.purses)
            if not of_verdict or error.purse in used_up or len(used_up) >= MAX_TRIES:
                raise
            used_up.add(error.purse)


def _place() -> int:
    here = current.get()
    return here.place if isinstance(here, StepInfo) else 0


def _asked(command: Command, entry: Entry, verdict: Verdict) -> Asked:
    """What the founder is to be asked; PolicyDenied where this agent asks too much."""
    action, now_us = entry.action, command.now_us()
    who = action.agent or action.run.partition("/")[0]
    if not command.flood.may_ask(who, now_us, command.limits.questions_per_hour):
        raise PolicyDenied(
            f"{call_text(action)} was not done: it has to be asked ({verdict.why}), and {who!r} has put "
            f"{command.limits.questions_per_hour} questions within the last hour ([limits] questions_per_hour)"
        )
    if action.run:
        command.flood.note(who, now_us)
    until_us = now_us + round(command.limits.approval_s * 1e6)
    return Asked(action, _place(), entry.effect, verdict.why, until_us)


# --- the loop breaker, as attempts see it --------------------------------------------------------------------------


def may_loop(run: Run, limits: Limits) -> bool:
    """Whether some call of the run has come to the same result too often; looked at before each call."""
    loops = run.state.get(STATE)
    return loops is not None and 0 < limits.same_call <= loops.top


def check_loop(run: Run, limits: Limits, action: Action, key: Key) -> None:
    """Raise NeedsApproval of kind 'loop' if it is this call, with this name and arguments, that goes round."""
    loops: Loops | None = run.state.get(STATE)
    if loops is None:
        return
    count = loops.count(key)
    if count >= limits.same_call > 0:
        why = f"it came to the same result {count} times, one after the other"
        raise Asked(action, _place(), "", why, 0, LOOP).error()
