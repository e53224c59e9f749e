"""Rules, money, secrets and the founder's key of one firm, put together for the gate.

One rule: there is one gate for tools and models; what is decided here is only where each of its parts comes from.
"""

import functools
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol
from urllib.parse import urlsplit

from firm.kernel.context import StepInfo, charter_here, current
from firm.ledger.line import Tags
from firm.model.till import Fare, Ticket
from firm.policy.action import MODEL_CALLS, Action
from firm.policy.approval import CheckProof
from firm.policy.broker import Broker
from firm.policy.capability import Charter
from firm.policy.gate import Command, Entry, Limits, Reservation, TakeUp, admit, unproved
from firm.policy.rulebook import Rulebook
from firm.root.config import Config
from firm.root.home import Home
from firm.units.amount import Amount
from firm.units.purse import Purse

ReserveAtDesk = Callable[[Amount, Sequence[Purse], Tags], Awaitable[Reservation]]
TakeBack = Callable[[Amount, Sequence[Purse], Tags], Reservation | None]
"""The same reservation, made by an earlier process at the same place of the same run, if it is still open."""
GATE = "gate "
"""How the name of a step begins that is the gate of a grave call, see `firm.agent.passage`."""


class HasCommand(Protocol):
    """What the till needs of a firm."""

    @property
    def command(self) -> Command:
        """As it is now."""
        ...


def command_of(
    config: Config,
    home: Home,
    *,
    reserve: ReserveAtDesk,
    take_up: TakeUp | None,
    take_back: TakeBack | None,
    stopped: frozenset[str],
    broker: Broker,
) -> Command:
    """What the gate of a firm goes by.

    Args:
        config: Settings of the firm.
        home: Where keys and secrets lie; they are read when they are needed.
        reserve: Holds money, in this process or in the one that owns the home.
        take_up: Finds a reservation again that a crash cut off from its call.
        take_back: Finds one again that a gate had made when a crash cut that off.
        stopped: Agents that were stopped.
        broker: Alone holds the secrets.
    """

    async def reserved(
        most: Amount, purses: tuple[Purse, ...], action: Action, charter: Charter
    ) -> Reservation:
        tags = tags_of(action, charter)
        found = take_back(most, purses, tags) if take_back is not None and in_gate() else None
        return found if found is not None else await reserve(most, purses, tags)

    return Command(
        rulebook=rulebook_of(config, stopped),
        limits=limits_of(config),
        reserve=reserved,
        take_up=take_up,
        broker=broker,
        check_proof=proof_checker(home),
        now_us=lambda: time.time_ns() // 1000,
    )


def limits_of(config: Config) -> Limits:
    """How often, whatever it costs, as firm.toml has it."""
    said = config.limits
    return Limits(
        said.same_call,
        said.questions_per_hour,
        wakes=said.wakes,
        exchanges=said.exchanges,
        helpers=said.helpers,
        helper_depth=said.helper_depth,
    )


def rulebook_of(
    config: Config, stopped: frozenset[str] = frozenset(), tools: frozenset[str] = frozenset()
) -> Rulebook:
    """The founder's book as firm.toml has it.

    Raises:
        UsageError: it speaks of a tool that is not there, where `tools` are given.
    """
    return Rulebook(config.rules, config.mandates, stopped, tools, config.capabilities)


def proof_checker(home: Home) -> CheckProof:
    """Says whether an answer was signed in a session of this home's founder key."""

    def check(question_id: str, action_hash: str, answer: object, proof: object, now_us: int) -> object:
        from firm.policy.identity import check_proof, public_key

        key = public_key(home.state)  # it may be made while the firm is open
        if key is None:
            return unproved(question_id, action_hash, answer, proof, now_us)
        return check_proof(key, question_id, action_hash, answer, proof, now_us)

    return check


def in_gate() -> bool:
    """Whether this is a step that reserves and does nothing else, at a place that no earlier generation had."""
    here = current.get()
    if not isinstance(here, StepInfo) or here.run is None:
        return False
    return here.name.startswith(GATE) and here.run.generation == 1


def tags_of(action: Action, charter: Charter) -> Tags:
    """Under what a call is filed in the ledger."""
    here = current.get()
    place = here.place if isinstance(here, StepInfo) else 0
    name, operation, date = action.tool, "tool", ""
    if action.tool in MODEL_CALLS:
        name, operation, date = str(action.args["model"]), action.tool, str(action.args["price_date"])
    return Tags(
        action.run, place, action.agent, charter.unit, charter.goal, name, operation, action.host, date
    )


class FirmTill:
    """Admits requests to models, see `firm.model.till`."""

    def __init__(self, firm: HasCommand) -> None:
        self._firm = firm

    async def admit(self, fare: Fare) -> Ticket:
        """Wait until it may be made."""
        charter = Charter.decode(charter_here())
        here = current.get()
        run = here.run if isinstance(here, StepInfo) else None
        model = fare.model
        action = Action(
            fare.operation,
            "read",
            {"model": fare.name, "max_tokens": fare.most.output, "price_date": fare.price_date},
            host=host_of(model.url),
            usd_micro=fare.most.usd_micro,
            agent=charter.agent,
            run=run.id if run is not None else "",
            marks=tuple(sorted(run.marks)) if run is not None and run.marks else (),
        )
        admitted = await admit(self._firm.command, Entry(action, charter, fare.most))
        assert admitted.reservation is not None  # each fare counts as a call at least
        return admitted.reservation


@functools.lru_cache(maxsize=1_000)
def host_of(url: str) -> str:
    """Host of an address, lower case; '' where there is none."""
    return (urlsplit(url).hostname or "").lower()
