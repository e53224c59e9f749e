"""Replay a run from its journal alone, with nobody to carry out its calls (rules K2 and K3).

One rule: the same journal gives the same calls in the same order and the same outcome, from any prefix of it.
"""

from collections.abc import Iterator, Sequence
from random import Random

from firm.kernel.call import Call, Start
from firm.kernel.code import load
from firm.kernel.definition import workflow_of
from firm.kernel.failure import Failure
from firm.kernel.journal import Event, Kind
from firm.kernel.mark import plain, unmarked
from firm.kernel.run import Outcome, Run
from firm.kernel.status import Status


class SilentHost:
    """A `Host` that carries nothing out and remembers what it was asked for."""

    def __init__(self, cancel_grace_s: float) -> None:
        self.cancel_grace_s = cancel_grace_s
        self.begun: list[Call] = []

    def start_call(self, run: Run, call: Call) -> None:
        """Only remembered."""
        self.begun.append(call)

    def drop_call(self, run: Run, call: Call) -> None:
        """Nothing was begun, so there is nothing to drop."""

    def intent_written(self, run: Run, call: Call) -> None:
        """Not in a replay."""

    def attempt_written(self, run: Run, call: Call) -> None:
        """Not in a replay."""

    def record_patch(self, run: Run, name: str) -> None:
        """Nothing is recorded."""


def generations(events: Sequence[Event]) -> list[list[Event]]:
    """The events of a run, cut where a generation begins."""
    found: list[list[Event]] = []
    for event in events:
        if event.kind == Kind.STARTED:
            found.append([])
        found[-1].append(event)
    return found


def replayed(events: Sequence[Event], *, cancel_grace_s: float = 60.0) -> tuple[Run, SilentHost]:
    """A run as it stands after these events of one generation, up to its end."""
    host = SilentHost(cancel_grace_s)
    definition = workflow_of(load(Start.decode(events[0].body).workflow))
    run = Run(host, events[0].run, events[-1].epoch, definition)
    run.replay([event for event in events if event.kind != Kind.ENDED])
    return run, host


def check_replay(
    events: Sequence[Event], *, cancel_grace_s: float = 60.0, random: Random | None = None, prefixes: int = 2
) -> Iterator[str]:
    """What differs between a run's journal and its replay; nothing if all is well.

    Args:
        events: All events of one run, all generations.
        cancel_grace_s: As the worker had it.
        random: Draws prefixes, each of which must replay too: a crash may come after any event.
        prefixes: How many for each generation.
    """
    random = random or Random(0)
    parts = generations(events)
    for number, part in enumerate(parts):
        after = Start.decode(parts[number + 1][0].body) if number + 1 < len(parts) else None
        yield from _check_whole(part, after, cancel_grace_s)
        for _ in range(prefixes):
            length = random.randint(1, len(part))
            run, _ = replayed(part[:length], cancel_grace_s=cancel_grace_s)
            if run.broken is not None:
                yield f"K3: {run.id!r} does not replay from its first {length} events: {run.broken}"
            run.evict()


def _check_whole(events: list[Event], after: Start | None, cancel_grace_s: float) -> Iterator[str]:
    run, host = replayed(events, cancel_grace_s=cancel_grace_s)
    last = events[-1]
    try:
        if run.broken is not None:
            yield f"K3: {run.broken}"
            return
        highest = max(
            (event.place for event in events if event.kind not in (Kind.TIMER, Kind.STARTED)), default=0
        )
        if highest > run.places:
            yield f"K3: run {run.id!r} has an event at call {highest}, its replay made {run.places} calls"
        if last.kind == Kind.ENDED and not given_up(last):
            yield from _check_end(run, last)
            for call in host.begun:
                yield f"K3: the replay of run {run.id!r}, which has ended, begins call {call.place} ({call.show()})"
        elif after is not None and (run.outcome is None or run.outcome.then is None):
            yield f"K3: run {run.id!r} went over to generation {after.generation}, its replay does not"
        elif after is not None and run.outcome is not None and run.outcome.body != after.args:
            yield f"K3: run {run.id!r} continued with other arguments than its replay does"
        elif after is not None and run.marks != frozenset(after.marks):
            yield f"I11: run {run.id!r} continued with the marks {after.marks}, its replay with {sorted(run.marks)}"
    finally:
        run.evict()


def _check_end(run: Run, ended: Event) -> Iterator[str]:
    outcome = run.outcome
    if outcome is None:
        yield f"K3: run {run.id!r} {ended.name}, its replay has not ended"
    elif outcome.then is not None:
        if not (run.cancelled and ended.name == Status.CANCELLED):
            yield f"K3: run {run.id!r} {ended.name}, its replay goes on as a new generation"
    elif outcome.status != ended.name:
        yield f"K3: run {run.id!r} {ended.name}, its replay {outcome.status}"
    elif run.marks != unmarked(ended.body)[1]:
        yield f"I11: run {run.id!r} ended with {ended.body[:200]!r}, its replay has the marks {sorted(run.marks)}"
    elif not _alike(outcome, plain(ended.body)):
        yield f"K3: run {run.id!r} ended with {ended.body!r}, its replay with {outcome.body!r}"


def given_up(ended: Event) -> bool:
    """Whether a run was cancelled while it was stuck: then its code did not run to that end."""
    return (
        ended.name == Status.CANCELLED and "was stuck and was cancelled" in Failure.decode(ended.body).message
    )


def _alike(outcome: Outcome, body: bytes) -> bool:
    if outcome.status is Status.SUCCEEDED:
        return outcome.body == body
    mine, theirs = Failure.decode(outcome.body), Failure.decode(body)
    return (mine.type_name, mine.message) == (theirs.type_name, theirs.message)
