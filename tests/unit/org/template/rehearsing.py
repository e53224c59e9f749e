"""A firm made of a template, whose mission is carried out with every role played by script."""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from firm import Firm
from firm.kernel.code import load_file
from firm.org.artifact import Artifact
from firm.org.assignment import Assignment
from firm.org.carry import carry_out
from firm.org.check import check_known
from firm.org.mission import Mission, Outcome, TaskEnd
from firm.org.plan import Done, Fault, Task, faults
from firm.org.roster import read_staff, read_workflow

TEMPLATES = Path(__file__).parents[4] / "src" / "firm" / "org" / "template"


def program(template: str, name: str) -> ModuleType:
    """A program of a template."""
    return load_file(TEMPLATES / template / "programs" / f"{name}.py")


def plan_faults(template: str, *, usd: float) -> list[Fault]:
    """What is wrong with the template's plan; each of its checks is known, and there."""
    folder = TEMPLATES / template
    plan = read_workflow(folder)
    for task in plan.tasks:
        for check in task.done.checks:
            check_known(check, task=task, folder=folder)
    return faults(plan, read_staff(folder).held, usd=usd)


def given(task: str = "it", mission: str = "", language: str = "en", **inputs: Any) -> Assignment:
    """An assignment with these inputs: text, or data; `_` in their names stands for `-`."""
    made = [
        Artifact(name=name.replace("_", "-"), text=value)
        if isinstance(value, str)
        else Artifact(name=name.replace("_", "-"), data=value)
        for name, value in inputs.items()
    ]
    plan = Task(id=task, says="it", role="it", makes="it", done=Done(says="it"))
    return Assignment(task=plan, mission=mission, inputs=tuple(made), language=language)


@dataclass
class Rehearsal:
    """A copy of a template, and the person who answers what is asked meanwhile."""

    template: str
    folder: Path
    person: Callable[[str], Any] | None = None
    """From a question to its answer; None: waits on."""
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        shutil.copytree(TEMPLATES / self.template, self.folder, ignore=shutil.ignore_patterns("__pycache__"))

    def carry(self, mission: str, *, within_s: float = 60.0) -> Outcome:
        """Carry the mission out to its end."""

        async def main() -> Outcome:
            async with Firm.open(self.folder) as firm:
                run = await firm.start(carry_out, Mission(text=mission, model="rehearsal", usd=3.0), id="m-1")
                ended = asyncio.ensure_future(run.result())
                async with asyncio.timeout(within_s):
                    while not ended.done():
                        await asyncio.wait((ended,), timeout=0.02)
                        await self._answer(firm)
                outcome: Outcome = ended.result()
                return outcome

        return asyncio.run(main())

    async def _answer(self, firm: Firm) -> None:
        for question in await firm.inbox():
            said = self.person(question.text) if self.person is not None else None
            if said is not None:
                self.asked.append(question.text)
                await firm.answer(question.id, said)


def ends(outcome: Outcome) -> dict[str, TaskEnd]:
    """How each task has ended."""
    return {one.id: one for one in outcome.tasks}


def refusals(end: TaskEnd) -> list[str]:
    """Who has sent it back, in turn."""
    return [verdict.by for verdict in end.verdicts if not verdict.accept]
