"""Spans under crashes, lost leases and failing disks: each attempt that the journal knows has its own, once."""

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from firm.kernel import Retry, current_step, gather, step, workflow
from firm.kernel.call import Attempt
from firm.kernel.journal import Event, Kind
from firm.testing import simulate
from firm.testing.door import at_once
from firm.testing.invariant import Evidence
from firm.testing.program import Job, Program, returns
from firm.testing.world import act, look_up
from firm.trace import Recorder, Span, attribute, spans_of
from firm.trace.span import CHAT

OFTEN = Retry(attempts=40, first_s=0.3, max_s=3.0)
RECORDER = Recorder()


def record(error: str = "") -> None:
    attributes: dict[str, Any] = {attribute.ATTEMPT: current_step().attempt}
    RECORDER.record(Span(CHAT, 1, 1, attributes, error))


@step(retry=OFTEN)
async def call(number: int) -> int:
    try:
        await act("repeatable", number)
    except BaseException as error:
        record(type(error).__name__)
        raise
    record()
    return number


@step(effect="once", reconcile=look_up, retry=OFTEN)
async def call_once(number: int) -> int:
    try:
        result: int = await act("once", number)
    except BaseException as error:
        record(type(error).__name__)
        raise
    record()
    return result


@workflow
async def calls() -> int:
    return sum(await gather(*(call(number) for number in range(4)), call_once(4), call_once(5)))


PROGRAM = Program("spans", tuple(Job(f"calls-{number}", calls, expect=returns(15)) for number in range(3)))


def expected(events: list[Event]) -> Iterator[tuple[int, int]]:
    """Place and number of the attempts that `call` surely made, by what the journal says of them."""
    tried: Counter[int] = Counter()
    for event in events:
        if event.kind == Kind.ATTEMPT:
            tried[event.place] = Attempt.decode(event.body).number
        if event.name == "call" and event.kind in (Kind.ATTEMPT, Kind.DONE):
            yield event.place, tried[event.place] + (event.kind == Kind.DONE)


def check_spans(evidence: Evidence) -> Iterator[str]:
    for run, events in evidence.events.items():
        kept = at_once(spans_of(evidence.journal, run))
        found = Counter((one.place, one.attempt) for one in kept)
        if repeated := [where for where, count in found.items() if count > 1]:
            yield f"run {run!r} has two spans of {repeated}"
        if lost := set(expected(events)) - set(found):
            yield f"run {run!r} has no span of {sorted(lost)}"
        for one in kept:
            if one.span.attributes[attribute.ATTEMPT] != one.attempt:
                yield f"run {run!r} keeps a span of attempt {one.span.attributes} under attempt {one.attempt}"


def histories(monkeypatch: pytest.MonkeyPatch, seeds: range) -> tuple[list[str], int]:
    """What was wrong in them, and the number of attempts that failed."""
    failed = 0

    def check(evidence: Evidence, *, cancel_grace_s: float, random: Random) -> Iterator[str]:
        nonlocal failed
        for events in evidence.events.values():
            failed += sum(event.kind == Kind.ATTEMPT for event in events)
        yield from check_spans(evidence)

    monkeypatch.setattr("firm.testing.simulation.check_all", check)
    wrong = [text for seed in seeds for text in simulate(PROGRAM, seed=seed).violations]
    return wrong, failed


def test_every_attempt_that_the_journal_knows_has_its_span_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong, failed = histories(monkeypatch, range(40))
    assert wrong == []
    assert failed > 40, "too little went wrong"


def test_a_planted_loss_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from firm.kernel.attempt import Attempts

    monkeypatch.setattr(Attempts, "_write_rows", lambda self, run, info: self._writer.carries(run))
    wrong, _ = histories(monkeypatch, range(1))
    assert any("has no span" in text for text in wrong)
