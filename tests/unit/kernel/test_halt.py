"""Stop: at once, a run with all that it began; nothing of it begins until it is resumed."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from tests.unit.kernel.engine import Engine, engine

from firm.errors import JournalError, RetryableError, RunStuck, UsageError
from firm.kernel import Retry, ask, continue_as, gather, receive, send, step, workflow
from firm.kernel.claims import IN_DOUBT
from firm.kernel.journal import Kind, is_stopped
from firm.kernel.status import Status
from firm.kernel.value import BUILTIN
from firm.store.sqlite import SqliteJournal

DONE: list[str] = []
"""What steps have begun and ended, in order."""


@pytest.fixture(autouse=True)
def forget() -> None:
    DONE.clear()


@step
async def work(name: str, wait_s: float = 0.0) -> str:
    DONE.append(f"begin {name}")
    try:
        await asyncio.sleep(wait_s)
    except asyncio.CancelledError:
        DONE.append(f"cancelled {name}")
        raise
    DONE.append(f"end {name}")
    return name


@step(effect="once")
async def pay(wait_s: float) -> str:
    DONE.append("begin pay")
    await asyncio.sleep(wait_s)
    DONE.append("paid")
    return "paid"


@step(retry=Retry(attempts=3, first_s=0.02))
async def moody() -> None:
    DONE.append("moody")
    raise RetryableError("no")


@workflow
async def leaf(name: str) -> str:
    await receive("go")
    return await work(name)


@workflow
async def branch(name: str) -> list[str]:
    return list(await gather(leaf(f"{name}1"), leaf(f"{name}2")))


@workflow
async def tree() -> list[Any]:
    return list(await gather(branch("a"), branch("b"), work("root")))


@workflow
async def long() -> str:
    return await work("long", 30)


@workflow
async def pays() -> str:
    await work("before")
    return await pay(30)


def story(tell: Callable[[Engine], Coroutine[Any, Any, None]], **options: Any) -> None:
    async def inside() -> None:
        async with engine(**options) as e:
            await tell(e)

    asyncio.run(inside())


async def standing(e: Engine, run_id: str = "run-1") -> Any:
    found = await e.journal.standing(run_id)
    assert found is not None
    return found


async def stopped(e: Engine) -> list[str]:
    return sorted(
        one.run for one in await e.journal.standings() if is_stopped(one.status, one.reason) and not one.owner
    )


async def until_began(name: str, times: int = 1) -> None:
    for _ in range(500):
        if DONE.count(f"begin {name}") >= times:
            return
        await asyncio.sleep(0.002)
    raise AssertionError(DONE)


def test_a_stopped_run_is_stuck_with_the_reason_and_its_attempts_are_cancelled() -> None:
    async def tell(e: Engine) -> None:
        await e.start(long)
        await until_began("long")
        before = await standing(e)
        waiting = asyncio.ensure_future(e.worker.ended("run-1"))
        await asyncio.sleep(0)
        assert await e.worker.halt(["run-1"], "spends too much") == ["run-1"]
        after = await standing(e)
        assert (after.status, after.reason, after.owner) == (Status.STUCK, "stopped: spends too much", "")
        assert after.epoch == before.epoch + 1
        assert e.worker.active == {}
        with pytest.raises(RunStuck, match="firm resume run-1"):
            await waiting
        with pytest.raises(RunStuck, match="was stopped"):
            await e.worker.ended("run-1")
        await asyncio.sleep(0.02)
        assert DONE == ["begin long", "cancelled long"]
        assert e.journal.audit() == []

    story(tell)


def test_what_it_began_is_stopped_with_it_in_memory_or_not() -> None:
    async def tell(e: Engine) -> None:
        await e.start(tree)
        await e.until_status(Status.SUSPENDED, "run-1/2/1")
        await e.start(leaf, "other", id="other")
        halted = await e.worker.halt(["run-1"])
        assert halted == sorted(
            ["run-1", "run-1/1", "run-1/2", "run-1/1/1", "run-1/1/2", "run-1/2/1", "run-1/2/2"]
        )
        assert await stopped(e) == halted
        assert (await standing(e, "other")).status is not Status.STUCK

    story(tell)


def test_a_part_is_stopped_and_the_rest_goes_on() -> None:
    async def tell(e: Engine) -> None:
        await e.start(tree)
        await e.until_status(Status.SUSPENDED, "run-1/2/1")
        assert await e.worker.halt(["run-1/2"]) == ["run-1/2", "run-1/2/1", "run-1/2/2"]
        for run_id in ("run-1/1/1", "run-1/1/2"):
            await e.worker.post(run_id, "go", BUILTIN.encode(1), sender="founder", id="1")
        await e.until_status(Status.SUCCEEDED, "run-1/1")
        assert await stopped(e) == ["run-1/2", "run-1/2/1", "run-1/2/2"]

    story(tell)


def test_resume_takes_the_whole_of_it_up_again() -> None:
    async def tell(e: Engine) -> None:
        await e.start(tree)
        await e.until_status(Status.SUSPENDED, "run-1/2/1")
        await e.worker.halt(["run-1"])
        await e.worker.resume("run-1")
        assert await stopped(e) == []
        for run_id in ("run-1/1/1", "run-1/1/2", "run-1/2/1", "run-1/2/2"):
            await e.worker.post(run_id, "go", BUILTIN.encode(1), sender="founder", id="1")
        assert await e.result(tree) == [["a1", "a2"], ["b1", "b2"], "root"]
        assert DONE.count("begin root") == 1, "a result that was recorded is not made again"
        assert e.journal.audit() == []

    story(tell)


def test_no_mail_wakes_a_stopped_run_and_none_is_lost() -> None:
    async def tell(e: Engine) -> None:
        await e.start(leaf, "x")
        await e.until_status(Status.SUSPENDED)
        await e.worker.halt(["run-1"])
        before = await standing(e)
        await e.worker.post("run-1", "go", BUILTIN.encode(1), sender="founder", id="1")
        await asyncio.sleep(0.1)
        assert await standing(e) == before
        assert await e.journal.claimable(2**60, limit=10) == []
        assert DONE == []
        await e.worker.resume("run-1")
        assert await e.result(leaf) == "x"

    story(tell)


@workflow
async def asks() -> str:
    answer: str = await ask("which?")
    await work(answer)
    return answer


def test_an_answer_waits_for_a_stopped_run() -> None:
    async def tell(e: Engine) -> None:
        await e.start(asks)
        (question,) = await e.until_asked()
        await e.worker.halt(["run-1"])
        await e.worker.answer(question.id, "left", by="founder")
        await asyncio.sleep(0.1)
        assert DONE == []
        assert await stopped(e) == ["run-1"]
        await e.worker.resume("run-1")
        assert await e.result(asks) == "left"

    story(tell)


def test_a_new_worker_does_not_take_up_what_was_stopped() -> None:
    async def inside() -> None:
        journal = SqliteJournal.open(None, threaded=False)
        async with engine(journal=journal) as e:
            await e.start(long)
            await until_began("long")
            await e.worker.halt(["run-1"])
        async with engine(journal=journal) as e:
            await asyncio.sleep(0.1)
            assert await stopped(e) == ["run-1"]
            assert e.worker.active == {}
            await e.worker.resume("run-1")
            await until_began("long", 2)
        journal.close()

    asyncio.run(inside())


class Cut(SqliteJournal):
    """A journal whose claims take effect and are never heard of again."""

    cut = False

    async def claim(self, runs: Any, worker: str) -> Any:
        claimed = await super().claim(runs, worker)
        if self.cut and claimed:
            await asyncio.Event().wait()
        return claimed


def test_a_worker_that_dies_while_it_ends_a_stopped_run_does_not_set_it_free() -> None:
    async def inside() -> None:
        journal = Cut.open(None, threaded=False)
        assert isinstance(journal, Cut)
        async with engine(journal=journal) as e:
            await e.start(tidies)
            await e.until_status(Status.SUSPENDED)
            await e.worker.halt(["run-1"])
            journal.cut = True
            await e.worker.cancel("run-1", by="founder")
            await e.until_status(Status.RUNNING)  # claimed by a worker that will never say so
        journal.cut = False
        async with engine(journal=journal) as e:
            await e.until_status(Status.CANCELLED)
        assert DONE == []
        journal.close()

    asyncio.run(inside())


@workflow
async def tidies() -> None:
    try:
        await receive("never")
    finally:
        await work("finally")


def test_a_stopped_run_can_be_cancelled_and_its_code_does_not_run() -> None:
    async def tell(e: Engine) -> None:
        await e.start(tidies)
        await e.until_status(Status.SUSPENDED)
        await e.worker.halt(["run-1"])
        await e.worker.cancel("run-1", by="founder")
        await e.until_status(Status.CANCELLED)
        assert DONE == []
        assert e.journal.audit() == []

    story(tell)


def test_stopping_again_changes_nothing_and_what_has_ended_is_refused() -> None:
    async def tell(e: Engine) -> None:
        await e.run(work_once, id="ended")
        await e.start(leaf, "x")
        assert await e.worker.halt(["run-1"], "first") == ["run-1"]
        before = await standing(e)
        assert await e.worker.halt(["run-1"], "second") == []
        assert await standing(e) == before
        with pytest.raises(UsageError, match="'ended' has ended"):
            await e.worker.halt(["ended"])
        with pytest.raises(UsageError, match="has ended"):
            await e.worker.halt([])
        with pytest.raises(UsageError, match="no run 'nobody'"):
            await e.worker.halt(["nobody", "run-1"])
        await e.start(leaf, "y", id="run-2")
        assert await e.worker.halt(["ended", "run-2"]) == ["run-2"]
        await e.run(work_once, id="still works")

    story(tell)


@workflow
async def work_once() -> str:
    return await work("once")


def test_an_effect_in_the_middle_is_in_doubt_when_it_is_taken_up_again() -> None:
    async def tell(e: Engine) -> None:
        await e.start(pays)
        await until_began("pay")
        await e.worker.halt(["run-1"])
        assert await e.journal.questions() == []
        await e.worker.resume("run-1")
        (question,) = await e.until_asked()
        assert question.kind == "in doubt"
        await e.until_status(Status.STUCK)
        assert (await standing(e)).reason == IN_DOUBT
        await e.worker.answer(question.id, {"done": "paid by hand"}, by="founder")
        assert await e.result(pays) == "paid by hand"
        assert DONE == ["begin before", "end before", "begin pay"]

    story(tell)


def test_a_run_in_doubt_is_stopped_and_stays_in_doubt() -> None:
    async def tell(e: Engine) -> None:
        await e.start(pays)
        await until_began("pay")
        await e.worker.halt(["run-1"])
        await e.worker.resume("run-1")
        (question,) = await e.until_asked()
        await e.until_status(Status.STUCK)
        assert await e.worker.halt(["run-1"]) == ["run-1"]
        await e.worker.answer(question.id, {"done": "paid"}, by="founder")
        await asyncio.sleep(0.05)
        assert await stopped(e) == ["run-1"]
        await e.worker.resume("run-1")
        assert await e.result(pays) == "paid"

    story(tell)


@workflow
async def retries() -> None:
    await moody()


def test_no_further_attempt_is_made() -> None:
    async def tell(e: Engine) -> None:
        await e.start(retries)
        for _ in range(500):
            if DONE:
                break
            await asyncio.sleep(0.001)
        await e.worker.halt(["run-1"])
        count = len(DONE)
        await asyncio.sleep(0.1)
        assert len(DONE) == count

    story(tell)


class Slow(SqliteJournal):
    """A journal that lets others in between."""

    meanwhile: Callable[[], None] | None = None

    async def append(self, events: Any, also: Any = ()) -> Any:
        await asyncio.sleep(0.005)
        return await super().append(events, also)


@workflow
async def spawns(number: int) -> None:
    await work(str(number))
    if number < 200:
        await gather(spawns(number + 1), sends(number))


@workflow
async def sends(number: int) -> None:
    await work(f"sends {number}")
    await send("sink", "item", number)


def test_nothing_begins_in_a_tree_that_grows_while_it_is_stopped() -> None:
    async def inside() -> None:
        journal = Slow.open(None, threaded=False)
        async with engine(journal=journal) as e:
            await e.start(leaf, "sink", id="sink")
            await e.start(spawns, 0)
            await until_began("5")
            halting = asyncio.ensure_future(e.worker.halt(["run-1"]))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            count = sum(line.startswith("begin") for line in DONE)
            halted = await halting
            await asyncio.sleep(0.1)
            begun = sum(line.startswith("begin") for line in DONE)
            assert begun == count, "from the call on nothing begins"
            unfinished = [one.run for one in await journal.standings() if one.status is not Status.SUCCEEDED]
            assert sorted(unfinished) == sorted([*halted, "sink"])
            assert [one.id for one in e.worker.active.values()] in ([], ["sink"])
            assert journal.audit() == []
        journal.close()

    asyncio.run(inside())


@workflow
async def goes_on(number: int) -> int:
    await work(f"part {number}")
    if number < 1000:
        continue_as(number + 1)
    return number


def test_a_run_that_goes_over_to_its_next_generation_is_stopped_too() -> None:
    async def inside() -> None:
        journal = Slow.open(None, threaded=False)
        async with engine(journal=journal) as e:
            await e.start(goes_on, 1)
            for number in (3, 6, 9):
                await until_began(f"part {number}")
                assert await e.worker.halt(["run-1"]) == ["run-1"]
                count = len(DONE)
                await asyncio.sleep(0.05)
                assert len(DONE) == count
                assert e.worker.active == {}
                await e.worker.resume("run-1")
        journal.close()

    asyncio.run(inside())


def test_a_question_about_a_run_that_could_not_go_on_is_closed_and_asked_anew() -> None:
    async def tell(e: Engine) -> None:
        await e.start(leaf, "x")
        await e.until_status(Status.SUSPENDED)
        stuck = (await standing(e)).epoch
        e.worker._claims.stick("run-1", stuck, "diverged", "for a test")
        # a suspended run can become stuck only by its owner's word; write it as that owner would
        (question,) = await e.until_asked()
        assert await e.worker.halt(["run-1"]) == ["run-1"]
        assert await e.journal.questions() == []
        with pytest.raises(UsageError, match="no longer waits for it"):
            await e.worker.answer(question.id, "resume", by="founder")

    story(tell)


def test_whoever_goes_away_meanwhile_has_stopped_it_all_the_same() -> None:
    async def inside() -> None:
        journal = Slow.open(None, threaded=False)
        async with engine(journal=journal) as e:
            await e.start(long)
            await until_began("long")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.001):
                    await e.worker.halt(["run-1"])
            await e.until_status(Status.STUCK)
            assert await stopped(e) == ["run-1"]
        journal.close()

    asyncio.run(inside())


class Unreadable(SqliteJournal):
    """A journal that cannot be read now and then."""

    failures = 0

    async def standings(self, **options: Any) -> Any:
        if self.failures:
            self.failures -= 1
            raise JournalError("cannot be read just now")
        return await super().standings(**options)


def test_a_journal_that_cannot_be_read_delays_a_stop_and_does_not_undo_it() -> None:
    async def inside() -> None:
        journal = Unreadable.open(None, threaded=False)
        assert isinstance(journal, Unreadable)
        async with engine(journal=journal) as e:
            await e.start(tree)
            await e.until_status(Status.SUSPENDED, "run-1/2/1")
            journal.failures = 2
            assert len(await e.worker.halt(["run-1"])) == 7
        journal.close()

    asyncio.run(inside())


def test_two_stops_at_once_are_one_after_the_other() -> None:
    async def tell(e: Engine) -> None:
        await e.start(tree)
        await e.until_status(Status.SUSPENDED, "run-1/2/1")
        one, other = await asyncio.gather(e.worker.halt(["run-1/2"]), e.worker.halt(["run-1"]))
        assert one == ["run-1/2", "run-1/2/1", "run-1/2/2"]
        assert other == ["run-1", "run-1/1", "run-1/1/1", "run-1/1/2"]
        await e.worker.resume("run-1")
        assert await stopped(e) == []

    story(tell)


def test_an_intent_that_was_on_its_way_is_closed_as_not_done() -> None:
    async def inside() -> None:
        journal = Slow.open(None, threaded=False)
        async with engine(journal=journal) as e:
            await e.start(pays)
            await until_began("before")
            while not any(call.intent for run in e.worker.active.values() for call in run.calls.values()):
                await asyncio.sleep(0)
            await e.worker.halt(["run-1"])
            kinds = [Kind(event.kind) for event in await journal.read("run-1")]
            assert kinds[-2:] == [Kind.INTENT, Kind.ATTEMPT]
            assert "begin pay" not in DONE
            await e.worker.resume("run-1")
            await until_began("pay")
            assert await journal.questions() == []
        journal.close()

    asyncio.run(inside())


@workflow
async def cancels_its_child() -> list[str]:
    task = asyncio.create_task(tidies())
    await receive("cancel it")
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass
    return DONE[:]


def test_a_cancel_by_its_parent_waits_until_a_stopped_run_can_tidy_up() -> None:
    async def tell(e: Engine) -> None:
        await e.start(cancels_its_child)
        await e.until_status(Status.SUSPENDED, "run-1/1")
        await e.worker.halt(["run-1/1"])
        await e.worker.post("run-1", "cancel it", BUILTIN.encode(1), sender="founder", id="1")
        await e.until_status(Status.SUSPENDED)
        await asyncio.sleep(0.05)
        assert await stopped(e) == ["run-1/1"]
        await e.worker.resume("run-1/1")
        await e.result(cancels_its_child)
        assert DONE == ["begin finally", "end finally"]

    story(tell)


def test_cancelling_a_stopped_run_ends_what_it_began_too() -> None:
    async def tell(e: Engine) -> None:
        await e.start(tree)
        await e.until_status(Status.SUSPENDED, "run-1/2/1")
        halted = await e.worker.halt(["run-1"])
        await e.worker.cancel("run-1", by="founder")
        for run_id in halted:
            await e.until_status(Status.CANCELLED, run_id)
        assert e.journal.audit() == []

    story(tell)


def test_another_worker_learns_of_a_stop_when_it_prolongs_its_lease() -> None:
    async def inside() -> None:
        journal = SqliteJournal.open(None, threaded=False)
        async with engine(journal=journal, lease_s=0.3) as one, engine(journal=journal, lease_s=0.3) as two:
            await one.start(long)
            await until_began("long")
            await two.worker.halt(["run-1"])
            await one.until(lambda: nothing_carried(one), what="the news")
            assert DONE == ["begin long"] or DONE == ["begin long", "cancelled long"]
        journal.close()

    asyncio.run(inside())


async def nothing_carried(e: Engine) -> bool:
    return not e.worker.active
