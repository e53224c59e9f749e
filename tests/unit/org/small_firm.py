"""A small firm for tests: a chief, a writer, a critic, and whatever a test adds; and its missions, answered by rule."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firm import Firm
from firm.model import ScriptedModel
from firm.model.request import Request
from firm.org.carry import FACTS, carry_out
from firm.org.mission import Mission, Outcome
from firm.org.plan import Done, Goal, Plan, Task
from firm.org.role import Role
from firm.org.roster import role_text, workflow_text
from firm.root.view import QuestionView

CHIEF = Role(name="chief", purpose="Plans and decides.", reports_to="founder")
WRITER = Role(name="writer", purpose="Writes.")
CRITIC = Role(name="critic", purpose="Reads what others write.")
GOAL = Goal(
    id="book", says="There is a text.", bet="one draft is enough", wrong_if="the critic sends it back"
)
TEXT = Task(
    id="text",
    says="Write about {mission}.",
    role="writer",
    makes="text",
    done=Done(says="at least two words", checks=("words 2 400",), reviewer="critic"),
    deliver=True,
)
GOOD: dict[str, Any] = {"accept": True, "reasons": [], "evidence": ["read it to the end"]}
Reply = Callable[[Request], Any]


@dataclass
class SmallFirm:
    """A folder, the replies of its model, and what its founder answers."""

    folder: Path
    replies: Mapping[str, Any] = field(default_factory=dict)
    """First words of the last message -> a reply, a list of replies in turn, or a function."""
    answers: list[Any] = field(default_factory=list)
    """What the founder says to the questions, in turn."""
    facts: list[str] = field(default_factory=list)
    """What the founder tells before his first answer."""
    asked: list[QuestionView] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    _turns: dict[str, int] = field(default_factory=dict)

    def write(
        self, *tasks: Task, roles: Sequence[Role] = (), unit: str = "", settings: str = ""
    ) -> "SmallFirm":
        """Put roles and a workflow into the folder, or into that of a unit."""
        here = self.folder
        for name in filter(None, unit.split("/")):
            here = here / "units" / name
        (here / "roles").mkdir(parents=True, exist_ok=True)
        for role in (CHIEF, WRITER, CRITIC, *roles):
            (here / "roles" / f"{role.name}.md").write_text(role_text(role), "utf-8")
        (here / "workflows").mkdir(exist_ok=True)
        plan = Plan(goals=(GOAL,), tasks=tasks or (TEXT,))
        (here / "workflows" / "main.toml").write_text(workflow_text(plan), "utf-8")
        if not unit:
            (self.folder / "firm.toml").write_text(f'name = "small"\n{settings}', "utf-8")
        return self

    def reply(self, request: Request) -> Any:
        """By the first words that fit; what nobody has thought of gets a few words, and reviews are kind."""
        self.requests.append(request)
        said = request.messages[-1].text
        for words, found in self.replies.items():
            if said.startswith(words):
                return self._taken(words, found, request)
        return GOOD if said.startswith("Review of") else "some words of a text"

    def _taken(self, words: str, found: Any, request: Request) -> Any:
        if callable(found):
            return found(request)
        if isinstance(found, list):
            turn = self._turns.get(words, 0)
            self._turns[words] = turn + 1
            return found[min(turn, len(found) - 1)]
        return found

    def carry(self, mission: Mission | str = "wings", *, within_s: float = 30.0, id: str = "m-1") -> Outcome:
        """Carry a mission out; questions are answered in turn."""
        wanted = Mission(text=mission) if isinstance(mission, str) else mission

        async def main() -> Outcome:
            async with Firm.open(self.folder, models={"default": ScriptedModel(self.reply)}) as firm:
                run = await firm.start(carry_out, wanted, id=id)
                ended = asyncio.ensure_future(run.result())
                async with asyncio.timeout(within_s):
                    while not ended.done():
                        await asyncio.wait((ended,), timeout=0.01)
                        await self._answer(firm, id)
                return ended.result()

        return asyncio.run(main())

    async def _answer(self, firm: Firm, run: str) -> None:
        for question in await firm.inbox():
            while self.facts:
                await firm.send(run, FACTS, self.facts.pop(0))
            if question.id not in {one.id for one in self.asked} and len(self.asked) < len(self.answers):
                self.asked.append(question)
                await firm.answer(question.id, self.answers[len(self.asked) - 1])

    def said_to(self, words: str) -> list[str]:
        """The last messages of requests that began so."""
        return [one.messages[-1].text for one in self.requests if one.messages[-1].text.startswith(words)]


def statuses(outcome: Outcome) -> dict[str, str]:
    """Task -> how it has ended."""
    return {task.id: task.status for task in outcome.tasks}
