"""The laws of replay: the same journal gives the same calls in the same order, from every point of it."""

import asyncio
from typing import Any

import pytest
from tests.laws import corpus
from tests.laws.corpus import CORPUS
from tests.unit.kernel.engine import Engine, engine

from firm.kernel.call import Call
from firm.kernel.definition import workflow_of
from firm.kernel.journal import Event, Kind, NewRun
from firm.kernel.run import Run
from firm.kernel.status import Status


class Silent:
    """A host that carries nothing out and notes what it was asked for."""

    cancel_grace_s = 60.0

    def __init__(self) -> None:
        self.asked: list[str] = []

    def start_call(self, run: Run, call: Call) -> None:
        self.asked.append(f"{call.place} {call.show()}")

    def drop_call(self, run: Run, call: Call) -> None: ...
    def intent_written(self, run: Run, call: Call) -> None: ...
    def attempt_written(self, run: Run, call: Call) -> None: ...
    def record_patch(self, run: Run, name: str) -> None:
        self.asked.append(f"patch {name}")


def replay(target: Any, events: list[Event]) -> tuple[Run, list[str]]:
    host = Silent()
    run = Run(host, events[0].run, events[0].epoch, workflow_of(target))

    async def inside() -> None:
        run.replay(events)
        run.evict()

    asyncio.run(inside())
    return run, host.asked


async def history(target: Any, args: tuple[Any, ...]) -> tuple[Any, list[Event]]:
    async with engine() as e:
        value = await e.run(target, *args)
        return value, await e.journal.read("run-1")


@pytest.mark.parametrize(("target", "args"), CORPUS, ids=lambda item: getattr(item, "__name__", ""))
def test_replay_of_a_whole_history_reaches_the_same_outcome_and_asks_for_nothing(
    target: Any, args: Any
) -> None:
    value, events = asyncio.run(history(target, args))
    run, asked = replay(target, [event for event in events if event.kind != Kind.ENDED])
    assert run.broken is None
    assert asked == []
    assert run.outcome is not None
    assert workflow_of(target).signature.result.decode(run.outcome.body) == value


@pytest.mark.parametrize(("target", "args"), CORPUS, ids=lambda item: getattr(item, "__name__", ""))
def test_replay_of_every_prefix_fits_and_is_a_fixed_point(target: Any, args: Any) -> None:
    _, events = asyncio.run(history(target, args))
    for end in range(1, len(events)):
        run, asked = replay(target, events[:end])
        again, asked_again = replay(target, events[:end])
        assert run.broken is None, f"after {end} events: {run.broken}"
        assert asked == asked_again
        assert again.places == run.places
        known = {event.place for event in events[:end] if event.kind in (Kind.DONE, Kind.FAILED)}
        assert not known & {int(line.split()[0]) for line in asked if not line.startswith("patch")}


TIMELESS = (corpus.failing_group, corpus.locks_and_queues, corpus.cancels, corpus.swallows)
"""Workflows whose outcome does not hang on what o'clock it is."""


@pytest.mark.parametrize("target", [*TIMELESS, corpus.derived, corpus.shared_list, corpus.waits_on_sets])
def test_run_that_is_killed_at_every_event_ends_and_repeats_no_known_result(target: Any) -> None:
    value, events = asyncio.run(history(target, ()))

    async def take_over(end: int) -> tuple[Any, list[Event]]:
        async with engine() as e:
            await seed(e, target, events[:end])
            await e.worker.resume("run-1")
            return await e.result(target), await e.journal.read("run-1")

    for end in range(1, len(events)):
        got, after = asyncio.run(take_over(end))
        assert after[:end] == events[:end], "what was written stays as it was"
        ends = [event.place for event in after if event.kind in (Kind.DONE, Kind.FAILED)]
        assert len(ends) == len(set(ends)), "one outcome for each call"
        if target in TIMELESS:
            assert got == value, f"after {end} events"


async def seed(e: Engine, target: Any, events: list[Event]) -> None:
    """Put a history into a journal as a dead worker would have left it."""
    reference = workflow_of(target).reference
    await e.journal.join("dead", lease_s=None)
    new = NewRun("run-1", reference, "", "", Status.RUNNING, "dead", events[0].at_us)
    await e.journal.append(events, [new])
    e.worker.adopt(workflow_of(target))
    await e.journal.join(e.worker.id, lease_s=None)


def test_replay_with_another_step_stops_and_shows_both_sides() -> None:
    _, events = asyncio.run(history(corpus.swallows, ()))
    run, asked = replay(corpus.leaf_like, events[:-1])
    assert run.broken is not None
    assert "broken('pear')" in run.broken.expected
    assert "work('pear')" in run.broken.got
    assert asked == []


def test_replay_with_other_arguments_stops_and_shows_both_sides() -> None:
    _, events = asyncio.run(history(corpus.swallows, ()))
    run, _ = replay(corpus.other_fruit, events[:-1])
    assert run.broken is not None
    assert "broken('pear')" in run.broken.expected
    assert "broken('plum')" in run.broken.got


def test_replay_of_code_that_makes_fewer_calls_stops() -> None:
    _, events = asyncio.run(history(corpus.swallows, ()))
    run, _ = replay(corpus.does_nothing, events[:-1])
    assert run.broken is not None
    assert "no such call" in run.broken.got
