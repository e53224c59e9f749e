"""A mission, from its words to what is delivered: the workflow of the whole organization.

One rule: the same code carries out the mission of the firm and that of every unit in it; what differs is who gave it.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any, cast

import msgspec

from firm.agent.report import report
from firm.errors import UsageError
from firm.kernel.api import ask, now, receive
from firm.kernel.context import charter_here, chartered, current_run
from firm.kernel.definition import workflow
from firm.org.assignment import Assignment, Made
from firm.org.chief import (
    plan_by_model,
    revise,
    shown_plan,
    template_plan,
    unknown_checks,
    who_plans,
)
from firm.org.closing import begin_lessons, ending_of, ends_of, finish, made_by, why_of
from firm.org.crew import Crew
from firm.org.house import folder
from firm.org.member import task_words
from firm.org.mission import MAX_DEPTH, MAX_TEXT_CHARS, Ending, Mission, Outcome
from firm.org.opening import begin, read_settings, staff_of
from firm.org.plan import Fault, Plan, Task, faults
from firm.org.pursuit import Halted, Word
from firm.org.record import Planned
from firm.org.role import Role
from firm.org.settings import OrgSettings
from firm.org.staff import Staff
from firm.org.words import Say, language_of, words
from firm.org.work import WORDS
from firm.policy.within import within
from firm.units.budget import Budget

FACTS = "facts"
"""Topic on which a running mission is told what has changed."""
REVISIONS = 2
"""How often a chief's model may change its plan."""
SHOWN_CHARS = 120
"""Of a mission's words in a question."""
GO, NO, STOP = "go", "no", "stop"
SHARE = "share out"


@workflow
async def carry_out(mission: Mission) -> Outcome:
    """Plan a mission, have it done and checked, and deliver what was accepted.

    Raises:
        UsageError: no words, too many, or units too deep.
    """
    text = mission.text.strip()
    if not text or len(text) > MAX_TEXT_CHARS:
        raise UsageError(f"a mission of {len(text):,} characters; give 1 to {MAX_TEXT_CHARS:,}")
    if mission.depth > MAX_DEPTH:
        raise UsageError(f"unit {mission.unit!r} lies {mission.depth} units deep; at most {MAX_DEPTH}")
    strange = bool(mission.order) or any(one.untrusted for one in mission.given)
    settings = await read_settings(strange)
    with within(unit=mission.unit, goal=mission.goal):
        outside = charter_here()
        with within(budget=Budget(usd=mission.usd)):
            return await _Mission(mission, settings, outside).carry()


class _Mission:
    """One mission on its way."""

    def __init__(self, mission: Mission, settings: OrgSettings, outside: bytes) -> None:
        self.mission, self.settings, self.outside = mission, settings, outside
        self.raised = False
        self.language = mission.language or language_of(mission.text, settings.language)
        self.say: Say = words(self.language, WORDS)
        self.began, self.run = now(), current_run().id
        self.revisions = 0
        self.changes = 0
        self.crew: Crew | None = None
        self.deciding = asyncio.Lock()

    async def carry(self) -> Outcome:
        """All of it."""
        mission = self.mission
        staff = await self._staff()
        if staff is None:
            return await self._end("refused", self.say("its roles cannot be read"))
        plan, wrong = await self._plan(staff)
        if plan is None:
            return await self._end("refused" if wrong else "not reached", wrong)
        if plan.cannot:
            return await self._end("cannot", plan.cannot, plan)
        if not await self._approved(plan):
            return await self._end("refused", self.say("the founder did not approve the plan"), plan)
        await begin(Planned(mission, plan, round(self.began.timestamp() * 1e6)))
        crew = self.crew = Crew(
            self.mission,
            staff,
            plan,
            settings=self.settings,
            language=self.language,
            ask_up=self._up,
            unit=self._unit,
        )
        why, blocked_on = await self._work(crew)
        return await self._end(ending_of(crew), why or why_of(crew), crew.plan, crew, blocked_on)

    async def _work(self, crew: Crew) -> tuple[str, str]:
        """Have everything done; why it was stopped, if it was, and what a unit lacks."""
        with self._money():
            listening = asyncio.create_task(self._listen(crew)) if not self.mission.depth else None
            try:
                await crew.carry()
            except Halted as error:
                crew.give_up(error.why)
                return error.why, error.blocked_on
            finally:
                if listening is not None:
                    listening.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await listening
        return "", ""

    @contextlib.contextmanager
    def _money(self) -> Iterator[None]:
        """What the work may take: where the founder has raised it, that, in place of what the mission began with."""
        if not self.raised:
            yield
            return
        with chartered(self.outside), within(budget=Budget(usd=self.mission.usd)):
            yield

    # --- before -----------------------------------------------------------------------------------------------------

    async def _staff(self) -> Staff | None:
        """Who is there; a mistake in a file waits for the founder."""
        while True:
            try:
                return await staff_of(self.mission.unit)
            except UsageError as error:
                if self.mission.depth:
                    raise
                told = self.say("“{mission}” cannot begin: {why}", mission=self._short, why=error)
                if await self._ask(told, ["again", STOP], STOP) == STOP:
                    return None

    async def _plan(self, staff: Staff) -> tuple[Plan | None, str]:
        """A plan without faults; None and why."""
        mission = self.mission
        model = mission.model or staff.chief.model
        planner = await who_plans(
            mission.plan if mission.plan != "auto" else self.settings.plan, model, self.language
        )
        why = planner.why
        if planner.by == "model":
            plan, wrong = await plan_by_model(mission, staff, self.language)
            if plan is not None:
                return plan, ""
            why = self.say("the chief's plans were no good, the last one: {why}", why=_told(wrong))
        try:
            plan = await template_plan(mission.workflow, mission.unit)
        except UsageError as error:
            if planner.by == "model":
                return await self._without_plan(staff, why)
            return None, str(error)
        return await self._fitted(msgspec.structs.replace(plan, why=why), staff)

    async def _without_plan(self, staff: Staff, why: str) -> tuple[Plan | None, str]:
        """Neither the chief nor a template has one."""
        if self.mission.depth:
            return None, why
        told = self.say(
            "The chief has no plan for “{mission}” that could be carried out: {why}",
            mission=self._short,
            why=why,
        )
        if await self._ask(told, ["again", STOP], STOP) == STOP:
            return None, why
        return await self._plan(staff)

    async def _fitted(self, plan: Plan, staff: Staff) -> tuple[Plan | None, str]:
        """A template's plan within the mission's money."""
        mission, given = self.mission, [one.name for one in self.mission.given]
        wrong = [*faults(plan, staff.held, given=given), *unknown_checks(plan)]
        if wrong:
            return None, _told(wrong)
        need = sum(task.usd for task in plan.tasks)
        if need <= mission.usd + 1e-9:
            return plan, ""
        raised = f"raise to {need:.2f}"
        told = self.say(
            "The plan for “{mission}” may take {need:.2f} USD, and the mission has {usd:.2f}.",
            mission=self._short,
            need=need,
            usd=mission.usd,
        )
        options = [SHARE, STOP] if mission.depth else [raised, SHARE, STOP]
        word = SHARE if mission.depth else await self._ask(told, options, STOP)
        if word == STOP:
            return None, told
        if word == raised:
            self.mission = msgspec.structs.replace(mission, usd=need, approved=True)
            self.raised = True
            return plan, ""
        part = mission.usd / need
        tasks = tuple([msgspec.structs.replace(task, usd=task.usd * part) for task in plan.tasks])
        return msgspec.structs.replace(plan, tasks=tasks), ""

    async def _approved(self, plan: Plan) -> bool:
        """Whether it may be carried out: by a rule where it is cheap, else by the founder."""
        usd = sum(task.usd for task in plan.tasks)
        grave = any(task.risk in ("send", "spend") for task in plan.tasks)
        if self.mission.approved or self.mission.depth:
            return True
        if usd <= self.settings.approve_plan_above_usd and not (
            grave and not self.settings.approve_plan_above_usd
        ):
            return True
        told = self.say(
            "The plan for “{mission}” may take {usd:.2f} USD. Carry it out?", mission=self._short, usd=usd
        )
        return bool(await self._ask(f"{told}\n\n{shown_plan(plan)}", [GO, NO], NO) == GO)

    # --- meanwhile --------------------------------------------------------------------------------------------------

    async def _listen(self, crew: Crew) -> None:
        """Take in what the founder tells; a model's plan is changed by it, a template's goes on with it known."""
        while True:
            fact = str(await receive(FACTS))
            crew.facts.append(fact)
            if crew.plan.by == "model" and self.revisions < REVISIONS:
                async with self.deciding:
                    await self._revise(crew, f"the founder has told: {fact}")

    async def _revise(self, crew: Crew, news: str) -> bool:
        """Have the chief change the plan; whether it did."""
        self.revisions += 1
        there = [task.makes for task in crew.under_way if crew.standing(task).status != "refused"]
        with crew.held():
            plan, _ = await revise(self.mission, crew.staff, crew.plan, list(ends_of(crew)), news, there)
            if plan is None or plan.cannot:
                return False
            crew.change(plan)
        self.changes += 1
        at_us = round(now().timestamp() * 1e6)
        await begin(Planned(self.mission, crew.plan, at_us, self.changes))
        return True

    async def _up(self, crew: Crew, task: Task, why: str) -> Word:
        """What is done about a task that cannot be done as planned."""
        if self.mission.depth:
            return "without it"
        async with self.deciding:
            if crew.plan.by == "model" and self.revisions < REVISIONS:
                news = f"task {task.id} cannot be done as planned: {why}"
                if await self._revise(crew, news):
                    return "without it"
        told = self.say(
            "Task {task} of “{mission}” cannot be done as planned: {why}",
            task=task.id,
            mission=self._short,
            why=why,
        )
        options: list[Word] = ["again", "without it", "stop"]
        return cast("Word", await self._ask(told, options, "without it"))

    async def _unit(self, role: Role, given: Assignment) -> Made:
        """Have a unit carry out a task as its own mission."""
        above = self.mission
        unit = f"{above.unit}/{role.unit}" if above.unit else role.unit
        outcome = await carry_out(
            Mission(
                text=task_words(given)[:MAX_TEXT_CHARS],
                language=self.language,
                plan=above.plan,
                usd=min(role.budget_usd or above.usd, given.task.usd or above.usd),
                model=given.model,
                unit=unit,
                depth=above.depth + 1,
                given=given.inputs,
                order=above.order,
                goal=given.task.goal,
            )
        )
        return made_by(outcome, unit)

    async def _ask(self, told: str, options: list[Any], default: Any) -> Any:
        waiting = self.say("nothing is begun before you answer") if self.crew is None else ""
        return await ask(
            told, options=options, default=default, deadline=self.settings.answer_s, waiting=waiting
        )

    @property
    def _short(self) -> str:
        text = " ".join(self.mission.text.split())
        return text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 1] + "…"

    # --- after ------------------------------------------------------------------------------------------------------

    async def _end(
        self,
        ending: Ending,
        why: str,
        plan: Plan | None = None,
        crew: Crew | None = None,
        blocked_on: str = "",
    ) -> Outcome:
        outcome = Outcome(
            run=self.run,
            mission=self.mission.text,
            ending=ending,
            why=why,
            plan=plan,
            tasks=ends_of(crew) if crew is not None else (),
            facts=tuple(crew.facts) if crew is not None else (),
            took_s=round((now() - self.began).total_seconds(), 1),
            unit=self.mission.unit,
            order=self.mission.order,
            language=self.language,
            blocked_on=blocked_on,
        )
        outcome = await finish(outcome)
        if not self.mission.depth:
            await report(self._told(outcome), [str(folder() / outcome.report)] if outcome.report else ())
            if any(one.rounds > 1 or one.status == "refused" for one in outcome.tasks):
                await begin_lessons(outcome.run)
        return outcome

    def _told(self, outcome: Outcome) -> str:
        say = self.say
        lines = [say("{ending}: {mission}", ending=say(outcome.ending), mission=self._short)]
        if outcome.why:
            lines.append(outcome.why)
        if outcome.plan is not None and outcome.plan.why:
            lines.append(say("the plan comes from the template: {why}", why=outcome.plan.why))
        if outcome.no_commit:
            lines.append(say("not committed: {why}", why=outcome.no_commit))
        accepted = sum(one.status == "accepted" for one in outcome.tasks)
        lines.append(say("{done} of {all} tasks were accepted", done=accepted, all=len(outcome.tasks)))
        lines.append(
            say(
                "it took {usd:.2f} USD, {tokens} tokens and {seconds} s",
                usd=outcome.spent_usd_micro / 1e6,
                tokens=f"{outcome.tokens:,}",
                seconds=f"{outcome.took_s:.0f}",
            )
        )
        return "\n".join(lines)


def _told(wrong: list[Fault]) -> str:
    return "; ".join(f"{one.place + ': ' if one.place else ''}{one.says}" for one in wrong)
