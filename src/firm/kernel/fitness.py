"""After a change of code: do the runs that wait still fit? (rule K11)

One rule: nothing is changed here. A run that does not fit is claimed like any other, and its replay puts the
difference into the inbox. Only code whose file has changed is looked at, so a home with a million waiting runs
opens as fast as an empty one.
"""

import asyncio
import importlib.util
import logging
from pathlib import Path

from firm.kernel.call import Call, Start
from firm.kernel.code import file_hash, load
from firm.kernel.definition import WorkflowDef, workflow_of
from firm.kernel.journal import Event, Journal, Row
from firm.kernel.run import Run
from firm.kernel.status import Status

BOOK = "code"
"""Rows of the journal: which versions of which workflow have ever been started."""
MAX_RUNS = 100_000
"""Waiting runs of one workflow that are looked at after a change."""

log = logging.getLogger("firm")


class _Silent:
    """A host that carries nothing out."""

    cancel_grace_s = 60.0

    def start_call(self, run: Run, call: Call) -> None: ...
    def drop_call(self, run: Run, call: Call) -> None: ...
    def intent_written(self, run: Run, call: Call) -> None: ...
    def attempt_written(self, run: Run, call: Call) -> None: ...
    def record_patch(self, run: Run, name: str) -> None: ...


def row_of(reference: str, code: str) -> Row:
    """The row that remembers a version of a workflow."""
    return Row(BOOK, f"{reference} {code}", b"")


def fits(definition: WorkflowDef, events: list[Event]) -> bool:
    """Whether the code makes the calls of this history. Runs workflow code, and no step."""
    start = Start.decode(events[0].body)
    if start.version != definition.version:
        return False
    run = replayed(definition, events)
    fit = run.broken is None
    run.evict()
    return fit


def replayed(definition: WorkflowDef, events: list[Event]) -> Run:
    """A run as its history has left it, to be looked at and then evicted. Runs workflow code, and no step."""
    run = Run(_Silent(), events[0].run, events[0].epoch, definition)
    run.replay(events)
    return run


def _surely_fits(definition: WorkflowDef, events: list[Event]) -> bool:
    try:
        return fits(definition, events)
    except Exception as error:  # it is taken up, and what is wrong with it comes to light there
        log.warning("run %s cannot be checked: %s", events[0].run, error)
        return False


def _current_hash(reference: str) -> str | None:
    """Hash of the file that a reference names, without importing it; None if it is not there."""
    place = reference.rpartition(":")[0]
    try:
        if place.endswith(".py"):
            return file_hash(Path(place))
        spec = importlib.util.find_spec(place)
        return file_hash(Path(spec.origin)) if spec is not None and spec.origin else None
    except Exception:  # importing a parent package may raise anything
        return None


async def misfits(journal: Journal) -> list[str]:
    """Ids of waiting runs that the changed code does not fit."""
    versions: dict[str, set[str]] = {}
    for row in await journal.rows(BOOK):
        reference, _, code = row.key.rpartition(" ")
        versions.setdefault(reference, set()).add(code)
    found: list[str] = []
    for reference, codes in versions.items():
        current = None if "<locals>" in reference else _current_hash(reference)
        if current is None or codes == {current}:
            continue
        try:
            definition = workflow_of(load(reference))
        except Exception as error:  # importing it may raise anything
            log.warning("workflow %s cannot be checked: %s", reference, error)
            continue
        found += await _misfits_of(journal, reference, definition, current)
    return found


async def _misfits_of(journal: Journal, reference: str, definition: WorkflowDef, current: str) -> list[str]:
    found = []
    waiting = await journal.standings(status=Status.SUSPENDED, workflow=reference, limit=MAX_RUNS)
    for standing in waiting:
        if standing.code != current:
            events = await journal.read(standing.run)
            await asyncio.sleep(0)
            if events and not _surely_fits(definition, events):
                found.append(standing.run)
    return found
