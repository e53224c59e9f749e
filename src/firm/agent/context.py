"""What fills the window of a run, for somebody who looks at it from outside.

One rule: it is found by replaying the run's history, silently; nothing is carried out, and nothing is guessed.
"""

from firm.agent.window import STATE, Window
from firm.errors import UsageError
from firm.kernel.code import load
from firm.kernel.definition import workflow_of
from firm.kernel.fitness import replayed
from firm.kernel.journal import Journal


async def window_of(journal: Journal, run_id: str) -> Window:
    """The context window of an agent's run as it stands, or stood at the end of its last generation.

    Raises:
        UsageError: there is no such run, it is no agent's, its history was cleared, or its code is not there or has
            changed.
    """
    events = await journal.read(run_id)
    standing = await journal.standing(run_id)
    if standing is None:
        raise UsageError(f"there is no run {run_id!r}; `firm ps` lists them")
    if not events:
        raise UsageError(
            f"the history of run {run_id!r} was cleared by `firm gc`; its context is not known any more"
        )
    run = replayed(workflow_of(load(standing.workflow)), events)
    window: Window | None = run.state.get(STATE)
    broken = run.broken
    run.evict()
    if broken is not None:
        raise UsageError(
            f"the context of run {run_id!r} cannot be made again, for its code has changed: {broken}"
        )
    if window is None:
        raise UsageError(f"run {run_id!r} is not an agent's: it has no context window")
    return window
