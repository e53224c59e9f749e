"""An order to a model: one of four ways to make candidates, with one turn of repair.

One rule: it runs in the search's workflow, where each call of a model and each trial in a box is a step; which parents
are drawn follows from the order's seed alone. What a call has cost is told even where nothing came of it.
"""

import functools
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from firm.errors import UsageError
from firm.kernel.api import gather
from firm.lab.artifact import Program, Prompt, Text, Vector
from firm.lab.author import words
from firm.lab.author.answer import INPUT
from firm.lab.author.block import PYTHON, TEXT, Unclear, apply, read_block, read_changes
from firm.lab.author.check import check_operators, check_program
from firm.lab.author.said import Said, best_of, failed_of
from firm.lab.author.trial import SMOKE_MOST, SMOKE_S, try_operators, try_program
from firm.lab.order import Order
from firm.lab.problem import Problem
from firm.model import Message, ModelError, Reply, chat

ARMS = ("rewrite", "diff", "crossover", "operators")
MAX_DRAFTS = 8
"""Texts that one order asks for at most; each is a call of its own."""
AT_ONCE = 4
MAX_MADE = 64
"""Candidates of one run of operators, where the order does not say."""
DRIVE_S = 2.0
"""Processor seconds of one run of operators, where the order does not say."""
MAX_TOKENS = 16_384
_PARENTS = 3
_FAILED = 2

Given = tuple[str, tuple[int, ...]]
Read = Callable[[str], str]
"""What a reply holds, as a candidate; raises `Unclear`."""
Try = Callable[[str], Awaitable["Written"]]
"""Tries a candidate; what that has cost, and as its troubles what went wrong."""


class Written(msgspec.Struct, frozen=True):
    """What came of an order, and what it has cost."""

    given: tuple[Given, ...] = ()
    """Candidates with the ids of their parents; a Vector's as JSON."""
    program: str = ""
    """Of the arm 'operators': what the model wrote, for `drive` to run again without paying for it."""
    calls: int = 0
    tokens: int = 0
    cost_usd: float = 0.0
    gpu_s: float = 0.0
    box_s: float = 0.0
    """Seconds in boxes, for trials and for driving."""
    troubles: tuple[str, ...] = ()
    """Why drafts were given up."""

    def packed(self, problem: Problem) -> tuple[tuple[bytes, tuple[int, ...]], ...]:
        """The candidates as an order for a burst takes them (`Order.given`)."""
        kind = problem.artifact
        vector = isinstance(kind, Vector)
        return tuple(
            (kind.pack(msgspec.json.decode(text) if vector else text), parents)
            for text, parents in self.given
        )


def arms_of(problem: Problem) -> tuple[str, ...]:
    """The arms that can write for a problem's artifact."""
    if isinstance(problem.artifact, Vector):
        return ("operators",)
    return ARMS if isinstance(problem.artifact, Text) else ARMS[:3]


async def compose(
    order: Order, problem: Problem, *, said: Sequence[Said], lessons: Sequence[str] = ()
) -> Written:
    """Have a model write candidates.

    Args:
        order: Its arm is one of `arms_of`; its size is how many are wanted, of which at most MAX_DRAFTS are texts of
            their own; its model and effort are asked, '' stands for "default".
        problem: What they are for.
        said: Candidates so far with what became of them; the best and the latest failures are told.
        lessons: Lines from earlier searches (`lesson.lines`).

    Raises:
        UsageError: the arm does not write for this artifact.
        NotIsolated: this machine cannot try what a model wrote.
        ModelUnavailable, BudgetExceeded: as `chat`.
    """
    if order.arm not in arms_of(problem):
        kind = type(problem.artifact).__name__
        raise UsageError(
            f"arm {order.arm!r} does not write a {kind}; give one of {', '.join(arms_of(problem))}"
        )
    if order.arm == "operators":
        return await _operators(order, problem, said, lessons)
    count = max(1, min(order.size, MAX_DRAFTS))
    drafts = [_text(order, problem, said, lessons, place) for place in range(count)]
    return total(await gather(*drafts, limit=AT_ONCE))


async def drive(program: str, order: Order, problem: Problem) -> Written:
    """Run operators that a model has written before; costs no call.

    Args:
        program: As it stands in `Written.program`.
        order: Seed, processor seconds, size and elites.
        problem: What the candidates are for.
    """
    most = order.size if order.size > 1 else MAX_MADE
    trial = await try_operators(
        program,
        problem,
        seed=order.seed,
        seconds=order.seconds or DRIVE_S,
        most=most,
        elites=[elite.artifact for elite in order.elites],
    )
    parents = tuple(elite.id for elite in order.elites[:_PARENTS])
    given = tuple((text, parents) for text in trial.made)
    troubles = (trial.why,) if trial.why and not given else ()
    return Written(given, program, box_s=trial.box_s, troubles=troubles)


# --- the four arms -----------------------------------------------------------------------------------------------


async def _text(
    order: Order, problem: Problem, said: Sequence[Said], lessons: Sequence[str], place: int
) -> Written:
    """One draft of a text."""
    chance = random.Random(f"{order.seed}/{place}")
    best = best_of(said, problem.objective, 8) or [_start(problem)]
    failed = failed_of(said, _FAILED)
    languages = PYTHON if isinstance(problem.artifact, Program) else TEXT
    read: Read = functools.partial(read_block, languages=languages)
    if order.arm == "diff":
        parents = [_drawn(best, 1, chance)[0]]
        prompt = words.ask_change(problem, parents[0], failed, lessons)
        read = functools.partial(_changed, parents[0].text)
    elif order.arm == "crossover" and len(best) > 1:
        parents = _drawn(best, 2, chance)
        prompt = words.ask_cross(problem, parents, lessons)
    else:
        parents = [best[0], *_drawn(best[1:], _PARENTS - 1, chance)]
        prompt = words.ask_whole(problem, parents, failed, lessons)
    prompt = f"{prompt}\n(Draft {place + 1} of order {order.number}: try something of its own.)"
    text, cost = await _draft(order, prompt, read, _tried(problem))
    if text is None or any(text == parent.text for parent in parents):
        return (
            cost
            if text is None
            else msgspec.structs.replace(cost, troubles=("it is the same as its parent",))
        )
    ids = tuple(parent.id for parent in parents if parent.id >= 0)
    return msgspec.structs.replace(cost, given=((text, ids),))


async def _operators(order: Order, problem: Problem, said: Sequence[Said], lessons: Sequence[str]) -> Written:
    """A program with operators, and what it makes."""
    best = best_of(said, problem.objective, 2)

    async def smoke(program: str) -> Written:
        elites = [elite.artifact for elite in order.elites[:2]]
        trial = await try_operators(
            program, problem, seed=order.seed, seconds=SMOKE_S, most=SMOKE_MOST, elites=elites
        )
        return Written(box_s=trial.box_s, troubles=(trial.why,) if trial.why else ())

    def read(reply: str) -> str:
        program = read_block(reply, PYTHON)
        check_operators(program)
        return program

    prompt = f"{words.ask_operators(problem, best, lessons)}\n(Order {order.number}.)"
    program, cost = await _draft(order, prompt, read, smoke)
    return cost if program is None else total([cost, await drive(program, order, problem)])


def _start(problem: Problem) -> Said:
    """What the search begins with, as a candidate that nobody has scored."""
    assert not isinstance(problem.artifact, Vector)
    return Said(-1, problem.artifact.start)


def _drawn(best: list[Said], count: int, chance: random.Random) -> list[Said]:
    """Some of the best, each once; the better, the likelier."""
    left = list(best)
    found: list[Said] = []
    while left and len(found) < count:
        weights = [1.0 / (place + 1) for place in range(len(left))]
        found.append(left.pop(chance.choices(range(len(left)), weights)[0]))
    return found


def _changed(parent: str, reply: str) -> str:
    return apply(parent, read_changes(reply))


# --- one draft ---------------------------------------------------------------------------------------------------


async def _draft(order: Order, prompt: str, read: Read, tried: Try) -> tuple[str | None, Written]:
    """Ask, read and try; once more with what went wrong; the candidate, or None, and what it has cost."""
    messages = [Message("user", prompt)]
    cost, fault = Written(), ""
    for _ in range(2):
        try:
            reply = await chat(
                messages, model=order.model or "default", effort=order.effort or None, max_tokens=MAX_TOKENS
            )
        except ModelError as error:
            return None, msgspec.structs.replace(cost, troubles=(f"{type(error).__name__}: {error}"[:300],))
        cost = total([cost, paid(reply)])
        try:
            text = read(reply.text)
        except Unclear as error:
            fault = (
                f"the reply was cut off at {MAX_TOKENS:,} tokens" if reply.stop == "length" else str(error)
            )
        else:
            trial = await tried(text)
            fault = "; ".join(trial.troubles)
            cost = total([cost, msgspec.structs.replace(trial, troubles=())])
            if not fault:
                return text, cost
        messages += [reply.message, Message("user", words.ask_repair(fault, "the whole block or blocks"))]
    return None, msgspec.structs.replace(cost, troubles=(fault,))


def _tried(problem: Problem) -> Try:
    """The trial of a text, by its kind."""

    async def tried(text: str) -> Written:
        kind = problem.artifact
        try:
            if isinstance(kind, Program):
                check_program(text, kind.entry)
            elif isinstance(kind, Prompt) and text.count(INPUT) != 1:
                raise Unclear(f"the prompt has {INPUT!r} {text.count(INPUT)} times: put it in once")
        except Unclear as error:
            return Written(troubles=(str(error),))
        if not isinstance(kind, Program):
            return Written()
        trial = await try_program(text, problem)
        return Written(box_s=trial.box_s, troubles=(trial.why,) if trial.why else ())

    return tried


def paid(reply: Reply) -> Written:
    """What one reply cost."""
    return Written(calls=1, tokens=reply.usage.total, cost_usd=reply.cost_usd, gpu_s=reply.gpu_s)


def total(parts: Sequence[Written]) -> Written:
    """All of them together."""

    def added(name: str) -> Any:
        return sum(getattr(part, name) for part in parts)

    return Written(
        given=tuple(one for part in parts for one in part.given),
        program=next((part.program for part in reversed(parts) if part.program), ""),
        calls=added("calls"),
        tokens=added("tokens"),
        cost_usd=added("cost_usd"),
        gpu_s=added("gpu_s"),
        box_s=added("box_s"),
        troubles=tuple(why for part in parts for why in part.troubles),
    )
