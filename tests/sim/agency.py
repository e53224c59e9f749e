"""Agents at work where everything fails: what they are, what their model says, and what they are asked to do.

The model goes by scripts, and knows where it is from the conversation alone: it says "at step 3" with each reply, and
in each summary. So what it is shown decides what it does, as with a real one.
"""

import re
from collections.abc import Callable
from random import Random
from typing import Any
from unittest.mock import patch

import msgspec
from tests.sim.agency_watch import Watch
from tests.sim.commerce import FAULTS, MICRO, OFTEN, do

from firm import Agent, tool
from firm.agent import loop, turn
from firm.agent.kit.notes import NOTES
from firm.agent.kit.person import ask_person
from firm.agent.toolbox import hand_over
from firm.errors import LimitReached, UsageError
from firm.kernel import current_run, gather, receive, send, sleep, workflow
from firm.kernel.status import Status
from firm.model import Reply, Text, ToolCall
from firm.model.error import ContextTooLong
from firm.model.message import ToolResult
from firm.model.request import Request
from firm.policy.rule import Rule
from firm.policy.rulebook import Rulebook
from firm.policy.within import within
from firm.testing import Job, Options, Program, Report, look_up, returns, simulate, world
from firm.testing.economy import Economics
from firm.testing.program import Expect
from firm.units import Usage
from firm.units.purse import Limit

MAX_CALLS = 3
"""Of one reply, in these histories."""
MAX_STEPS = 10
"""Of one generation, in these histories."""
TRIES = 100
TASK = "do your work"


class Found(msgspec.Struct):
    count: int
    words: str


# --- tools -----------------------------------------------------------------------------------------------------


@tool(risk="read", retry=OFTEN)
async def look(label: str) -> str:
    """Look, until something is seen."""
    await do("repeatable", "read", {"label": label})
    return f"saw {label} {'.' * 240}"


@tool(risk="read", retry=OFTEN)
async def read(label: str) -> str:
    """Much at once."""
    await do("repeatable", "read", {"label": label})
    return f"read {label} {'-' * 6_000}"


@tool(risk="read")
async def glance(label: str) -> str:
    """Look once: it fails now and then."""
    await do("repeatable", "read", {"label": label})
    return f"saw {label}"


@tool(risk="write", effect="keyed", retry=OFTEN)
async def put(label: str) -> str:
    await do("keyed", "write", {"label": label})
    return f"put {label}"


@tool(risk="send", reconcile=look_up, retry=OFTEN)
async def mail(label: str) -> Any:
    return await do("once", "send", {"label": label})


@tool(risk="spend", to="payee", amount="usd", reconcile=look_up, retry=OFTEN)
async def pay(payee: str, usd: float, label: str) -> Any:
    args = {"payee": payee, "usd": usd, "label": label}
    return await do("once", "spend", args, to=payee, usd_micro=round(usd * MICRO))


@tool(risk="read")
@workflow
async def wait_for_word(label: str) -> str:
    """Asks somebody, and waits for the answer."""
    for _ in range(TRIES):
        try:
            await send("postman", "please", current_run().id)
            break
        except UsageError:  # not there yet
            await sleep(5)
    return f"{label} {await receive('word')}"


@workflow
async def postman(count: int) -> int:
    """Answers, after a while."""
    for number in range(count):
        to = await receive("please")
        await sleep(3.0 + number)
        await send(to, "word", "now")
    return count


# --- agents ----------------------------------------------------------------------------------------------------

clerk = Agent("clerk", "clerk works long", tools=[look, put, mail, *NOTES], context_tokens=1_000)
wide = Agent("wide", "wide does much at once", tools=[look, glance], output=Found)
helper = Agent("helper", "helper helps", tools=[look, glance], output=Found)
closer = Agent("closer", "closer ends it", tools=[look, *NOTES])
boss = Agent("boss", "boss has it done", tools=[look, helper, hand_over(closer)])
asker = Agent("asker", "asker asks", tools=[look, wait_for_word, ask_person, pay])
poor = Agent("poor", "poor goes on for ever", tools=[look])
tired = Agent("tired", "tired goes on for ever", tools=[look], context_tokens=1_000, max_turns=9)
wordy = Agent("wordy", "wordy says much", tools=[look, *NOTES], context_tokens=1_000, max_turns=20)
babbler = Agent("babbler", "babbler never answers", tools=[look], output=Found, context_tokens=1_000)
crowded = Agent("crowded", "crowded calls too much", tools=[look, glance])
narrow = Agent("narrow", "narrow has a small model", tools=[look, read, *NOTES])

Calls = tuple[tuple[str, dict[str, Any]], ...]


def _calls(*names: str, **more: Any) -> Calls:
    return tuple((name, more) for name in names)


def _note(word: str) -> Calls:
    return (("note", {"text": word}),)


def _todo(*done: bool) -> Calls:
    return (("todo", {"items": [{"text": f"thing {n}", "done": one} for n, one in enumerate(done)]}),)


WRONG: Calls = (("final_answer", {"count": "many"}),)
RIGHT: Calls = (("final_answer", {"count": 3, "words": "all seen"}),)
DONE = "all is done"
SCRIPTS: dict[str, tuple[Calls | str, ...]] = {
    "clerk": (
        _todo(False, False) + _calls("look"),
        _calls("look") + _note("note-a") + _calls("look"),
        _calls("put", "look"),
        _calls("mail", "look"),
        _note("note-b") + _calls("look") + _note("note-c"),
        _calls("look", "fly"),
        _calls("look", "look", "put"),
        _todo(True, False) + _note("note-d") + _todo(True, True),
        _calls("look"),
        _calls("look", "look"),
        DONE,
    ),
    "wide": (
        _calls("glance", "look", "glance"),
        WRONG,
        _calls("glance", "glance") + RIGHT,
        RIGHT + _calls("glance"),
    ),
    "helper": (_calls("glance", "look"), RIGHT),
    "closer": (_calls("look") + _note("note-z"), DONE),
    "boss": (
        _calls("helper", task="count them") + _calls("look"),
        _calls("helper", "helper", task="count them again"),
        _calls("hand_over_to_closer", task="end it") + _calls("look"),
    ),
    "asker": (
        _calls("ask_person", question="which way?", options=["left", "right"]) + _calls("look"),
        _calls("wait_for_word", "look"),
        _calls("pay", payee="printer", usd=0.4),
        DONE,
    ),
    "wordy": (*[_calls("look", "look")] * 4, _note("note-a"), *[_calls("look")] * 4, DONE),
    "babbler": ("blah " * 400,),
    "poor": (_calls("look"),),
    "tired": (_calls("look", "look"),),
    "crowded": (_calls("look", "glance", "glance", "look", "glance"), _calls("look"), DONE),
    "narrow": (
        _calls("look"),
        _note("note-a") + _calls("look"),
        _calls("look"),
        _note("note-b"),
        _calls("look", "read", "read"),
        _calls("read", "read", "read"),
        _calls("look"),
        DONE,
    ),
}
"""Agent -> what its model wants at each step; the last step again and again."""
LABELLED = frozenset({"look", "read", "glance", "put", "mail", "pay", "wait_for_word"})
NARROW_CHARS = 3_000
"""So much fits into the window of the small model."""
_STEP = re.compile(r"at step (\d+)")
_NOTE = re.compile(r"note-\w")


def answer(request: Request) -> Reply:
    """What the model says to a conversation."""
    words = "\n".join(_words(part) for message in request.messages for part in message.parts)
    step = max((int(found) for found in _STEP.findall(words)), default=0)
    if not request.tools:
        if f"narrow, {TASK}" in words:
            _check_room("narrow", words)
        more = "word " * 1_000 if f"wordy, {TASK}" in words else ""
        return Reply((Text(f"DONE: all until at step {step} {more}"),), Usage(200, output=20))
    name = request.messages[0].text.split()[0]
    _check_room(name, words)
    script = SCRIPTS[name]
    wanted = script[min(step, len(script) - 1)]
    if isinstance(wanted, str):
        return Reply((Text(f"{wanted}: {' '.join(sorted(set(_NOTE.findall(words))))}"),))
    said = Text(f"at step {step + 1}, said {world().history.next():09d}")  # never the same twice
    usage = Usage(len(words) // 4, output=50) if step % 2 else Usage()
    return Reply((said, *_tool_calls(step + 1, wanted)), usage, "tool_calls")


def _check_room(name: str, words: str) -> None:
    """The small model takes little, and does not say how little."""
    if name == "narrow" and len(words) > NARROW_CHARS:
        raise ContextTooLong(f"{len(words)} characters are too many")


def _tool_calls(step: int, wanted: Calls) -> tuple[ToolCall, ...]:
    made = []
    for place, (name, given) in enumerate(wanted):
        label = {"label": f"{step}.{place}"} if name in LABELLED else {}
        made.append(ToolCall(f"call-{step}.{place}", name, msgspec.json.encode({**given, **label}).decode()))
    return tuple(made)


def _words(part: object) -> str:
    if isinstance(part, ToolCall):
        return part.arguments
    return part.text if isinstance(part, Text | ToolResult) else ""


# --- what they are asked to do -----------------------------------------------------------------------------------


@workflow
async def under_budget(task: str) -> list[Any]:
    """An agent whose money does not suffice, with a helper beside it that has its own."""
    with within(budget=0.055):
        working = poor.run(task)
    return list(await gather(limited(working), limited(tired.run(task))))


@workflow
async def babbling(task: str) -> list[Any]:
    return await limited(babbler.run(task))


async def limited(working: Any) -> list[Any]:
    """The limit that it came to, and after how many turns, where chance has no part in that."""
    try:
        await working
    except LimitReached as error:
        reached: Any = error.reached
        return [error.limit, 0 if error.limit == "money" else reached["turns"]]
    return []


def _notes(name: str) -> str:
    words = [
        given["text"]
        for wanted in SCRIPTS[name]
        if not isinstance(wanted, str)
        for tool_name, given in wanted
        if tool_name == "note"
    ]
    return f"{DONE}: {' '.join(words)}"


def unless_given_up(expected: object, *errors: str) -> Expect:
    """It returns this; or the founder has given up an effect in doubt, which ends an agent's run."""

    def check(status: Status, value: Any) -> str | None:
        if status is Status.FAILED and any(
            error in str(value) for error in ("given up by the founder", *errors)
        ):
            return None
        return returns(expected)(status, value)

    return check


def or_stopped(expect: Expect) -> Expect:
    """The same of a job that may be cancelled."""
    return lambda status, value: None if status is Status.CANCELLED else expect(status, value)


FOUND = Found(3, "all seen")
JOBS: dict[str, tuple[Job, ...]] = {
    "clerk": (
        Job("clerk-1", clerk, (f"clerk, {TASK}",), expect=unless_given_up(_notes("clerk"))),
        Job("clerk-2", clerk, (f"clerk, {TASK}",), halt=True, expect=unless_given_up(_notes("clerk"))),
    ),
    "wide": (
        Job("wide-1", wide, (f"wide, {TASK}",), expect=unless_given_up(FOUND, "LimitReached")),
        Job(
            "wide-2",
            wide,
            (f"wide, {TASK}",),
            cancel=True,
            expect=or_stopped(unless_given_up(FOUND, "LimitReached")),
        ),
    ),
    "boss": (
        Job("boss-1", boss, (f"boss, {TASK}",), expect=returns(_notes("closer"))),
        Job("boss-2", boss, (f"boss, {TASK}",), cancel=True, expect=or_stopped(returns(_notes("closer")))),
    ),
    "asker": (
        Job("asker-1", asker, (f"asker, {TASK}",), expect=unless_given_up(f"{DONE}: ")),
        Job("asker-2", asker, (f"asker, {TASK}",), expect=unless_given_up(f"{DONE}: ")),
        Job("postman", postman, (2,), expect=returns(2)),
    ),
    "poor": (Job("poor-1", under_budget, (f"poor, {TASK}",), expect=returns([["money", 0], ["turns", 9]])),),
    "wordy": (Job("wordy-1", wordy, (f"wordy, {TASK}",), expect=returns(_notes("wordy"))),),
    "babbler": (Job("babbler-1", babbling, (f"babbler, {TASK}",), expect=returns(["output", 6])),),
    "crowded": (Job("crowded-1", crowded, (f"crowded, {TASK}",), expect=returns(f"{DONE}: ")),),
    "narrow": (Job("narrow-1", narrow, (f"narrow, {TASK}",), expect=returns(_notes("narrow"))),),
}
RULES = Rulebook((Rule("allow", tool="mail", number=1), Rule("ask", tool="chat", agent="closer", number=2)))
MOST = (Limit("usd_micro", 100 * MICRO),)
CAPS = {"firm": 100 * MICRO, "run/poor-1#*": 55_000}


def of(*names: str) -> Callable[[int], Report]:
    """Histories of these jobs, with faults drawn from the seed."""
    jobs = tuple(job for name in names or JOBS for job in JOBS[name])

    def history(seed: int) -> Report:
        random = Random(f"agency/{seed}")
        faults = frozenset(random.sample(FAULTS, random.choice((0, 2, 4, len(FAULTS)))))
        harm_s = random.choice((20.0, 40.0))
        return play(jobs, seed, Options(workers=1, faults=faults, harm_s=harm_s))

    return history


def play(jobs: tuple[Job, ...], seed: int, options: Options) -> Report:
    """One history of these jobs, watched."""
    watch = Watch(answer)
    economics = Economics(RULES, most=MOST, caps=CAPS, answers=watch.answer)
    program = Program("agency", jobs, economics, checks=(watch.check,))
    with (
        patch.object(turn, "MAX_CALLS", MAX_CALLS),
        patch.object(loop, "MAX_STEPS", MAX_STEPS),
        watch.looking_on(),
    ):
        return simulate(program, seed=seed, options=options)
