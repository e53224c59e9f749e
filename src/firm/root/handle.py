"""`Run`: the handle of one run, for code outside it.

One rule: a handle holds only the id; everything else is asked of the journal each time.
"""

from typing import TYPE_CHECKING, Any

from firm.errors import FirmError, RunCancelled
from firm.kernel.carrier import Ended
from firm.kernel.code import load
from firm.kernel.definition import WorkflowDef, workflow_of
from firm.kernel.failure import Failure, rebuild_failure
from firm.kernel.status import Status
from firm.root.view import EventView, RunView, SpanView, value_of

if TYPE_CHECKING:
    from firm.root.firm import Firm


class Run:
    """A run of a firm; made by `Firm.start` and `Firm.run`."""

    __slots__ = ("_definition", "_firm", "id")

    def __init__(self, firm: "Firm", id: str, definition: WorkflowDef | None = None) -> None:
        self._firm = firm
        self._definition = definition
        self.id = id

    def __repr__(self) -> str:
        return f"Run({self.id!r})"

    async def result(self) -> Any:
        """Wait until the run has ended and return what its workflow returned, in its declared type.

        Raises:
            Exception: what the workflow raised (see `@workflow(raises=…)`; other classes: `StepFailed`).
            RunCancelled: it was cancelled.
            RunStuck, ReplayDiverged: it needs a person before it can go on.
            UsageError: there is no such run.
        """
        ended = await self._firm._desk.ended(self.id)
        definition = self._definition or _find(ended.workflow)
        if ended.status is Status.CANCELLED:
            raise RunCancelled(f"run {self.id!r} was cancelled")
        if ended.status is Status.FAILED:
            raise rebuild_failure(
                Failure.decode(ended.body), definition.raises if definition is not None else ()
            )
        return _value(ended, definition)

    async def status(self) -> Status:
        """Where the run stands. UsageError: there is no such run."""
        return (await self.view()).status

    async def view(self) -> RunView:
        """How the run stands, with its reason and times. UsageError: there is no such run."""
        return await self._firm._view(self.id)

    async def cancel(self) -> None:
        """Ask the run to stop, durable on return; it may take time for its `finally`.

        Raises:
            UsageError: there is no such run, or it has ended.
        """
        await self._firm._ask("cancel", self.id)

    async def events(self) -> list[EventView]:
        """Its whole history, in order. UsageError: there is no such run."""
        return await self._firm._events(self.id)

    async def spans(self) -> list[SpanView]:
        """Its calls of models, tools and agents, by generation, place and attempt; those of child runs are theirs.

        UsageError: there is no such run.
        """
        return await self._firm._spans(self.id)


def _find(reference: str) -> WorkflowDef | None:
    try:
        return workflow_of(load(reference))
    except FirmError:  # its code is not here: the result is given as builtins
        return None


def _value(ended: Ended, definition: WorkflowDef | None) -> Any:
    if definition is None:
        return value_of(ended.body)
    return definition.signature.result.decode(ended.body)
