"""The brakes of a firm that is open here: its worker holds what they hold, its journal has their lines.

One rule: what was held when the firm was closed is held when it is opened again, until its line is answered or closed.
"""

from firm.kernel.journal import Answer, Question
from firm.kernel.value import BUILTIN
from firm.kernel.worker import Worker
from firm.ledger.forward import books_of
from firm.ledger.spend import spend_of
from firm.model.models import Models
from firm.model.storm import KEY, Storms
from firm.policy.approval import GO_ON, STOP
from firm.policy.brake import BRAKE, CLOSED, Brakes
from firm.policy.runaway import Runaways
from firm.root.command import limits_of
from firm.root.config import Config


class WorkerDesk:
    """What brakes need, given by a worker."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def find(self, id: str) -> Question | None:
        """A question of the journal."""
        return await self._worker.journal.question(id)

    async def ask(self, id: str, text: str) -> None:
        """Put a line into the inbox, durable on return."""
        await self._worker.ask_firm(id, BRAKE, text, [GO_ON, STOP])

    async def close(self, id: str) -> None:
        """Close a line that is moot."""
        question = await self.find(id)
        if question is not None and not question.answered_us:
            now_us = self._worker.clock.now_us()
            await self._worker.commit(Answer(id, BUILTIN.encode(GO_ON), CLOSED, now_us))

    def free(self, key: str, count: int | None = None) -> int:
        """Let what is held begin."""
        return self._worker.free(key, count)

    def held(self, key: str) -> int:
        """Runs that are held."""
        return self._worker.held(key)

    async def cost(self, run: str) -> str:
        """What a run has cost so far with all that it began, in words; '' where nothing is known of it."""
        books = await books_of(self._worker.journal)
        rows = spend_of(books, "run", now_us=self._worker.clock.now_us()).rows
        usd_micro = sum(row.usd_micro for row in rows if row.key == run or row.key.startswith(f"{run}/"))
        return f"; it cost {usd_micro / 1e6:.2f} USD so far" if usd_micro else ""


class Braking:
    """All that holds runs back in a firm that is open here."""

    def __init__(self, brakes: Brakes, storms: Storms, held: list[str], names: list[str]) -> None:
        self._brakes = brakes
        self._storms = storms
        self._held = held
        self._names = names

    @classmethod
    async def begin(cls, worker: Worker, config: Config, models: Models) -> "Braking":
        """Put brakes on a worker, before it starts."""
        brakes, limits = Brakes(), limits_of(config)
        brakes.desk = WorkerDesk(worker)
        worker.brake = Runaways(lambda: limits, brakes)
        models.storms = Storms(brakes, config.limits.storm_s)
        return cls(brakes, models.storms, await worker.find_held(), models.names())

    def restore(self) -> None:
        """Shut those again that runs were held by when the firm was closed; when the worker has started."""
        for key in self._held:
            if key.startswith(KEY):
                self._storms.restore(key)
            else:
                self._brakes.restore(key)
        self._storms.tidy(self._names)

    def answered(self, question: Question) -> None:
        """The founder has answered a question of the firm."""
        self._brakes.answered(question)

    def close(self) -> None:
        """Nothing is let through any more."""
        self._storms.close()
