"""Where code finds the run or the step that it is in.

One rule: context variables are the only way. Outside any run `current` is None, and workflows and steps are plain
functions; `opened` is the firm of the block that this code is in, which the kernel knows nothing else about.
"""

from contextvars import ContextVar
from typing import TYPE_CHECKING
from uuid import uuid4

from firm.errors import UsageError
from firm.ids import step_key
from firm.kernel.journal import Row

if TYPE_CHECKING:
    from firm.kernel.run import Run


class StepInfo:
    """One attempt of a step, as the step sees it."""

    __slots__ = ("_key", "attempt", "name", "place", "rows", "run")

    def __init__(self, run: "Run | None", place: int, name: str, attempt: int, key: str = "") -> None:
        self.run = run
        self.place = place
        """Number of the call in the run."""
        self.name = name
        self.attempt = attempt
        """1 for the first."""
        self.rows: list[Row] = []
        self._key = key

    @property
    def key(self) -> str:
        """Idempotency key: 32 hexadecimal digits, the same in every attempt; random outside any run."""
        if not self._key:
            run = self.run
            self._key = step_key(run.id, run.generation, self.place) if run is not None else uuid4().hex
        return self._key

    def also(self, row: Row) -> None:
        """Write a row of a book in the same transaction as what comes of this attempt (rule K10).

        That is its result, its failure (of each attempt that fails), the question about an effect in doubt; of a
        call that the workflow has given up, the row alone. What has no outcome leaves no row: an attempt that a
        crash, a parked firm or the end of the run cuts off.
        """
        self.rows.append(row)


current: ContextVar["Run | StepInfo | None"] = ContextVar("firm_current", default=None)
opened: ContextVar[object | None] = ContextVar("firm_opened", default=None)


def current_firm() -> object | None:
    """The firm that this code belongs to: that of its run, else that of the open block; None where there is neither."""
    here = current.get()
    run = here.run if isinstance(here, StepInfo) else here
    firm: object | None = run.firm if run is not None else None
    return firm if firm is not None else opened.get()


def current_run() -> "Run":
    """The run that this code belongs to, in a workflow or in one of its steps.

    Raises:
        UsageError: outside any run.
    """
    here = current.get()
    run = here.run if isinstance(here, StepInfo) else here
    if run is None:
        raise UsageError("current_run() outside any run; start the workflow with Firm.start")
    return run


def current_step() -> StepInfo:
    """The attempt that this code belongs to; outside any run a stand-in, so that unit tests need no engine.

    Raises:
        UsageError: in a workflow, outside its steps.
    """
    here = current.get()
    if here is None:
        return StepInfo(None, 0, "", 1)
    if isinstance(here, StepInfo):
        return here
    raise UsageError("current_step() in a workflow, outside any step; call it inside a @step function")


def workflow_here(what: str) -> "Run":
    """The run, for calls that only workflow code may make; `what` names the call in errors."""
    here = current.get()
    if here is None:
        raise UsageError(f"{what} outside any run; call it in a @workflow that Firm.start has started")
    if isinstance(here, StepInfo):
        raise UsageError(
            f"{what} inside the step {here.name!r}: a step cannot wait; call it in the workflow, "
            "or make the step a @workflow"
        )
    return here
