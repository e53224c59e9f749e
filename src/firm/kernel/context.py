"""Where code finds the run or the step that it is in.

One rule: context variables are the only way. Outside any run `current` is None, and workflows and steps are plain
functions; `opened` is the firm of the block that this code is in, which the kernel knows nothing else about.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING
from uuid import uuid4

from firm.errors import UsageError
from firm.ids import step_key
from firm.kernel.journal import Row
from firm.kernel.mark import NONE, add_marks

if TYPE_CHECKING:
    from firm.kernel.run import Run


class StepInfo:
    """One attempt of a step, as the step sees it."""

    __slots__ = ("_key", "attempt", "late", "marks", "name", "place", "regardless", "rows", "run")

    def __init__(self, run: "Run | None", place: int, name: str, attempt: int, key: str = "") -> None:
        self.run = run
        self.place = place
        """Number of the call in the run."""
        self.name = name
        self.attempt = attempt
        """1 for the first."""
        self.rows: list[Row] = []
        self.regardless: tuple[Row, ...] = ()
        """Rows that are written whatever becomes of the attempt."""
        self.marks = NONE
        """What its outcome will carry."""
        self.late: Callable[[Row], None] | None = None
        """Set when it is over: writes a row all the same."""
        self._key = key

    @property
    def key(self) -> str:
        """Idempotency key: 32 hexadecimal digits, the same in every attempt; random outside any run."""
        if not self._key:
            run = self.run
            self._key = step_key(run.id, run.generation, self.place) if run is not None else uuid4().hex
        return self._key

    def also(self, row: Row, regardless: bool = False) -> None:
        """Write a row of a book in the same transaction as what comes of this attempt (rule K10).

        That is its result, its failure (of each attempt that fails), the question about an effect in doubt; of a
        call that the workflow has given up, the row alone. What has no outcome leaves no row: an attempt that a
        crash, a parked firm or the end of the run cuts off.

        Args:
            row: Of any book but the kernel's.
            regardless: Write it even where the outcome is not written: the run was lost, set down or over before
                the attempt came to its end. Such a row is not fenced and says what is true outside the run too,
                as money that was really spent. Only a crash keeps it from being written.
        """
        if not regardless:
            self.rows.append(row)
        elif self.late is not None:
            self.late(row)
        else:
            self.regardless = (*self.regardless, row)

    def mark(self, *words: str) -> None:
        """Mark the run with these words together with what comes of this attempt, a result or a failure.

        Raises:
            UsageError: a word is not 1..200 printable characters, or there are more than MAX_MARKS.
        """
        self.marks = add_marks(self.marks, words)


current: ContextVar["Run | StepInfo | None"] = ContextVar("firm_current", default=None)
opened: ContextVar[object | None] = ContextVar("firm_opened", default=None)
narrowed: ContextVar[bytes | None] = ContextVar("firm_charter", default=None)
"""The charter of the innermost `chartered` block; None: outside any."""


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


@contextmanager
def chartered(charter: bytes) -> Iterator[None]:
    """Calls that are made inside this block have this charter: child runs get it, steps see it.

    What a charter says, and that it never says more than the one outside the block, is the business of later parts.
    A call has the charter of the place where it is made, wherever it is awaited.
    """
    token = narrowed.set(charter)
    try:
        yield
    finally:
        narrowed.reset(token)


def charter_here() -> bytes:
    """The charter that this code acts under, in a workflow or in a step; b'' where there is none."""
    charter = narrowed.get()
    if charter is not None:
        return charter
    here = current.get()
    run = here.run if isinstance(here, StepInfo) else here
    return run.charter if run is not None else b""
