"""Rows that a step puts down: kept with whatever comes of the attempt, for a failed one costs money too."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from tests.unit.kernel.engine import Engine, engine

from firm.errors import RetryableError
from firm.kernel import Done, NotDone, Retry, Row, StepInfo, current_step, first, sleep, step, workflow
from firm.kernel.journal import Also, Event, Halt, Kind
from firm.store.sqlite import SqliteJournal


class Observed(SqliteJournal):
    """A journal that remembers which lines were written together."""

    log: list[tuple[list[Event], list[Also]]]

    async def append(self, events: Sequence[Event], also: Sequence[Also] = ()) -> Any:
        self.log.append((list(events), list(also)))
        return await super().append(events, also)

    def beside(self, key: str) -> list[str]:
        """Kinds of the events in the transaction that wrote this row."""
        return [
            Kind(event.kind).name
            for events, also in self.log
            if any(isinstance(line, Row) and line.key == key for line in also)
            for event in events
        ]


def pay(key: str) -> None:
    current_step().also(Row("costs", key, b"1"))


def observe(story: Any) -> None:
    async def inside() -> None:
        journal = Observed.open(None, threaded=False)
        assert isinstance(journal, Observed)
        journal.log = []
        async with engine(journal=journal) as e:
            await story(e, journal)
        journal.close()

    asyncio.run(inside())


async def keys(e: Engine) -> list[str]:
    return [row.key for row in await e.journal.rows("costs")]


@step(retry=Retry(attempts=3, first_s=0))
async def busy() -> None:
    pay(f"attempt {current_step().attempt}")
    raise RetryableError("busy")


@workflow
async def asks_a_busy_one() -> None:
    await busy()


def test_rows_of_every_failed_attempt_are_written_with_what_became_of_it() -> None:
    async def story(e: Engine, journal: Observed) -> None:
        with pytest.raises(RetryableError):
            await e.run(asks_a_busy_one)
        assert await keys(e) == ["attempt 1", "attempt 2", "attempt 3"]
        assert [journal.beside(f"attempt {number}") for number in (1, 2, 3)] == [
            ["ATTEMPT"],
            ["ATTEMPT"],
            ["FAILED"],
        ]

    observe(story)


@step
async def unstorable() -> int:
    pay("paid")
    return "no number"  # type: ignore[return-value]


@workflow
async def asks_for_a_number() -> int:
    return await unstorable()


def test_rows_of_a_step_whose_result_cannot_be_stored_are_written() -> None:
    async def story(e: Engine, journal: Observed) -> None:
        with pytest.raises(Exception, match="no number"):
            await e.run(asks_for_a_number)
        assert journal.beside("paid") == ["FAILED"]

    observe(story)


async def not_done(key: str) -> NotDone:
    return NotDone()


@step(effect="once", reconcile=not_done)
async def lost() -> str:
    pay(f"attempt {current_step().attempt}")
    if current_step().attempt == 1:
        raise ConnectionError("in the middle")
    return "done"


@workflow
async def loses() -> str:
    return await lost()


def test_rows_of_an_attempt_in_doubt_are_written() -> None:
    async def story(e: Engine, journal: Observed) -> None:
        assert await e.run(loses) == "done"
        assert await keys(e) == ["attempt 1", "attempt 2"]
        assert journal.beside("attempt 2") == ["DONE"]

    observe(story)


@step
async def slow() -> str:
    try:
        await asyncio.sleep(60)
    finally:
        pay("slow")
    return "slow"


@step
async def quick() -> str:
    pay("quick")
    return "quick"


@workflow
async def races() -> str:
    _, winner = await first(slow(), quick())
    await sleep(0.01)
    return winner


def test_rows_of_a_call_that_the_workflow_gave_up_are_written() -> None:
    async def story(e: Engine, journal: Observed) -> None:
        assert await e.run(races) == "quick"
        assert await keys(e) == ["quick", "slow"]
        kinds = [(event.kind, event.place) for event in await e.journal.read("run-1")]
        assert (Kind.FAILED, 1) not in kinds and (Kind.DONE, 1) not in kinds

    observe(story)


@workflow
async def races_and_ends() -> str:
    _, winner = await first(slow(), quick())
    return winner


def test_rows_of_an_attempt_that_the_end_of_its_run_cuts_off_are_not_written() -> None:
    async def story(e: Engine, journal: Observed) -> None:
        assert await e.run(races_and_ends) == "quick"
        assert await keys(e) == ["quick"]

    observe(story)


# --- rows that are written regardless -------------------------------------------------------------------------


def spend(key: str) -> None:
    current_step().also(Row("costs", key, b"1"), regardless=True)


LATE: list[StepInfo] = []


@step
async def spends_when_cancelled() -> str:
    LATE.append(current_step())
    try:
        await asyncio.sleep(60)
    finally:
        pay("with the outcome")
        spend("regardless")
    return ""


@workflow
async def waits_for_it() -> str:
    return await spends_when_cancelled()


@workflow
async def ends_before_it() -> str:
    _, winner = await first(spends_when_cancelled(), quick())
    return winner


async def begin(e: Engine, target: Any) -> None:
    LATE.clear()
    await e.start(target)
    await e.until(began, what="the attempt")


async def began() -> bool:
    return bool(LATE)


def test_what_was_really_spent_is_written_where_the_end_of_the_run_cuts_the_attempt_off() -> None:
    async def story(e: Engine, journal: Observed) -> None:
        assert await e.run(ends_before_it) == "quick"
        await e.worker.commit()
        assert await keys(e) == ["quick", "regardless"]

    observe(story)


def test_what_was_really_spent_is_written_where_the_run_is_stopped() -> None:
    async def story(e: Engine, journal: Observed) -> None:
        await begin(e, waits_for_it)
        await e.worker.halt(["run-1"])
        await asyncio.sleep(0)
        await e.worker.commit()
        assert await keys(e) == ["regardless"]

    observe(story)


def test_what_was_really_spent_is_written_where_the_run_was_lost_to_another() -> None:
    async def story(e: Engine, journal: Observed) -> None:
        await begin(e, waits_for_it)
        run = e.worker.active["run-1"]
        await journal.append([], [Halt("run-1", 5, "stopped")])  # from outside: this worker does not know
        e.worker.write_rows(Row("costs", "stale", b"", run.id, run.epoch))
        await e.until(lambda: gone(e), what="the loss")
        await e.worker.commit()
        assert await keys(e) == ["regardless"]

    observe(story)


async def gone(e: Engine) -> bool:
    return not e.worker.active


def test_what_was_really_spent_is_written_where_the_worker_closes() -> None:
    async def inside() -> None:
        journal = Observed.open(None, threaded=False)
        assert isinstance(journal, Observed)
        journal.log = []
        async with engine(journal=journal) as e:
            await begin(e, waits_for_it)
            await e.worker.stop(grace_s=0)
        assert [row.key for row in await journal.rows("costs")] == ["regardless"]
        journal.close()

    asyncio.run(inside())


def test_what_is_spent_after_the_end_of_an_attempt_is_written_too() -> None:
    async def story(e: Engine, journal: Observed) -> None:
        await begin(e, waits_for_it)
        await e.worker.halt(["run-1"])
        await asyncio.sleep(0)
        LATE[0].also(Row("costs", "late", b"1"), regardless=True)
        LATE[0].also(Row("costs", "late and with the outcome", b"1"))
        await asyncio.sleep(0)
        await e.worker.commit()
        assert await keys(e) == ["late", "regardless"]

    observe(story)


@step
async def spends() -> str:
    spend("spent")
    pay("paid")
    return "done"


@workflow
async def just_spends() -> str:
    return await spends()


def test_where_there_is_an_outcome_all_rows_go_with_it() -> None:
    async def story(e: Engine, journal: Observed) -> None:
        assert await e.run(just_spends) == "done"
        assert (journal.beside("spent"), journal.beside("paid")) == (["DONE"], ["DONE"])

    observe(story)


@step(cpu=True)
def spends_in_a_process() -> str:
    spend("spent")
    pay("paid")
    return "done"


@workflow
async def uses_a_process() -> str:
    return await spends_in_a_process()


def test_rows_of_a_step_in_a_process_are_written() -> None:
    async def story(e: Engine, journal: Observed) -> None:
        assert await e.run(uses_a_process) == "done"
        assert await keys(e) == ["paid", "spent"]

    observe(story)


async def asks_about_it(key: str) -> Done:
    spend("asked")
    return Done("found")


@step(effect="once", reconcile=asks_about_it)
async def lost_for_good() -> str:
    raise ConnectionError("in the middle")


@workflow
async def reconciles() -> str:
    return await lost_for_good()


def test_rows_of_a_reconciler_are_written_with_what_it_found() -> None:
    async def story(e: Engine, journal: Observed) -> None:
        assert await e.run(reconciles) == "found"
        assert journal.beside("asked") == ["DONE"]

    observe(story)
