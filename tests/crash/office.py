"""The process that is killed while an organization works: `python office.py HOME [SECONDS A REPLY]`.

Notes of what reached the outside: HOME/../asked has a line for each request to the model, HOME/../sent one for each
effect. It prints the outcome as JSON.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

import msgspec

from firm import Firm
from firm.model import ScriptedModel
from firm.model.message import ToolCall
from firm.model.request import Request
from firm.org.carry import carry_out
from firm.org.mission import Mission
from firm.org.plan import Done, Goal, Plan, Task
from firm.org.role import Role
from firm.org.roster import role_text, workflow_text

RUN = "mission-1"
TASKS = 6
PROGRAMS = '''
from pathlib import Path
from firm import current_step, step, tool
from firm.org.assignment import Assignment

OUTSIDE = Path(__file__).parents[2]

@tool(risk="write", effect="keyed")
async def put(what: str) -> str:
    """Put something where others see it."""
    with (OUTSIDE / "sent").open("a") as file:
        file.write(f"{what} {current_step().key}\\n")
    return f"{what} is there"

@step
def join(given: Assignment) -> str:
    return " / ".join(one.text for one in given.inputs)
'''


def write(home: Path) -> None:
    """The folder of the firm, if it is not there."""
    if (home / "roles").exists():
        return
    for name in ("roles", "workflows", "programs"):
        (home / name).mkdir(parents=True)
    roles = (
        Role(name="chief", purpose="Plans.", reports_to="founder"),
        Role(name="clerk", purpose="Puts things up.", tools=("programs/office.py:put",)),
        Role(name="critic", purpose="Reads."),
        Role(name="binder", held_by="program", program="programs/office.py:join"),
    )
    for role in roles:
        (home / "roles" / f"{role.name}.md").write_text(role_text(role))
    done = Done(says="one sentence", checks=("words 2 20",), reviewer="critic")
    parts = [
        Task(id=f"t{n}", says="Put it up.", role="clerk", makes=f"a{n}", done=done) for n in range(TASKS)
    ]
    book = Task(
        id="book",
        says="Bind it.",
        role="binder",
        makes="book",
        needs=tuple(one.makes for one in parts),
        done=Done(says="all of it", checks=("not empty",)),
        deliver=True,
    )
    plan = Plan(goals=(Goal(id="g", says="A book."),), tasks=(*parts, book))
    (home / "workflows" / "main.toml").write_text(workflow_text(plan))
    (home / "programs" / "office.py").write_text(PROGRAMS)


def scripted(outside: Path, wait_s: float) -> ScriptedModel:
    """Puts each thing up once, is sent back in its first round, and notes what it was asked."""

    async def answer(request: Request) -> Any:
        await asyncio.sleep(wait_s)
        first = next(message.text for message in request.messages if message.role == "user")
        turn = sum(message.role == "assistant" for message in request.messages)
        with (outside / "asked").open("a") as file:
            file.write(f"{first.splitlines()[0]} {turn}\n")
        if first.startswith("Review of"):
            good = "(round 2)" in first
            return {"accept": good, "reasons": [] if good else ["say it again"], "evidence": ["read it"]}
        task = first.split()[1]
        if turn == 0 and "(round 1)" in first:
            return ToolCall("c", "put", msgspec.json.encode({"what": task}).decode())
        return f"{task} is up"

    return ScriptedModel(answer)


async def main(home: Path, wait_s: float) -> None:
    """Carry the mission to its end."""
    write(home)
    async with Firm.open(home, models={"default": scripted(home.parent, wait_s)}) as firm:
        run = await firm.start(carry_out, Mission(text="a book"), id=RUN)
        print(msgspec.json.encode(await run.result()).decode())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.02))
