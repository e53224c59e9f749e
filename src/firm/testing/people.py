"""Clients and founders of a simulation: they start, send, stop, cancel, answer, and try again when unsure.

One rule: what they were told is noted as acknowledged; what they were not told may or may not have happened, and
they ask again under the same id.
"""

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import TYPE_CHECKING, Any

from firm.errors import FirmError, UsageError
from firm.ids import step_key
from firm.kernel.journal import Question, is_stopped
from firm.kernel.status import Status
from firm.kernel.value import BUILTIN
from firm.kernel.worker import Worker
from firm.policy.approval import APPROVAL
from firm.testing.history import Ack, History
from firm.testing.machines import Machines
from firm.testing.program import Job
from firm.testing.world import World

if TYPE_CHECKING:
    from firm.testing.economy import Founder

Action = Callable[[Worker], Coroutine[Any, Any, Any]]


class People:
    """Everybody outside the firm.

    Args:
        random: Draws when they act and how patient they are.
        rush_s: Jobs are started within this time.
        founder: Answers approvals.
    """

    def __init__(
        self,
        machines: Machines,
        history: History,
        world: World,
        random: Random,
        *,
        rush_s: float,
        founder: "Founder | None" = None,
    ) -> None:
        self._machines = machines
        self._history = history
        self._world = world
        self._random = random
        self._rush_s = rush_s
        self._founder = founder
        self._tasks: list[asyncio.Task[None]] = []
        self._holding: set[str] = set()
        """Jobs that are meant to stand still."""

    def begin(self, jobs: tuple[Job, ...]) -> None:
        """Start everybody."""
        for job in jobs:
            self._tasks.append(asyncio.ensure_future(self._start(job)))
            if job.messages:
                self._tasks.append(asyncio.ensure_future(self._write_letters(job)))
            if job.cancel and self._random.random() < 0.7:
                self._tasks.append(asyncio.ensure_future(self._cancel(job)))
            if job.halt:
                self._tasks.append(asyncio.ensure_future(self._stop_and_go(job)))
        if any(job.halt for job in jobs):
            self._tasks.append(asyncio.ensure_future(self._set_free()))
        if self._random.random() < 0.2:
            self._tasks.append(asyncio.ensure_future(self._ask_for_the_firm()))
        self._tasks += [asyncio.ensure_future(self._answer(device)) for device in ("phone", "laptop")]

    def stop(self) -> None:
        """All go home."""
        for task in self._tasks:
            task.cancel()

    async def _pause(self, longest_s: float) -> None:
        await asyncio.sleep(self._random.random() * longest_s)

    async def _insist(self, action: Action) -> Any:
        """Do it on some machine, again and again until it was done or refused for good."""
        while True:
            nodes = self._machines.living()
            if nodes:
                node = self._random.choice(nodes)
                assert node.worker is not None
                task = node.spawn(action(node.worker))
                done, _ = await asyncio.wait({task}, timeout=5 + self._random.random() * 20)
                if done and not task.cancelled():
                    error = task.exception()
                    if error is None:
                        return task.result()
                    if isinstance(error, UsageError) or not isinstance(error, FirmError):
                        raise error
            await self._pause(2)

    async def _start(self, job: Job) -> None:
        await self._pause(self._rush_s)
        times = 2 if self._random.random() < 0.3 else 1
        await asyncio.gather(*(self._start_once(job) for _ in range(times)))

    async def _start_once(self, job: Job) -> None:
        while True:
            try:
                await self._insist(
                    lambda worker: worker.begin(
                        job.workflow, job.args, id=job.id, by="client", charter=job.charter
                    )
                )
            except UsageError as error:
                if "closing" in str(error):
                    await self._pause(2)
                    continue
                self._history.violated(f"starting {job.id!r} was refused: {error}")
            self._history.acknowledged(Ack("start", job.id))
            return

    async def _write_letters(self, job: Job) -> None:
        sender = f"client of {job.id}"
        for number, (topic, value) in enumerate(job.messages):
            await self._pause(6)
            body, id = BUILTIN.encode(value), f"m{number}"
            for _ in range(self._random.choice((1, 1, 2))):
                await self._tell(
                    job.id,
                    lambda worker: worker.post(job.id, topic, body, sender=sender, id=id),  # noqa: B023
                )
            self._history.acknowledged(Ack("send", job.id, id, value, sender))

    async def _cancel(self, job: Job) -> None:
        await self._pause(self._rush_s + 40)
        for _ in range(self._random.choice((1, 1, 2))):
            await self._tell(job.id, lambda worker: worker.cancel(job.id, by="client"))
        self._history.acknowledged(Ack("cancel", job.id))

    async def _stop_and_go(self, job: Job) -> None:
        """Stop it, look at it for a while, let it go on."""
        await self._pause(self._rush_s + 6)
        for _ in range(self._random.choice((1, 1, 2))):
            self._holding.add(job.id)
            await self._tell(job.id, lambda worker: self._halt(worker, job.id))
            await self._pause(15)
            self._holding.discard(job.id)
            await self._tell(job.id, lambda worker: worker.resume(job.id))
            await self._pause(10)

    async def _halt(self, worker: Worker, run: str) -> None:
        """On the machine, so that what it has stopped is known even where nobody waits for it any more."""
        halted = await worker.halt([run], "let me look")
        self._history.acknowledged(Ack("halt", run, "", halted, worker.id, self._history.next()))

    async def _set_free(self) -> None:
        """A stop may have taken effect long after nobody waited for it any more."""
        while True:
            await self._pause(15)
            stuck = await self._insist(lambda worker: worker.journal.standings(status=Status.STUCK))
            for one in stuck:
                if is_stopped(one.status, one.reason) and one.run.split("/")[0] not in self._holding:
                    await self._tell(one.run, lambda worker: worker.resume(one.run))  # noqa: B023

    async def _ask_for_the_firm(self) -> None:
        """The firm itself asks, of no run."""
        await self._pause(self._rush_s)
        try:
            await self._insist(
                lambda worker: worker.ask_firm("firm-1", "breaker", "go on?", ["go on", "stop"])
            )
        except UsageError as error:
            if "answered already" not in str(error):  # asked twice, because nobody knew of the first time
                return  # that machine was closing
        self._history.acknowledged(Ack("ask", "", "firm-1"))

    async def _tell(self, run: str, action: Action) -> None:
        """Do it once the run is there; nothing if it has ended."""
        while True:
            try:
                await self._insist(action)
                return
            except UsageError as error:
                if "has ended" in str(error):
                    return
                await self._pause(3)

    async def _answer(self, device: str) -> None:
        """Look into the inbox now and then, and answer what is there."""
        while True:
            await self._pause(8)
            questions: list[Question] = await self._insist(lambda worker: worker.journal.questions())
            if not questions:
                continue
            question = self._random.choice(questions)
            try:
                value = await self._consider(question)
                await self._insist(lambda worker: worker.answer(question.id, value, by=device))  # noqa: B023
            except UsageError:
                continue  # the other device was first, or the deadline
            self._history.acknowledged(Ack("answer", question.run, question.id, value, device))

    async def _consider(self, question: Question) -> object:
        founder = self._founder
        if founder is None or question.kind != APPROVAL:
            return self._think(question)
        return await self._insist(lambda worker: founder.answer(worker, question))

    def _think(self, question: Question) -> object:
        if question.kind == "in doubt":
            return self._find_out(question)
        if question.kind == "stuck":
            return "resume"
        options = BUILTIN.decode(question.options)
        return self._random.choice(options) if options else "whatever"

    def _find_out(self, question: Question) -> object:
        """The founder looks at what really happened."""
        generation = self._history.generation(question.run)
        found = self._world.find(step_key(question.run, generation, question.place))
        if found is not None:
            return {"done": found.value}
        return "fail" if self._random.random() < 0.1 else "not done"
