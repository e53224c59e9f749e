"""Begin something in another's name, with fewer permissions or with a budget of its own, from workflow code.

One rule: a block gives what is begun inside it at most what the code outside may do; see `firm.policy.narrow`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from firm.errors import UsageError
from firm.kernel.api import now
from firm.kernel.context import StepInfo, charter_here, chartered, current
from firm.policy.action import UNTRUSTED
from firm.policy.capability import Capability, Charter
from firm.policy.narrow import narrow
from firm.units.budget import Budget, budget_of
from firm.units.purse import Purse

if TYPE_CHECKING:
    from firm.kernel.run import Run

_COUNT = "policy.within"


@contextmanager
def within(
    *,
    agent: str = "",
    unit: str = "",
    goal: str = "",
    capabilities: Sequence[Capability] | None = None,
    budget: Budget | float | None = None,
) -> Iterator[Charter]:
    """Calls that are made inside this block act under a narrower charter.

    `with within(agent="scout", capabilities=[Capability("call", calls=3)], budget=1): await child(…)`

    Args:
        agent: In whose name; '': as outside.
        unit: For which unit; '': as outside.
        goal: For which goal; '': as outside.
        capabilities: What may be called, of that which may be called outside; None: all of it, (): nothing.
        budget: What all calls inside may take together, at most; a number is US dollars.

    Raises:
        UsageError: inside a step, a capability or budget that cannot be, or too deep.
    """
    run = current.get()
    if isinstance(run, StepInfo):
        raise UsageError(
            f"within() inside the step {run.name!r}; open the block in the workflow, around the call"
        )
    place = _place(run)
    budget = budget_of(budget)
    limits = budget.limits if budget else ()
    charter = narrow(
        Charter.decode(charter_here()),
        agent=agent,
        unit=unit,
        goal=goal,
        capabilities=capabilities,
        purses=(Purse(f"run/{place}", limits),) if limits else (),
        deadline_us=_deadline_us(budget),
        late=run is not None and UNTRUSTED in run.marks,
        depth=run.id.count("/") + 1 if run is not None else None,
        place=place,
    )
    with chartered(charter.encode()):
        yield charter


def _place(run: "Run | None") -> str:
    """Names this block, the same in every replay."""
    if run is None:
        return uuid4().hex
    count = run.state[_COUNT] = run.state.get(_COUNT, 0) + 1
    return f"{run.id}#{count}" if run.generation == 1 else f"{run.id}#{run.generation}.{count}"


def _deadline_us(budget: Budget | None) -> int:
    if budget is None or budget.wall_s is None:
        return 0
    return round((now().timestamp() + budget.wall_s) * 1e6)
