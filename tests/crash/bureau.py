"""The process that is killed in each phase of a mission: `python bureau.py HOME [PHASE]`.

It kills itself with SIGKILL as soon as it comes to PHASE; without one it goes on to the end. Notes of what reached the
outside: HOME/../asked has a line for each request to the model, HOME/../sent one for each effect, HOME/../put one for
each question with its id as often as it was seen open. It prints the outcome and what was learnt as JSON.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec

from firm import Firm
from firm.model import ScriptedModel
from firm.model.message import ToolCall
from firm.model.request import Request
from firm.org import deliver as delivery
from firm.org.carry import carry_out
from firm.org.mission import Mission
from firm.org.plan import Done, Goal, Plan, Task
from firm.org.role import Role
from firm.org.roster import role_text, workflow_text
from firm.root.view import QuestionView

RUN = "mission-1"
PHASES = (
    "planning",
    "plan to be approved",
    "a person is asked",
    "in a unit",
    "an effect",
    "in review",
    "before the delivery",
    "after the delivery",
    "a lesson is asked about",
)
"""In the order in which a mission comes to them."""
PROGRAMS = '''
from pathlib import Path
from firm import current_step, tool
from __main__ import at

OUTSIDE = Path(__file__).parents[2]

@tool(risk="write", effect="keyed")
async def put(what: str) -> str:
    """Put something where others see it."""
    with (OUTSIDE / "sent").open("a") as file:
        file.write(f"{what}: {current_step().key}\\n")
    at("an effect")
    return f"{what} is there"
'''
GOAL = Goal(id="g", says="There is a text.")


def at(phase: str) -> None:
    """The mission has come here."""
    if sys.argv[2:] == [phase]:
        os.kill(os.getpid(), signal.SIGKILL)


def _task(id: str, role: str, **more: Any) -> Task:
    given = {"says": "Do it.", "makes": id, "done": Done(says="some words", checks=("not empty",))}
    return Task(id=id, role=role, **(given | more))


TASKS = (
    _task("word", "author"),
    _task("part", "desk", needs=("word",), usd=1.0),
    _task(
        "text",
        "clerk",
        needs=("part",),
        usd=1.0,
        deliver=True,
        done=Done(says="two words", checks=("words 2 20",), reviewer="critic"),
    ),
)

UNIT = (_task("draft", "clerk", deliver=True),)


def write(home: Path) -> None:
    """The folder of the firm with its unit, if it is not there."""
    if (home / "programs").exists():
        return
    desk = home / "units" / "desk"
    for folder in (home / "roles", desk / "roles", desk / "workflows", home / "programs"):
        folder.mkdir(parents=True)
    roles = (
        Role(name="chief", purpose="Plans.", reports_to="founder"),
        Role(name="clerk", purpose="Puts things up.", tools=("programs/bureau.py:put",)),
        Role(name="critic", purpose="Reads."),
        Role(name="author", held_by="person"),
    )
    for role in (*roles, Role(name="desk", unit="desk")):
        (home / "roles" / f"{role.name}.md").write_text(role_text(role))
    for role in roles[:3]:
        (desk / "roles" / f"{role.name}.md").write_text(role_text(role))
    (desk / "workflows" / "main.toml").write_text(workflow_text(Plan(goals=(GOAL,), tasks=UNIT)))
    (home / "programs" / "bureau.py").write_text(PROGRAMS)


def scripted(outside: Path) -> ScriptedModel:
    """Plans, puts each thing up once, and is sent back in its first round; notes what it was asked."""

    def answer(request: Request) -> Any:
        first = next(message.text for message in request.messages if message.role == "user")
        turn = sum(message.role == "assistant" for message in request.messages)
        with (outside / "asked").open("a") as file:
            file.write(f"{first.splitlines()[0]} {turn}\n")
        if first.startswith("Plan this mission"):
            if "Task part" in first:
                return msgspec.to_builtins(Plan(goals=(GOAL,), tasks=UNIT))
            at("planning")
            return msgspec.to_builtins(Plan(goals=(GOAL,), tasks=TASKS))
        if first.startswith("Review of"):
            at("in review")
            good = "(round 2)" in first
            return {"accept": good, "reasons": [] if good else ["say it again"], "evidence": ["read it"]}
        task = first.split()[1]
        if task == "draft":
            at("in a unit")
        if turn == 0:
            what = first.splitlines()[0].removeprefix("Task ")
            return ToolCall("c", "put", msgspec.json.encode({"what": what}).decode())
        return f"{task} is up"

    return ScriptedModel(answer)


def watch_delivery() -> None:
    """The delivery, with what may cut it off before it is recorded."""
    whole = delivery.deliver

    def deliver(*given: Any) -> delivery.Delivered:
        at("before the delivery")
        made = whole(*given)
        at("after the delivery")
        return made

    delivery.deliver = deliver


def word_for(question: QuestionView) -> str:
    """What the founder says to a question; the mission dies instead where it was told to."""
    if "keep" in (question.options or ()):
        at("a lesson is asked about")
        return "keep"
    if "Carry it out?" in question.text:
        at("plan to be approved")
        return "go"
    at("a person is asked")
    return "the word of a person"


async def answer_all(firm: Firm, ended: "asyncio.Future[Any]") -> None:
    """Answer what is asked until the run has ended."""
    while not ended.done():
        await asyncio.wait((ended,), timeout=0.005)
        for question in await firm.inbox():
            with (Path(firm.home.folder).parent / "put").open("a") as file:
                file.write(f"{question.id}\n")
            await firm.answer(question.id, word_for(question))


async def main(home: Path) -> None:
    """Carry the mission to its end, and learn from it."""
    write(home)
    watch_delivery()
    async with Firm.open(home, models={"default": scripted(home.parent)}) as firm:
        run = await firm.start(carry_out, Mission(text="a text", plan="free"), id=RUN)
        ended = asyncio.ensure_future(run.result())
        await answer_all(firm, ended)
        learning = asyncio.ensure_future(firm.run(f"{RUN}-lessons").result())
        await answer_all(firm, learning)
        print(msgspec.json.encode([ended.result(), learning.result()]).decode())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
