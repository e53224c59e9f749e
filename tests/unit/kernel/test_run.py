"""Runs: messages, children, cancelling, waiting for free, generations, versions."""

import asyncio
import gc
import logging
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.kernel.engine import Engine, engine

from firm.errors import DeadlineExceeded, JournalError, ReplayDiverged, RunCancelled, RunStuck, UsageError
from firm.kernel import (
    Status,
    ask,
    continue_as,
    gather,
    now,
    patched,
    receive,
    send,
    sleep,
    step,
    workflow,
)
from firm.kernel.definition import workflow_of
from firm.kernel.journal import Kind
from firm.kernel.value import BUILTIN
from firm.store.sqlite import SqliteJournal

LOG: list[Any] = []


@pytest.fixture(autouse=True)
def _clean() -> None:
    LOG.clear()


@step
async def note(what: str) -> str:
    LOG.append(what)
    return what


@step
async def hang(what: str) -> None:
    LOG.append(what)
    await asyncio.sleep(60)


async def post(
    e: Engine, value: Any, *, topic: str = "news", id: str = "m1", sender: str = "founder"
) -> None:
    await e.worker.post("run-1", topic, BUILTIN.encode(value), sender=sender, id=id)


# --- messages ------------------------------------------------------------------------------------------------


@workflow
async def listens(count: int) -> list[Any]:
    return [await receive("news") for _ in range(count)]


def test_messages_arrive_once_in_order_and_wake_an_evicted_run() -> None:
    async def inside() -> None:
        async with engine() as e:
            await e.start(listens, 3)
            await e.until_status(Status.SUSPENDED)
            assert not e.worker.active
            for number in range(3):
                await post(e, number, id=f"m{number}")
                await post(e, number, id=f"m{number}")
            assert await e.result(listens) == [0, 1, 2]

    asyncio.run(inside())


def test_message_to_nobody_or_to_an_ended_run_is_refused() -> None:
    async def inside() -> None:
        async with engine() as e:
            with pytest.raises(UsageError, match="there is no run"):
                await post(e, 1)
            await e.run(listens, 0)
            with pytest.raises(UsageError, match="has ended: it succeeded"):
                await post(e, 1)

    asyncio.run(inside())


@workflow
async def talks_to_nobody() -> str:
    try:
        await send("nobody", "news", 1)
    except UsageError as error:
        return str(error)
    return "?"


def test_send_to_nobody_is_a_usage_error_in_the_sender() -> None:
    async def inside() -> None:
        async with engine() as e:
            assert "there is no run 'nobody'" in await e.run(talks_to_nobody)

    asyncio.run(inside())


@workflow
async def hears_late() -> list[Any]:
    seen = []
    try:
        await receive("news", timeout_s=0.02)
    except TimeoutError:
        seen.append("silence")
    await receive("go")
    seen.append(await receive("news"))
    return seen


def test_message_that_comes_after_a_time_out_is_kept() -> None:
    async def inside() -> None:
        async with engine() as e:
            await e.start(hears_late)
            await asyncio.sleep(0.05)
            await post(e, "kept")
            await post(e, 1, topic="go", id="m2")
            assert await e.result(hears_late) == ["silence", "kept"]

    asyncio.run(inside())


# --- waiting is free -----------------------------------------------------------------------------------------


@workflow
async def waits_long() -> str:
    async with asyncio.timeout(3600):
        await asyncio.gather(sleep(30 * 86_400), receive("never"), asyncio.Event().wait())
    return "?"


def test_run_in_which_everything_waits_leaves_memory() -> None:
    async def inside() -> None:
        async with engine() as e:
            await e.start(waits_long, id="leaves")
            await e.until_status(Status.SUSPENDED, "leaves")
            assert not e.worker.active
            assert not e.worker._idle
            gc.collect()
            assert not [
                thing for thing in gc.get_objects() if type(thing).__name__ == "Run" and thing.id == "leaves"
            ]
            standing = await e.journal.standing("leaves")
            assert standing is not None and standing.wake_at_us is not None
            hour = datetime.now(UTC) + timedelta(hours=1)
            assert abs(standing.wake_at_us / 1e6 - hour.timestamp()) < 60

    asyncio.run(inside())


def test_timer_wakes_an_evicted_run() -> None:
    @workflow
    async def naps() -> float:
        begin = now()
        await sleep(0.3)
        return (now() - begin).total_seconds()

    async def inside() -> None:
        async with engine() as e:
            await e.start(naps)
            await e.until_status(Status.SUSPENDED)
            assert await e.result(naps) >= 0.3

    asyncio.run(inside())


@workflow
async def cleans_up() -> str:
    try:
        await receive("go")
    finally:
        LOG.append("finally")
        await note("in finally")
    return "went"


def test_eviction_runs_no_step_in_a_finally_and_is_not_a_cancel() -> None:
    async def inside() -> None:
        async with engine() as e:
            await e.start(cleans_up)
            await e.until_status(Status.SUSPENDED)
            assert LOG == ["finally"], "plain code in finally may run; the step must not"
            assert len(await e.journal.read("run-1")) == 1
            await post(e, 1, topic="go")
            assert await e.result(cleans_up) == "went"
            assert LOG == ["finally", "finally", "in finally"]

    asyncio.run(inside())


@workflow
async def holds_on() -> str:
    while True:
        try:
            return await receive("go")
        except BaseException:
            LOG.append("swallowed")


def test_code_that_swallows_the_eviction_is_evicted_anyway_with_one_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def inside() -> None:
        async with engine() as e:
            await e.start(holds_on)
            await e.until_status(Status.SUSPENDED)
            assert 1 <= len(LOG) <= 10
            await post(e, "now", topic="go")
            assert await e.result(holds_on) == "now"

    with caplog.at_level(logging.WARNING, "firm"):
        asyncio.run(inside())
    assert caplog.text.count("swallowed Evicted") == 1


# --- children ------------------------------------------------------------------------------------------------


@workflow
async def leaf(what: str) -> str:
    if what == "bad":
        raise ValueError("bad leaf")
    if what == "long":
        await hang("long")
    return await note(what)


@workflow
async def parent(names: list[str]) -> list[str]:
    return await gather(*(leaf(name) for name in names), limit=2)


def test_children_are_runs_of_their_own() -> None:
    async def inside() -> None:
        async with engine() as e:
            assert await e.run(parent, ["a", "b", "c"]) == ["a", "b", "c"]
            standings = await e.journal.standings(parent="run-1")
            assert sorted(one.run for one in standings) == ["run-1/1", "run-1/2", "run-1/3"]

    asyncio.run(inside())


def test_failure_of_a_child_is_raised_in_the_parent_and_the_others_are_cancelled() -> None:
    async def inside() -> None:
        async with engine() as e:
            with pytest.raises(ValueError, match="bad leaf"):
                await e.run(parent, ["long", "bad"])
            assert await e.status("run-1/1") is Status.CANCELLED
            assert await e.status("run-1/2") is Status.FAILED

    asyncio.run(inside())


@workflow
async def leaves_a_child() -> str:
    asyncio.create_task(leaf("beside"))  # noqa: RUF006
    await sleep(0.01)
    return "done before it"


def test_run_ends_when_its_children_have_ended() -> None:
    async def inside() -> None:
        async with engine() as e:
            assert await e.run(leaves_a_child) == "done before it"
            assert await e.status("run-1/1") is Status.SUCCEEDED

    asyncio.run(inside())


def test_wrong_arguments_of_a_child_are_raised_at_the_call() -> None:
    @workflow
    async def calls_wrongly() -> None:
        await leaf(3)  # type: ignore[arg-type]

    async def inside() -> None:
        async with engine() as e:
            with pytest.raises(UsageError, match="argument 'what'"):
                await e.run(calls_wrongly)

    asyncio.run(inside())


# --- cancelling ----------------------------------------------------------------------------------------------


@workflow
async def tidy() -> None:
    try:
        await hang("work")
    finally:
        await note("tidied")


def test_cancel_runs_steps_in_finally_and_the_run_is_cancelled() -> None:
    async def inside() -> None:
        async with engine() as e:
            await e.start(tidy)
            await asyncio.sleep(0.02)
            await e.worker.cancel("run-1", by="founder")
            await e.worker.cancel("run-1", by="founder")
            with pytest.raises(Exception, match="CancelledError"):
                await e.result(tidy)
            assert await e.status() is Status.CANCELLED
            assert LOG == ["work", "tidied"]
            with pytest.raises(UsageError, match="has ended: it cancelled"):
                await e.worker.cancel("run-1", by="founder")

    asyncio.run(inside())


@workflow
async def stubborn() -> str:
    try:
        await receive("never")
    except asyncio.CancelledError:
        return await note("finished all the same")
    return "?"


def test_cancel_wakes_an_evicted_run_and_one_that_returns_all_the_same_has_succeeded() -> None:
    async def inside() -> None:
        async with engine() as e:
            await e.start(stubborn)
            await e.until_status(Status.SUSPENDED)
            await e.worker.cancel("run-1", by="founder")
            assert await e.result(stubborn) == "finished all the same"

    asyncio.run(inside())


@workflow
async def never_stops() -> None:
    while True:
        try:
            await hang("again")
        except asyncio.CancelledError:
            pass


def test_cancelled_run_that_does_not_stop_is_stopped_after_its_grace_time() -> None:
    async def inside() -> None:
        async with engine(cancel_grace_s=0.1) as e:
            await e.start(never_stops)
            await asyncio.sleep(0.02)
            await e.worker.cancel("run-1", by="founder")
            await e.until_status(Status.CANCELLED)

    asyncio.run(inside())


@workflow
async def family() -> None:
    await gather(leaf("long"), leaf("long"))


def test_cancel_goes_down_to_the_children() -> None:
    async def inside() -> None:
        async with engine() as e:
            await e.start(family)

            async def begun() -> bool:
                return LOG == ["long", "long"]

            await e.until(begun)
            await e.worker.cancel("run-1", by="founder")
            await e.until_status(Status.CANCELLED)
            assert {one.status for one in await e.journal.standings()} == {Status.CANCELLED}

    asyncio.run(inside())


@workflow
async def looks_after(child: str) -> str:
    try:
        return await leaf(child)
    except RunCancelled as error:
        return str(error)


def test_child_that_somebody_cancelled_is_told_to_the_parent() -> None:
    async def inside() -> None:
        async with engine() as e:
            await e.start(looks_after, "long")
            await asyncio.sleep(0.05)
            await e.worker.cancel("run-1/1", by="founder")
            assert "child run 'run-1/1' was cancelled" in await e.result(looks_after)

    asyncio.run(inside())


# --- questions -----------------------------------------------------------------------------------------------


@workflow
async def asks(deadline: float | None, default: str | None) -> str:
    return await ask("which way?", options=["left", "right"], default=default, deadline=deadline)


def test_answer_wakes_the_run_and_the_first_one_counts() -> None:
    async def inside() -> None:
        async with engine() as e:
            await e.start(asks, None, None)
            (question,) = await e.until_asked()
            await e.until_status(Status.SUSPENDED)
            with pytest.raises(UsageError, match=r"takes one of \['left', 'right'\], not 'up'"):
                await e.worker.answer(question.id, "up", by="founder")
            await e.worker.answer(question.id, "left", by="founder")
            with pytest.raises(UsageError, match="answered already, by founder"):
                await e.worker.answer(question.id, "right", by="founder")
            assert await e.result(asks) == "left"

    asyncio.run(inside())


def test_two_answers_at_once_are_one() -> None:
    async def inside() -> None:
        async with engine() as e:
            await e.start(asks, None, None)
            (question,) = await e.until_asked()
            got = await asyncio.gather(
                e.worker.answer(question.id, "left", by="phone"),
                e.worker.answer(question.id, "right", by="laptop"),
                return_exceptions=True,
            )
            assert sum(isinstance(one, UsageError) for one in got) == 1
            assert await e.result(asks) == "left"

    asyncio.run(inside())


@pytest.mark.parametrize("idle_s", [0.02, 10.0])
def test_default_is_taken_at_the_deadline_evicted_or_not(idle_s: float) -> None:
    async def inside() -> None:
        async with engine(idle_s=idle_s) as e:
            assert await e.run(asks, 0.1, "right") == "right"
            (question,) = await e.journal.questions(open_only=False)
            assert question.by == "deadline"

    asyncio.run(inside())


def test_deadline_without_a_default_is_an_error() -> None:
    async def inside() -> None:
        async with engine() as e:
            with pytest.raises(DeadlineExceeded, match="nobody answered 'which way"):
                await e.run(asks, 0.05, None)

    asyncio.run(inside())


@workflow
async def asks_and_leaves() -> str:
    try:
        await asyncio.wait_for(ask("still there?"), 0.05)
    except TimeoutError:
        return "left"
    return "?"


def test_question_that_nobody_waits_for_any_more_leaves_the_inbox() -> None:
    async def inside() -> None:
        async with engine() as e:
            assert await e.run(asks_and_leaves) == "left"
            assert await e.journal.questions() == []

    asyncio.run(inside())


@pytest.mark.parametrize(
    "options",
    [
        {"options": []},
        {"options": ["a"], "default": "b"},
        {"deadline": -1},
        {"deadline": datetime(2030, 1, 1)},
    ],
)
def test_question_that_makes_no_sense_is_refused(options: dict[str, Any]) -> None:
    @workflow
    async def asks_badly() -> None:
        await ask("?", **options)

    async def inside() -> None:
        async with engine() as e:
            with pytest.raises(UsageError):
                await e.run(asks_badly)

    asyncio.run(inside())


# --- ids, joining, bad input ---------------------------------------------------------------------------------


def test_same_id_joins_and_other_work_under_it_is_refused() -> None:
    async def inside() -> None:
        async with engine() as e:
            await asyncio.gather(*(e.start(leaf, "a") for _ in range(3)))
            assert await e.result(leaf) == "a"
            await e.start(leaf, "a")
            assert LOG == ["a"]
            with pytest.raises(UsageError, match="exists already"):
                await e.start(leaf, "b")
            with pytest.raises(UsageError, match="exists already"):
                await e.start(listens, 1)

    asyncio.run(inside())


@pytest.mark.parametrize("id", ["", "a\x00b", "x" * 201, " a", "a\n", "\ud800"])
def test_bad_ids_are_refused(id: str) -> None:
    async def inside() -> None:
        async with engine() as e:
            with pytest.raises(UsageError):
                await e.start(leaf, "a", id=id)

    asyncio.run(inside())


def test_what_is_no_workflow_and_arguments_that_do_not_fit_are_refused_before_anything_is_written() -> None:
    async def inside() -> None:
        async with engine() as e:
            for target, args in ((note, ("a",)), (print, ()), (leaf, ()), (leaf, (3,)), (leaf, ("a", "b"))):
                with pytest.raises(UsageError):
                    await e.start(target, *args)
            assert await e.journal.standings() == []

    asyncio.run(inside())


def test_waiting_for_a_run_that_is_not_there_is_an_error() -> None:
    async def inside() -> None:
        async with engine() as e:
            with pytest.raises(UsageError, match="there is no run 'x'"):
                await e.worker.ended("x")

    asyncio.run(inside())


# --- generations ---------------------------------------------------------------------------------------------


@workflow
async def counts(number: int) -> list[Any]:
    await leaf(f"child {number}")
    if number == 2:
        await receive("go")
    if number < 4:
        continue_as(number + 1)
    return [number, await receive("kept")]


def test_continue_as_keeps_id_and_unread_messages_and_result_follows() -> None:
    async def inside() -> None:
        async with engine() as e:
            await e.start(counts, 1)
            await e.until_status(Status.SUSPENDED)
            await post(e, "message", topic="kept", id="k")
            await post(e, 1, topic="go", id="g")
            assert await e.result(counts) == [4, "message"]
            assert [f"child {number}" for number in (1, 2, 3, 4)] == LOG
            assert len(await e.journal.read("run-1")) < 8
            whole = await e.journal.read("run-1", whole=True)
            assert [event.seq for event in whole] == list(range(len(whole)))
            assert sum(event.kind == Kind.STARTED for event in whole) == 4

    asyncio.run(inside())


@pytest.mark.parametrize("what", ["steps", "timers"])
def test_generation_that_grows_too_long_fails_with_the_way_out(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firm.kernel.carrier.MAX_RUN_EVENTS", 520 if what == "steps" else 20)

    @workflow
    async def goes_on() -> None:
        for number in range(100):
            await (note(str(number)) if what == "steps" else sleep(0.001))

    async def inside() -> None:
        async with engine() as e:
            with pytest.raises(UsageError, match="continue_as"):
                await e.run(goes_on)

    asyncio.run(inside())


# --- change of code ------------------------------------------------------------------------------------------

CODE: dict[str, Any] = {"new": False}


@workflow
async def changing() -> list[str]:
    seen = [await note("one")]
    if CODE["new"] and patched("polish"):
        seen.append(await note("polish"))
    await receive("go")
    if CODE["new"] and patched("later"):
        seen.append(await note("later"))
    return seen


def test_patched_is_false_where_history_went_by_and_true_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CODE, "new", False)

    async def inside() -> None:
        journal = SqliteJournal.open(None, threaded=False)
        async with engine(journal=journal) as e:
            await e.start(changing)
            await e.until_status(Status.SUSPENDED)
        CODE["new"] = True
        monkeypatch.setattr(workflow_of(changing), "code", "another")
        async with engine(journal=journal) as e:
            await post(e, 1, topic="go")
            assert await e.result(changing) == ["one", "later"]
        async with engine() as e:
            await e.start(changing)
            await post(e, 1, topic="go")
            assert await e.result(changing) == ["one", "polish", "later"]

    asyncio.run(inside())


STEPS = {"name": "one"}


@workflow
async def diverging() -> str:
    await note(STEPS["name"])
    return await receive("go")


def test_diverging_run_is_stuck_with_the_difference_and_goes_on_once_the_code_is_right() -> None:
    async def inside() -> None:
        journal = SqliteJournal.open(None, threaded=False)
        STEPS["name"] = "one"
        async with engine(journal=journal) as e:
            await e.start(diverging)
            await e.until_status(Status.SUSPENDED)
        STEPS["name"] = "two"
        async with engine(journal=journal) as e:
            waiting = asyncio.create_task(e.result(diverging))
            await asyncio.sleep(0)
            await post(e, "x", topic="go")
            with pytest.raises(ReplayDiverged) as caught:
                await waiting
            assert (caught.value.expected, caught.value.got) == ("note('one')", "note('two')")
            await e.until_status(Status.STUCK)
            (question,) = await e.journal.questions()
            assert question.kind == "stuck"
            assert "the journal has note('one'), the code made note('two')" in question.text
            with pytest.raises(RunStuck, match="diverged"):
                await e.worker.ended("run-1")
            STEPS["name"] = "one"
            await e.worker.answer(question.id, "resume", by="founder")
            assert await e.result(diverging) == "x"

    asyncio.run(inside())


def test_run_that_is_resumed_in_the_moment_it_gets_stuck_goes_on() -> None:
    async def inside() -> None:
        journal = SqliteJournal.open(None, threaded=False)
        STEPS["name"] = "one"
        async with engine(journal=journal) as e:
            await e.start(diverging)
            await e.until_status(Status.SUSPENDED)
        STEPS["name"] = "two"
        async with engine(journal=journal) as e:
            waiting = asyncio.create_task(e.result(diverging))
            await asyncio.sleep(0)
            await post(e, "x", topic="go")
            with pytest.raises(ReplayDiverged):
                await waiting
            STEPS["name"] = "one"
            await e.worker.resume("run-1")
            assert await e.result(diverging) == "x"

    asyncio.run(inside())


def test_stuck_run_can_be_cancelled() -> None:
    async def inside() -> None:
        journal = SqliteJournal.open(None, threaded=False)
        STEPS["name"] = "one"
        async with engine(journal=journal) as e:
            await e.start(diverging)
            await e.until_status(Status.SUSPENDED)
        STEPS["name"] = "two"
        async with engine(journal=journal) as e:
            await post(e, "x", topic="go")
            await e.until_status(Status.STUCK)
            await e.worker.cancel("run-1", by="founder")
            await e.until_status(Status.CANCELLED)
            assert await e.journal.questions() == []

    asyncio.run(inside())


def versioned(version: str) -> Any:
    @workflow(version=version)
    async def flow() -> str:
        return await receive("go")

    return flow


def test_run_of_another_version_waits_for_a_person() -> None:
    async def inside() -> None:
        journal = SqliteJournal.open(None, threaded=False)
        one, two = versioned("1"), versioned("2")
        async with engine(journal=journal) as e:
            await e.start(one)
            await e.until_status(Status.SUSPENDED)
        async with engine(journal=journal) as e:
            e.worker.adopt(workflow_of(two))
            await post(e, "x", topic="go")
            await e.until_status(Status.STUCK)
            standing = await e.journal.standing("run-1")
            assert standing is not None and standing.reason.startswith(
                "needs migration: it was started by version '1'"
            )
            await e.worker.resume("run-1")
            assert await e.result(two) == "x"

    asyncio.run(inside())


def test_run_whose_code_is_not_there_waits_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    async def inside() -> None:
        journal = SqliteJournal.open(None, threaded=False)
        local = versioned("")
        async with engine(journal=journal) as e:
            await e.start(local)
            await e.until_status(Status.SUSPENDED)
        async with engine(journal=journal) as e:
            await post(e, "x", topic="go")

            async def said() -> bool:
                standing = await journal.standing("run-1")
                return standing is not None and standing.reason.startswith("waits for its code")

            await e.until(said)
            e.worker.adopt(workflow_of(local))
            await e.worker.resume("run-1")
            assert await e.result(local) == "x"

    asyncio.run(inside())
    assert "stands inside a function" in caplog.text


# --- stopping ------------------------------------------------------------------------------------------------


def test_stop_sets_runs_down_and_another_worker_goes_on() -> None:
    async def inside() -> None:
        journal = SqliteJournal.open(None, threaded=False)
        async with engine(journal=journal) as e:
            await e.start(parent, ["a", "long"])
            await asyncio.sleep(0.05)
        assert LOG == ["a", "long"]
        assert {one.status for one in await journal.standings()} == {Status.SUSPENDED, Status.SUCCEEDED}
        async with engine(journal=journal) as e:
            await asyncio.sleep(0.05)
            assert LOG == ["a", "long", "long"]

    asyncio.run(inside())


def test_waiting_for_a_result_while_the_firm_closes_says_so() -> None:
    async def inside() -> None:
        async with engine() as e:
            await e.start(listens, 1)
            waiting = asyncio.create_task(e.worker.ended("run-1"))
            await asyncio.sleep(0)
            await e.worker.stop(grace_s=0)
            with pytest.raises(RunStuck, match="the firm was closed"):
                await waiting
            with pytest.raises(UsageError, match="closing"):
                await e.start(listens, 1, id="run-2")

    asyncio.run(inside())


# --- code that changed on disk while runs waited ---------------------------------------------------------------

BEFORE = """
from firm.kernel import receive, step, workflow

@step
async def note(what: str) -> str:
    return what

@workflow
async def flow() -> str:
    return await note("{first}") + await receive("go")
"""


@pytest.mark.parametrize(("after", "status"), [("two", Status.STUCK), ("one", Status.SUSPENDED)])
def test_waiting_run_is_checked_against_changed_code_as_soon_as_the_engine_starts(
    tmp_path: Path, after: str, status: Status
) -> None:
    from firm.kernel import code

    file = tmp_path / "flows.py"

    def load_flow(first: str, comment: str = "") -> Any:
        for name in [name for name in sys.modules if name.startswith(code.FILE_MODULE)]:
            del sys.modules[name]
        file.write_text(BEFORE.format(first=first) + comment)
        return code.load(f"{file}:flow")

    async def inside() -> None:
        journal = SqliteJournal.open(None, threaded=False)
        async with engine(journal=journal) as e:
            await e.start(load_flow("one"))
            await e.until_status(Status.SUSPENDED)
        flow = load_flow(after, "# changed\n")
        async with engine(journal=journal) as e:
            await asyncio.sleep(0.1)
            assert await e.status() is status
            if status is Status.STUCK:
                (question,) = await e.journal.questions()
                assert "needs migration" in question.text
                assert "the journal has note('one'), the code made note('two')" in question.text
            else:
                await post(e, "!", topic="go")
                assert await e.result(flow) == "one!"

    asyncio.run(inside())


def test_result_larger_than_an_event_may_be_comes_back_whole(tmp_path: Path) -> None:
    @step
    async def large() -> bytes:
        LOG.append("large")
        return b"x" * 3_000_000

    @workflow
    async def keeps_large() -> int:
        size = len(await large())
        await receive("go")
        return size

    async def inside() -> None:
        async with engine(tmp_path) as e:
            await e.start(keeps_large)
            await e.until_status(Status.SUSPENDED)
            assert list((tmp_path / "blobs").rglob("*"))
            await post(e, 1, topic="go")
            assert await e.result(keeps_large) == 3_000_000
            assert LOG == ["large"]

    asyncio.run(inside())


@workflow
async def parent_that_changes() -> str:
    child = asyncio.create_task(listens(1))
    await note(STEPS["name"])
    return str(await child)


def test_children_of_a_stuck_run_are_cancelled_with_it_though_the_journal_cannot_be_read_at_once() -> None:
    async def inside() -> None:
        journal = SqliteJournal.open(None, threaded=False)
        STEPS["name"] = "one"
        async with engine(journal=journal) as e:
            await e.start(parent_that_changes)
            await e.until_status(Status.SUSPENDED)
            child = (await journal.standings(parent="run-1"))[0].run
        STEPS["name"] = "two"
        async with engine(journal=journal) as e:
            await e.worker.resume("run-1")
            await e.until_status(Status.STUCK)
            read, failures = journal.standings, [JournalError("not just now")]

            async def standings(**options: Any) -> Any:
                if options.get("parent") and failures:
                    raise failures.pop()
                return await read(**options)

            journal.standings = standings  # type: ignore[method-assign]
            await e.worker.cancel("run-1", by="founder")
            await e.until_status(Status.CANCELLED, child)
            assert not failures
            assert e.worker.fatal is None

    asyncio.run(inside())
