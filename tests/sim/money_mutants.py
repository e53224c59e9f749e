"""Bugs of money and command, planted on purpose; `tests.sim.mutants` runs them with its own."""

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Any

from tests.sim.commerce import of

from firm.agent.carry import Carry
from firm.agent.passage import Passage
from firm.kernel.context import StepInfo
from firm.ledger import turnstile
from firm.ledger.ledger import Ledger
from firm.ledger.line import Tags
from firm.ledger.pen import Pen
from firm.ledger.reservation import HELD, Reservation
from firm.policy import consent, gate
from firm.policy.action import UNTRUSTED
from firm.policy.broker import Broker
from firm.testing import Report
from firm.units.amount import Amount

Patch = tuple[Any, str, Any]
MONEY_MUTANTS: list[tuple[str, Callable[[], list[Patch]], Callable[[int], Report]]] = []
"""Name, what is changed, histories."""


def mutant(name: str, *jobs: str) -> Callable[[Callable[[], list[Patch]]], Callable[[], list[Patch]]]:
    """Plant the bug of this name in histories of these jobs."""

    def plant(make: Callable[[], list[Patch]]) -> Callable[[], list[Patch]]:
        MONEY_MUTANTS.append((name, make, of(*jobs)))
        return make

    return plant


# --- money ---------------------------------------------------------------------------------------------------


@mutant("a replay is charged: what was paid before is paid again", "buy")
def _() -> list[Patch]:
    known = Passage._known

    def again(self: Any, run: Any, beside: Any, error: Any) -> None:
        if run.replaying and error is None and getattr(run.firm, "ledger", None) is not None:
            action = self._seen(beside.args, beside.kwargs, run)[1]
            charged = Reservation(run.firm.ledger, Amount(action.usd_micro), Tags(run.id), ())
            charged.state = HELD
            Context().run(charged.settle, charged.most)
        known(self, run, beside, error)

    return [(Passage, "_known", again)]


@mutant("money is reserved after the call", "research")
def _() -> list[Patch]:
    class Late:
        number = 0

        def __init__(self, *wanted: Any) -> None:
            self.wanted = wanted

        def settle(self, used: Amount, saved_usd_micro: int = 0) -> None:
            async def pay() -> None:
                command, entry = self.wanted
                made = await command.reserve(entry.most, entry.charter.purses, entry.action, entry.charter)
                made.settle(used)

            asyncio.get_running_loop().create_task(pay())

        def void(self) -> None:
            pass

        def lose(self, why: str) -> None:
            pass

    async def unpaid(command: Any, entry: Any, now_us: int) -> Any:
        verdict = gate.judge(entry.action, entry.charter, command.rulebook, now_us)
        return verdict, Late(command, entry)

    return [(gate, "_paid", unpaid)]


@mutant("a call begins before its reservation is on disk", "research")
def _() -> list[Patch]:
    async def hasty(self: Any, rows: Any, owed: Any) -> None:
        for reservation in owed:
            if not reservation.future.done():
                reservation.future.set_result(None)
        await self._keeper.commit(*rows)

    return [(Pen, "_commit", hasty)]


@mutant("a call that was made gives all its money back", "buy")
def _() -> list[Patch]:
    return [(Ledger, "settle", lambda self, one, used, saved_usd_micro=0: self.void(one))]


@mutant("what a call took is not written down", "buy")
def _() -> list[Patch]:
    close = Pen.close

    def dropped(self: Any, line: Any, reservation: Any) -> None:
        if line.kind != 2:
            close(self, line, reservation)

    return [(Pen, "close", dropped)]


@mutant("what a call took is written only if its outcome is", "think")
def _() -> list[Patch]:
    also = StepInfo.also
    return [(StepInfo, "also", lambda self, row, regardless=False: also(self, row))]


@mutant("reserved money does not count against the caps", "research")
def _() -> list[Patch]:
    take = turnstile.Turnstile._take

    def uncounted(self: Any, reservation: Any, now_us: int, own: Any) -> None:
        take(self, reservation, now_us, own)
        for pocket in reservation.pockets:
            for meter in pocket.meters:
                meter.reserved -= reservation.measures[meter.index]

    return [(turnstile.Turnstile, "_take", uncounted)]


@mutant("after a crash nobody knows of what was reserved", "research")
def _() -> list[Patch]:
    return [(Ledger, "_take_over", lambda self, books: None)]


@mutant("money that a step has freed is given away before that is on disk", "think")
def _() -> list[Patch]:
    flush = Pen._flush

    def forgetful(self: Any) -> None:
        self._with_steps.clear()
        flush(self)

    return [(Pen, "_flush", forgetful)]


@mutant("an effect whose outcome was in doubt is never charged", "buy")
def _() -> list[Patch]:
    return [(Passage, "_known", lambda self, run, beside, error: None)]


# --- the founder's word ----------------------------------------------------------------------------------------


@mutant("the hash of an approval is not compared with what is done", "correspond")
def _() -> list[Patch]:
    def trusting(permit: Any, action: Any, *, now_us: int, check_proof: Any, **_: Any) -> None:
        check_proof(permit.question, permit.asked.hash, permit.given, permit.given.get("proof"), now_us)

    return [(gate, "check_permit", trusting)]


@mutant("nobody looks whether an answer is signed", "correspond")
def _() -> list[Patch]:
    check = gate.check_permit

    def trusting(*args: Any, **named: Any) -> None:
        check(*args, **{**named, "check_proof": lambda *_: None})

    return [(gate, "check_permit", trusting)]


@mutant("an approval is used for the next call that is alike", "correspond")
def _() -> list[Patch]:
    approved = consent._approved

    async def once_for_all(run: Any, asked: Any, normal: Any) -> Any:
        kept = run.state.setdefault("kept", {})
        key = (asked.action.tool, str(asked.action.args))
        if key not in kept:
            kept[key] = await approved(run, asked, normal)
        return kept[key]

    def permit(self: Any, run: Any, *, last: bool = True) -> Any:
        return consent.Permit(self.question, self.asked, self.given, run.places + 1)

    return [(consent, "_approved", once_for_all), (consent.Consent, "permit", permit)]


@mutant("a refusal lets the call through", "buy", "correspond")
def _() -> list[Patch]:
    read = consent.read_word

    def agreeable(value: Any, asked: Any) -> Any:
        word = read(value, asked)
        return type(word)("accept", proof=word.proof) if word.do in ("refuse", "say") else word

    def unchecked(*args: Any, **named: Any) -> None:
        return None

    return [(consent, "read_word", agreeable), (gate, "check_permit", unchecked)]


@mutant("a mandate is not counted against its purse", "buy")
def _() -> list[Patch]:
    paid = gate._paid

    async def uncounted(command: Any, entry: Any, now_us: int) -> Any:
        async def reserve(most: Any, purses: Any, action: Any, charter: Any) -> Any:
            kept = tuple(one for one in purses if not one.id.startswith("mandate/"))
            return await command.reserve(most, kept, action, charter)

        return await paid(gate.Command(command.rulebook, reserve=reserve), entry, now_us)

    return [(gate, "_paid", uncounted)]


# --- marks and secrets -----------------------------------------------------------------------------------------


@mutant("what strangers wrote comes without a mark", "browse")
def _() -> list[Patch]:
    mark = StepInfo.mark

    def trusting(self: Any, *words: str) -> None:
        mark(self, *[word for word in words if word != UNTRUSTED])

    return [(StepInfo, "mark", trusting)]


@mutant("the gate does not see the marks of the run", "browse")
def _() -> list[Patch]:
    seen = Passage._seen

    def blind(self: Any, args: Any, kwargs: Any, run: Any) -> Any:
        values, action, charter = seen(self, args, kwargs, run)
        return values, type(action)(**{**_fields(action), "marks": ()}), charter

    return [(Passage, "_seen", blind)]


def _fields(action: Any) -> dict[str, Any]:
    return {name: getattr(action, name) for name in action.__struct_fields__}


@mutant("a secret that comes back from a call is not struck out", "bank")
def _() -> list[Patch]:
    async def watch(self: Any, work: Any) -> Any:
        return await work

    return [(Broker, "watch", watch)]


@mutant("a secret goes to any host, and stands in the arguments that are journaled", "bank")
def _() -> list[Patch]:
    brokered = Carry.brokered

    async def told(self: Any, command: Any, action: Any, values: Any) -> Any:
        filled = command.broker.fill(action.args, "bank.example") if command.broker is not None else {}
        await brokered(self, command, action, values)
        return filled

    return [(Carry, "brokered", told)]
