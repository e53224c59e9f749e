"""Steps: results once, retries, errors as data, threads and processes."""

import asyncio
import logging
import threading
import time
from typing import Any

import msgspec
import pytest
from tests.unit.kernel.engine import engine

from firm.errors import NotSent, RetryableError, StepFailed, TerminalError, UsageError
from firm.kernel import Retry, Row, current_run, current_step, sleep, step, workflow
from firm.kernel.journal import Kind

LOG: list[Any] = []


@pytest.fixture(autouse=True)
def _clean() -> None:
    LOG.clear()


def go(target: Any, *args: Any) -> Any:
    async def inside() -> Any:
        async with engine() as e:
            return await e.run(target, *args)

    return asyncio.run(inside())


@step
async def double(number: int) -> int:
    return 2 * number


@workflow
async def doubles(number: int) -> int:
    return await double(number)


def test_workflow_and_step_are_just_functions_outside_any_firm() -> None:
    assert asyncio.run(doubles(4)) == 8
    assert asyncio.run(double(4)) == 8
    assert square(3) == 9


@step
def square(number: int) -> int:
    LOG.append(threading.current_thread().name)
    return number * number


@workflow
async def squares() -> int:
    return await square(5)


def test_plain_function_as_a_step_runs_in_a_thread_and_is_awaited_in_a_unit_test_too() -> None:
    assert go(squares) == 25
    assert LOG[0].startswith("firm-step")
    assert asyncio.run(squares()) == 25


@step
async def outer() -> int:
    return await double(3) + square.__wrapped__(2)


@workflow
async def nested() -> int:
    return await outer()


def test_step_called_inside_a_step_is_plain_code() -> None:
    async def inside() -> None:
        async with engine() as e:
            assert await e.run(nested) == 10
            kinds = [event.name for event in await e.journal.read("run-1") if event.kind == Kind.DONE]
            assert kinds == ["outer"]

    asyncio.run(inside())


@step(retry=Retry(attempts=3, first_s=0.001))
async def flaky(times: int) -> str:
    LOG.append((current_step().attempt, current_step().key))
    if len(LOG) < times:
        raise RetryableError("not yet")
    return "at last"


@workflow
async def tries(times: int) -> str:
    return await flaky(times)


def test_retryable_error_is_tried_again_with_the_same_key_and_each_attempt_is_in_the_journal() -> None:
    async def inside() -> None:
        async with engine() as e:
            assert await e.run(tries, 3) == "at last"
            assert [attempt for attempt, _ in LOG] == [1, 2, 3]
            assert len({key for _, key in LOG}) == 1
            events = await e.journal.read("run-1")
            assert [event.kind for event in events if event.kind == Kind.ATTEMPT] == [Kind.ATTEMPT] * 2

    asyncio.run(inside())


def test_retries_end() -> None:
    with pytest.raises(RetryableError, match="not yet"):
        go(tries, 99)
    assert len(LOG) == 3


@step(retry=Retry(attempts=2, first_s=0))
async def busy() -> None:
    LOG.append(time.monotonic())
    raise RetryableError("busy", retry_after_s=0.1)


@workflow
async def asks_busy() -> float | None:
    try:
        await busy()
    except RetryableError as error:
        return error.retry_after_s
    return None


def test_retry_waits_at_least_as_long_as_the_error_says_and_the_error_keeps_its_time() -> None:
    assert go(asks_busy) == 0.1
    assert LOG[1] - LOG[0] >= 0.1


@step(timeout_s=0.02, retry=Retry(attempts=2, first_s=0))
async def slow() -> None:
    LOG.append("slow")
    await asyncio.sleep(30)


@workflow
async def waits_for_slow() -> str:
    try:
        await slow()
    except TimeoutError:
        return "time-out"
    return "?"


def test_time_out_of_a_step_is_retried_and_then_raised() -> None:
    assert go(waits_for_slow) == "time-out"
    assert LOG == ["slow", "slow"]


class Mine(Exception):
    pass


@step(raises=(Mine,))
async def raises_mine() -> None:
    raise Mine("a", 1)


@step
async def raises_foreign() -> None:
    raise Mine("b")


@step
async def raises_key() -> None:
    raise KeyError("k")


@step
async def raises_ours() -> None:
    raise TerminalError("over")


@step
async def cancels_itself() -> None:
    raise asyncio.CancelledError("me")


@workflow
async def catches() -> list[str]:
    seen = []
    for call in (raises_mine, raises_foreign, raises_key, raises_ours, cancels_itself):
        try:
            await call()
        except Exception as error:
            seen.append(f"{type(error).__name__} {error}")
    return seen


def test_errors_cross_the_journal_as_their_class_where_it_is_known() -> None:
    assert go(catches) == [
        "Mine ('a', 1)",
        "StepFailed tests.unit.kernel.test_step:Mine: b",
        "KeyError 'k'",
        "TerminalError over",
        "StepFailed asyncio.exceptions:CancelledError: me",
    ]


def test_failed_run_raises_for_whoever_waits() -> None:
    @workflow
    async def fails() -> None:
        await raises_foreign()

    with pytest.raises(StepFailed, match="Mine: b"):
        go(fails)


@step
async def wrong() -> int:
    return "text"  # type: ignore[return-value]


@step
async def foreign() -> Any:
    return object()


@workflow
async def stores_wrong(what: str) -> None:
    await (wrong() if what == "wrong" else foreign())


@pytest.mark.parametrize(
    ("what", "says"), [("wrong", "where int is declared"), ("foreign", "without a declared type")]
)
def test_result_that_cannot_be_stored_is_a_usage_error_in_the_workflow(what: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        go(stores_wrong, what)


class Box(msgspec.Struct):
    items: list[int]


SAME = Box([1])


@step
async def boxed() -> Box:
    return SAME


@step
async def pair() -> Any:
    return [1, (2, 3)]


@workflow
async def sees_copies() -> bool:
    box, two = await boxed(), await pair()
    return box is not SAME and box == SAME and two == [1, (2, 3)]


def test_workflow_sees_the_decoded_value_live_as_in_replay() -> None:
    assert go(sees_copies)


@step(cpu=True)
def heavy(number: int) -> tuple[int, str]:
    import os

    return os.getpid(), "x" * number


@step(cpu=True, retry=Retry(attempts=2, first_s=0))
def heavy_key() -> str:
    info = current_step()
    if info.attempt == 1:
        raise RetryableError("once more")
    return f"{info.name} {info.place} {info.attempt} {info.key}"


@workflow
async def asks_for_key() -> str:
    return await heavy_key()


def test_cpu_step_knows_its_key_in_its_process() -> None:
    from firm.ids import step_key

    assert go(asks_for_key) == f"heavy_key 1 2 {step_key('run-1', 1, 1)}"


@step(cpu=True, timeout_s=0.4)
def heavy_forever() -> None:
    while True:
        pass


@step(cpu=True)
def heavy_failing() -> None:
    raise KeyError("deep")


@step(cpu=True)
def heavy_dying() -> None:
    import os

    os._exit(7)


@workflow
async def uses_processes() -> list[Any]:
    import os

    pid, body = await heavy(100_000)
    seen: list[Any] = [pid != os.getpid(), len(body)]
    for call in (heavy_failing, heavy_dying, heavy_forever):
        try:
            await call()
        except Exception as error:
            seen.append(type(error).__name__)
    return seen


def test_cpu_step_runs_in_a_process_that_can_fail_die_and_be_killed() -> None:
    assert go(uses_processes) == [True, 100_000, "KeyError", "ProcessDied", "TimeoutError"]


@step
async def paid() -> int:
    current_step().also(Row("ledger", "a", b"1"))
    return 1


@workflow
async def pays() -> int:
    return await paid()


def test_rows_of_a_step_are_written_with_its_result() -> None:
    async def inside() -> None:
        async with engine() as e:
            await e.run(pays)
            rows = await e.journal.rows("ledger")
            assert [(row.key, row.value) for row in rows] == [("a", b"1")]

    asyncio.run(inside())


@step
async def waits_inside() -> None:
    await sleep(1)


@step
async def calls_child_inside() -> None:
    await doubles(1)


@workflow
async def misuses(which: int) -> None:
    await (waits_inside() if which == 0 else calls_child_inside())


@pytest.mark.parametrize("which", [0, 1])
def test_waiting_calls_inside_a_step_are_refused(which: int) -> None:
    with pytest.raises(UsageError, match="inside the step"):
        go(misuses, which)


@workflow
async def uses(what: str) -> None:
    import socket

    loop = asyncio.get_running_loop()
    match what:
        case "thread":
            await asyncio.to_thread(print)
        case "executor":
            await loop.run_in_executor(None, print)
        case "connection":
            await asyncio.open_connection("127.0.0.1", 1)
        case "socket":
            with socket.socket() as plug:
                await loop.sock_connect(plug, ("127.0.0.1", 1))
        case "process":
            await asyncio.create_subprocess_exec("true")


@pytest.mark.parametrize("what", ["thread", "executor", "connection", "socket", "process"])
def test_threads_sockets_and_processes_in_a_workflow_are_refused_with_the_way_out(what: str) -> None:
    with pytest.raises(UsageError, match="do it in a @step"):
        go(uses, what)


@workflow
async def forgets() -> int:
    double(1)  # a forgotten await
    return 3


def test_call_that_is_never_awaited_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "firm"):
        assert go(forgets) == 3
    assert "without awaiting these calls: double" in caplog.text


@workflow
async def knows_itself() -> str:
    return current_run().id


def test_current_run_is_there() -> None:
    assert go(knows_itself) == "run-1"
    with pytest.raises(UsageError, match="outside any run"):
        asyncio.run(knows_itself())


@workflow
async def spins() -> None:
    while True:
        await asyncio.sleep(0)


def test_workflow_that_spins_fails_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firm.kernel.loop.MAX_DRAIN", 1000)
    with pytest.raises(UsageError, match="spins"):
        go(spins)


@pytest.mark.parametrize(
    "make",
    [
        lambda: step(effect="twice")(double.__wrapped__),  # type: ignore[call-overload]
        lambda: step(cpu=True)(double.__wrapped__),
        lambda: step(timeout_s=0)(double.__wrapped__),
        lambda: step(reconcile=double)(double.__wrapped__),
        lambda: workflow(lambda: 3),  # type: ignore[arg-type, return-value]
        lambda: Retry(attempts=0),
        lambda: Retry(first_s=-1),
    ],
)
def test_options_that_make_no_sense_are_refused_at_decoration(make: Any) -> None:
    with pytest.raises(UsageError):
        make()


def test_not_sent_is_retryable() -> None:
    assert issubclass(NotSent, RetryableError)
