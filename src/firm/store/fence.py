"""Who may write: which runs' lines a transaction leaves out.

One rule: a line takes effect only under its run's current epoch, and never after the run has ended. If one
line of a run is stale, all of that run's lines are left out.
"""

from collections.abc import Sequence

from firm.errors import InternalError
from firm.kernel.journal import Also, Event, NewRun, Stand, Taken
from firm.kernel.status import Status
from firm.store.runs import Runs


def writer(line: Also) -> tuple[str, int] | None:
    """The (run, epoch) that a line must prove; None: it comes from outside and is not fenced."""
    pair = line.writer if type(line) is NewRun else (line.run, line.epoch)
    if pair[1] or type(line) is Stand or type(line) is Taken:
        return pair
    return None


def left_out(runs: Runs, events: Sequence[Event], also: Sequence[Also]) -> frozenset[str]:
    """Ids of the runs whose lines must be left out.

    Raises:
        InternalError: a new run is named twice, or its lines carry another epoch than its first.
    """
    new = [line for line in also if type(line) is NewRun]
    fresh = {line.run: 1 if line.status is Status.RUNNING else 0 for line in new}
    if len(fresh) < len(new):
        raise InternalError(f"a run begins twice in one transaction: {[line.run for line in new]!r}")
    pairs = [(event.run, event.epoch) for event in events if not runs.owns(event.run, event.epoch)]
    pairs += [pair for line in also if (pair := writer(line)) is not None and not runs.owns(*pair)]
    stale = {
        run
        for run, epoch in pairs
        if run not in fresh and not ((live := runs.find(run)) and live.may_write(epoch))
    }
    for line in new:
        by = writer(line)
        if runs.find(line.run) is not None or (by is not None and by[0] in stale):
            stale.add(line.run)
    for run, epoch in pairs:
        if run not in stale and fresh.get(run, epoch) != epoch:
            raise InternalError(
                f"run {run!r} begins with epoch {fresh[run]}, but a line of it carries {epoch}"
            )
    return frozenset(stale)
