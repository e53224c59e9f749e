"""What workflow code calls: time, chance, messages, questions, fan-out.

One rule: inside a run everything here is derived from the journal, so that a replay sees the same; outside any
run the calls that make sense there work on plain asyncio.
"""

import asyncio
import random as _random
import uuid as _uuid
from collections.abc import AsyncIterator, Awaitable, Coroutine, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Never, TypeVar

from firm.errors import UsageError
from firm.ids import check_id, digest
from firm.kernel.call import Ask, Send
from firm.kernel.context import StepInfo, current, workflow_here
from firm.kernel.failure import readable
from firm.kernel.question import stakes_of
from firm.kernel.run import Run
from firm.kernel.signal import ContinueAs
from firm.kernel.value import BUILTIN, encode_input

T = TypeVar("T")
MAX_SLEEP_S = 100 * 366 * 86_400.0


def _run_or_none(what: str) -> Run | None:
    return workflow_here(what) if current.get() is not None else None


async def sleep(seconds: float | timedelta) -> None:
    """Wait, for free if it is long; a durable timer inside a run, `asyncio.sleep` outside.

    Args:
        seconds: 0 to 100 years.
    """
    _run_or_none("sleep()")
    wait_s = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
    if not 0 <= wait_s <= MAX_SLEEP_S:
        raise UsageError(f"sleep({seconds!r}): give seconds from 0 to {MAX_SLEEP_S:.0f}")
    await asyncio.sleep(wait_s)


def now() -> datetime:
    """The time, UTC: inside a workflow that of the last event, elsewhere that of the clock."""
    here = current.get()
    if here is None or isinstance(here, StepInfo):
        return datetime.now(UTC)
    return datetime.fromtimestamp(here.loop.now_us / 1e6, UTC)


def uuid() -> _uuid.UUID:
    """A UUID; inside a workflow derived from run, place and counter."""
    here = current.get()
    if here is None or isinstance(here, StepInfo):
        return _uuid.uuid4()
    seed = digest("firm/uuid", here.id, here.generation, here.places, here.count("uuid"))
    return _uuid.UUID(seed, version=4)


def random() -> _random.Random:
    """A generator of randomness; inside a workflow seeded from run, place and counter."""
    here = current.get()
    if here is None or isinstance(here, StepInfo):
        return _random.Random()
    return _random.Random(digest("firm/random", here.id, here.generation, here.places, here.count("random")))


async def receive(topic: str, *, timeout_s: float | None = None) -> Any:
    """The next message on a topic, in order per sender.

    Raises:
        TimeoutError: none came within `timeout_s` seconds.
        UsageError: outside a workflow.
    """
    return await workflow_here("receive()").receive(check_id(topic, "topic"), timeout_s)


def send(run_id: str, topic: str, value: Any, *, id: str | None = None) -> Coroutine[Any, Any, None]:
    """Send a message to another run; durable when it returns, delivered exactly once.

    Args:
        run_id: Of the receiver.
        topic: 1..200 characters.
        value: Builtins.
        id: Two sends of this run with the same id are one.

    Raises:
        UsageError: the run is not there or has ended, or the value cannot be stored.
    """
    here = workflow_here("send()")
    what = Send(
        check_id(run_id, "run id"),
        check_id(topic, "topic"),
        BUILTIN.encode(value),
        "" if id is None else "id:" + check_id(id, "message id"),
    )
    return here.call_other(what, "send", encode_input((run_id, topic, what.value), {}))


def ask(
    question: str,
    *,
    options: Iterable[Any] | None = None,
    default: Any = None,
    deadline: float | timedelta | datetime | None = None,
    one_way: bool = False,
    waiting: str | float = "",
) -> Coroutine[Any, Any, Any]:
    """Ask the founder, and wait for the answer at no cost. The first valid answer counts.

    Args:
        question: In plain words.
        options: The answers allowed; None: any.
        default: The answer that is taken at the deadline; None: there is none.
        deadline: Seconds from now, or a datetime with a time zone; None: waits for ever.
        one_way: What is decided cannot be taken back: the founder is told so, and no default is ever taken.
        waiting: What waiting costs, which the founder is told: plain words, or a number: US dollars a day.

    Outside any run the default is the answer, so that unit tests need no engine.

    Raises:
        DeadlineExceeded: nobody answered in time and there is no default.
        UsageError: outside any run without a default, inside a step, the default is none of the options, or a
            one-way decision with a default.
    """
    if one_way and default is not None:
        raise UsageError(
            f"ask({question!r}, one_way=True, default={default!r}): a decision that cannot be taken back never falls "
            "to a default; leave default= out, and with a deadline catch DeadlineExceeded"
        )
    if current.get() is None and default is not None:
        return _at_once(default)
    here = workflow_here("ask()")
    allowed = None if options is None else list(options)
    if allowed is not None and not allowed:
        raise UsageError(f"ask({question!r}): options is empty; give at least one, or None")
    if allowed is not None and default is not None and default not in allowed:
        raise UsageError(f"ask({question!r}): the default {default!r} is none of the options {allowed!r}")
    question = readable(question)
    stakes = stakes_of(waiting, one_way=one_way, marks=here.marks)
    until_us = _deadline_us(here, deadline)
    what = Ask(question, allowed, _default(default), until_us, detail=stakes.encode())
    BUILTIN.encode(allowed)
    named: dict[str, Any] = {"one_way": True} if one_way else {}
    if waiting != "":
        named["waiting"] = waiting
    return here.call_other(what, "ask", encode_input((question, allowed), named))


def put_question(
    kind: str,
    text: str,
    *,
    options: list[Any] | None,
    detail: bytes = b"",
    deadline_us: int | None = None,
    default: Any = None,
) -> Coroutine[Any, Any, Any]:
    """Put a question of a kind of one's own to the founder; as `ask`, for later parts of `firm`.

    Args:
        kind: 'approval', 'loop' …; not 'ask', 'in doubt' or 'stuck', which the kernel asks.
        text: What the founder reads.
        options: The answers allowed; None: any value, which whoever asks must check.
        detail: Kept in book "question" under `own_key(run, question)` beside it; b'': nothing.
        deadline_us: Microseconds since 1970, UTC; None: waits for ever.
        default: The answer that is taken at the deadline; None: there is none.

    Raises:
        DeadlineExceeded: nobody answered in time and there is no default.
        UsageError: outside a workflow, a kind of the kernel's, or options that cannot be stored.
    """
    here = workflow_here(f"put_question({kind!r})")
    if check_id(kind, "kind of question") in KERNEL_KINDS:
        raise UsageError(f"put_question({kind!r}): that kind is the kernel's own; take another word")
    text = readable(text)
    BUILTIN.encode(options)
    what = Ask(text, options, _default(default), deadline_us, kind, detail)
    return here.call_other(what, kind, encode_input((kind, text, options, sha256(detail).digest()), {}))


KERNEL_KINDS = ("ask", "in doubt", "stuck")
"""Kinds of questions that the kernel itself asks."""


def _default(value: Any) -> bytes:
    return b"" if value is None else BUILTIN.encode(value)


async def _at_once(value: T) -> T:
    return value


def _deadline_us(run: Run, deadline: float | timedelta | datetime | None) -> int | None:
    if deadline is None:
        return None
    if isinstance(deadline, datetime):
        if deadline.tzinfo is None:
            raise UsageError(f"deadline={deadline!r} has no time zone; use datetime.now(UTC)")
        return round(deadline.timestamp() * 1e6)
    wait_s = deadline.total_seconds() if isinstance(deadline, timedelta) else deadline
    if not 0 <= wait_s <= MAX_SLEEP_S:
        raise UsageError(f"deadline={deadline!r}: give seconds from now, from 0 to {MAX_SLEEP_S:.0f}")
    return run.loop.now_us + round(wait_s * 1e6)


def patched(name: str) -> bool:
    """Whether the new code applies to this run: true in new runs, false in those that passed here before (K11)."""
    here = _run_or_none("patched()")
    return True if here is None else here.is_patched(check_id(name, "patch name"))


def continue_as(*args: Any, **kwargs: Any) -> Never:
    """End this generation of the run and go on with these arguments and an empty history; never returns.

    The id stays, unread messages are kept, and `result()` waits for the last generation.
    """
    workflow_here("continue_as()")
    raise ContinueAs(args, kwargs)


# --- fan-out: plain asyncio, so that it replays --------------------------------------------------------------


async def gather(*aws: Awaitable[T], limit: int | None = None) -> list[T]:
    """Await all, at most `limit` at a time; results in the order of the arguments.

    If one fails, the others are cancelled and its exception is raised.

    Args:
        aws: Coroutines or other awaitables.
        limit: At least 1; None: all at once.
    """
    if limit is not None and limit < 1:
        _close(aws)
        raise UsageError(f"gather(limit={limit!r}): give at least 1, or None")
    results: list[Any] = [None] * len(aws)
    todo = iter(enumerate(aws))

    async def work() -> None:
        for index, aw in todo:
            results[index] = await aw

    count = len(aws) if limit is None else min(limit, len(aws))
    tasks = [asyncio.create_task(work()) for _ in range(count)]
    try:
        await _all_or_first_error(tasks)
    finally:
        _close([aw for _, aw in todo])
        for task in tasks:
            task.cancel()
        if any(not task.done() for task in tasks):
            await asyncio.wait(tasks)
    return results


async def _all_or_first_error(tasks: list[asyncio.Task[None]]) -> None:
    if not tasks:
        return
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    for task in tasks:
        if task in done and not task.cancelled() and task.exception() is not None:
            await task
    for task in tasks:
        if task in done:
            await task


def _close(aws: Iterable[Awaitable[Any]]) -> None:
    for aw in aws:
        if asyncio.iscoroutine(aw):
            aw.close()


async def first(*aws: Awaitable[T]) -> tuple[int, T]:
    """Index and value of the one that ends first; the others are cancelled.

    If the first to end fails, its exception is raised.
    """
    if not aws:
        raise UsageError("first() of nothing; give at least one awaitable")
    tasks: list[asyncio.Future[T]] = [asyncio.ensure_future(aw) for aw in aws]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        index = next(number for number, task in enumerate(tasks) if task in done)
        return index, await tasks[index]
    finally:
        for task in tasks:
            task.cancel()
        if any(not task.done() for task in tasks):
            await asyncio.wait(tasks)


class as_completed(AsyncIterator[tuple[int, Any]]):
    """Results in the order in which they come: `async for index, value in as_completed(a(), b())`.

    `for next_one in as_completed(a(), b()): value = await next_one` works too, as in asyncio.
    An awaitable that failed raises in its turn; leaving the loop early does not cancel the rest.
    """

    def __init__(self, *aws: Any) -> None:
        if len(aws) == 1 and isinstance(aws[0], list | tuple):
            aws = tuple(aws[0])
        self._done: asyncio.Queue[tuple[int, asyncio.Future[Any]]] = asyncio.Queue()
        self._left = len(aws)
        self._tasks = [asyncio.ensure_future(aw) for aw in aws]
        for index, task in enumerate(self._tasks):
            task.add_done_callback(lambda task, index=index: self._done.put_nowait((index, task)))

    async def __anext__(self) -> tuple[int, Any]:
        if not self._left:
            raise StopAsyncIteration
        self._left -= 1
        index, task = await self._done.get()
        return index, await task

    def __iter__(self) -> Iterator[Awaitable[Any]]:
        async def value() -> Any:
            return (await self.__anext__())[1]

        while self._left:
            yield value()
