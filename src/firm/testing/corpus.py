"""Reference programs: together they use every construct that a workflow may use.

One rule: each says what must come out of it, whatever fails on the way.
"""

import asyncio
from random import Random
from typing import Any

from firm.errors import DeadlineExceeded, FirmError, UsageError
from firm.kernel import (
    Retry,
    as_completed,
    ask,
    charter_here,
    chartered,
    continue_as,
    current_run,
    current_step,
    first,
    gather,
    now,
    patched,
    random,
    receive,
    send,
    sleep,
    step,
    uuid,
    workflow,
)
from firm.kernel.status import Status
from firm.testing.program import Job, Program, anything, returns, returns_or
from firm.testing.world import act, look_up

OFTEN = Retry(attempts=40, first_s=0.3, max_s=3.0)
"""More often than a simulated world fails in a row."""
FAILED = "failed"


# --- steps ---------------------------------------------------------------------------------------------------


@step(retry=OFTEN)
async def add(a: int, b: int) -> int:
    """A step without harm."""
    await act("repeatable")
    return a + b


@step(retry=OFTEN)
async def linger(value: int, longest_s: float) -> int:
    """A step that may take long."""
    result: int = await act("repeatable", value, longest_s=longest_s)
    return result


@step
async def break_down(value: int) -> int:
    """A step that always fails."""
    await act_calmly()
    raise ValueError("broken", value)


async def act_calmly() -> None:
    """An effect, without the chance of a fault outside."""
    await asyncio.sleep(0.01)


@step(effect="keyed", retry=OFTEN)
async def post_once(value: int) -> int:
    """The receiver deduplicates."""
    result: int = await act("keyed", value)
    return result


@step(effect="once", reconcile=look_up, retry=OFTEN)
async def pay(cents: int) -> int:
    """Must not happen twice; what became of it can be looked up."""
    result: int = await act("once", cents)
    return result


@step(effect="once", retry=OFTEN)
async def wire(cents: int) -> int:
    """Must not happen twice; only a person can find out."""
    result: int = await act("once", cents)
    return result


@step(effect="once", reconcile=look_up, retry=OFTEN, timeout_s=0.4)
async def pay_quickly(cents: int) -> int:
    """As `pay`, and may time out in the middle."""
    result: int = await act("once", cents, longest_s=1.0)
    return result


@step(retry=OFTEN)
async def read(word: str) -> str:
    """Reads what nobody vouches for."""
    current_step().mark(word)
    result: str = await act("repeatable", word)
    return result


@step(retry=OFTEN)
async def act_under() -> str:
    """Acts in somebody's name."""
    await act("repeatable")
    return charter_here().decode()


# --- programs ------------------------------------------------------------------------------------------------


@workflow
async def fan(count: int) -> int:
    """Steps beside each other, one of them failing, some at a time."""
    sums: list[int] = await gather(*(add(number, 1) for number in range(count)), limit=3)
    first_try, *rest = await asyncio.gather(break_down(1), add(1, 1), post_once(4), return_exceptions=True)
    assert isinstance(first_try, ValueError) and first_try.args == ("broken", 1), first_try
    assert rest == [2, 4], rest
    total = 0
    async for _, value in as_completed(add(1, 2), linger(3, 2.0), add(2, 2)):
        total += value
    return sum(sums) + total


@workflow
async def leaf(value: int, longest_s: float) -> int:
    """A child."""
    value = await linger(value, longest_s)
    if value < 0:
        raise ValueError("negative", value)
    return int(await add(value, 1))


@workflow
async def family(count: int) -> list[int]:
    """Children beside each other; one fails in a task group and takes its siblings along."""
    found = list(await gather(*(leaf(number, 1.0) for number in range(count))))
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(leaf(5, 20.0))
            group.create_task(leaf(-1, 0.3))
            group.create_task(branch(2))
    except* ValueError as errors:
        found.append(len(errors.exceptions))
    beside = asyncio.create_task(leaf(7, 3.0))
    found.append(await add(1, 1))
    found.append(await beside)
    return found


@workflow
async def branch(depth: int) -> int:
    """A child with children."""
    if depth == 0:
        await sleep(2)
        return int(await add(0, 1))
    return sum(await gather(branch(depth - 1), branch(depth - 1)))


@workflow
async def race(rounds: int) -> int:
    """Losers are cancelled: by wait, by wait_for, by first and by a time-out."""
    score = 0
    for number in range(rounds):
        tasks = [asyncio.create_task(linger(value, 3.0)) for value in range(3)]
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        score += 1 if done else 0
        try:
            await asyncio.wait_for(linger(1, 6.0), timeout=1.0)
        except TimeoutError:
            await add(number, 0)
        try:
            async with asyncio.timeout(1.5):
                await leaf(1, 8.0)
        except TimeoutError:
            pass
        _, value = await first(linger(1, 2.0), late(1))
        score += value
    return score


async def late(value: int) -> int:
    """A timer against a step."""
    await asyncio.sleep(1.5)
    return value


@workflow
async def plumbing(count: int) -> list[int]:
    """Locks, queues, events and semaphores between tasks of one run."""
    queue: asyncio.Queue[int] = asyncio.Queue(maxsize=2)
    lock, ready, room = asyncio.Lock(), asyncio.Event(), asyncio.Semaphore(2)
    inside, out = 0, list[int]()

    async def produce(number: int) -> None:
        nonlocal inside
        async with room:
            value = await add(number, 10)
        async with lock:
            inside += 1
            assert inside == 1
            await add(value, 0)
            inside -= 1
        await queue.put(value)
        ready.set()

    async def consume() -> None:
        await ready.wait()
        for _ in range(count):
            out.append(await queue.get())
            await sleep(0.2)

    async with asyncio.TaskGroup() as group:
        group.create_task(consume())
        for number in range(count):
            group.create_task(produce(number))
    return sorted(out)


@workflow
async def collect(count: int) -> list[Any]:
    """Takes messages, however long they need."""
    got: list[Any] = []
    while len(got) < count:
        try:
            got.append(await receive("item", timeout_s=8))
        except TimeoutError:
            await add(len(got), 0)
    return got


@workflow
async def deliver(to: str, first_number: int, count: int) -> int:
    """Sends messages to another run, in order; one of them twice under one id."""
    me, sent = current_run().id, 0
    for number in range(count):
        for _ in range(100):
            try:
                await send(to, "item", [me, first_number + number], id=f"n{number}")
                if number == 1:
                    await send(to, "item", [me, "twice"], id=f"n{number}")
                sent += 1
                break
            except UsageError:
                await sleep(5)
    return sent


@workflow
async def inquire(number: int) -> list[Any]:
    """Questions: with a default, with a deadline, beside each other."""
    sure = await ask(f"sure of {number}?", options=[True, False], default=True, deadline=15)
    both = await gather(ask("left?", options=["l", "m"]), ask("right?", options=["r", "q"]))
    try:
        last = await ask("anything?", deadline=3)
    except DeadlineExceeded:
        last = "nobody"
    return [sure, *both, last]


@workflow
async def settle_up(cents: int) -> list[Any]:
    """Effects that must not happen twice, in a row and beside each other."""
    paid: list[Any] = [await attempt(pay(cents)), await attempt(wire(cents + 1))]
    paid += await gather(
        attempt(pay(cents + 2)), attempt(post_once(cents + 3)), attempt(pay_quickly(cents + 4))
    )
    await sleep(0.5)
    try:
        await asyncio.wait_for(pay(cents + 5), timeout=0.2)
    except (TimeoutError, FirmError, ConnectionError):
        pass
    return paid


async def attempt(call: Any) -> Any:
    """Its value, or that it failed."""
    try:
        return await call
    except (FirmError, TimeoutError, ConnectionError):
        return FAILED


@workflow
async def go_on(left: int, total: int) -> int:
    """Generation after generation, with mail that none of them has read yet."""
    total += await add(left, 0)
    if left % 2:
        total += await receive("more")
    child = await leaf(1, 0.5)
    if left:
        continue_as(left - 1, total + child)
    return total


@workflow
async def tidy_up(value: int) -> int:
    """Steps in `finally`, while children and sleeps are cancelled."""
    helper = asyncio.create_task(leaf(value, 30.0))
    try:
        await sleep(12)
        async with asyncio.TaskGroup() as group:
            group.create_task(linger(1, 20.0))
            group.create_task(slumber(2))
            group.create_task(attempt(wire(value)))
        return await helper
    finally:
        await add(value, 1)
        await sleep(1)
        await post_once(value)


@workflow
async def slumber(rounds: int) -> int:
    """Sleeps far longer than a run may idle in memory; derives what is random from its history."""
    total = 0
    for number in range(rounds):
        began = now()
        await sleep(7.5 * (number + 1))
        assert (now() - began).total_seconds() >= 7.5 * (number + 1) - 0.001
        chance = random().randrange(10)
        mark = int(uuid().hex[:4], 16)
        assert await add(chance, mark) == chance + mark
        if patched(f"round-{number}"):
            total += await add(number, 1)
    return total


@workflow
async def stubborn(value: int) -> int:
    """Swallows its cancel and ends as if nothing had been."""
    try:
        await sleep(20)
    except asyncio.CancelledError:
        return int(await add(value, 1))
    return int(await add(value, 2))


@workflow
async def gullible(left: int) -> list[str]:
    """Marks come with results, with children and with messages, and stay over generations."""
    if left == 3:
        await read("web")
    elif left == 2:
        await gullible_child("child", 1)
    elif left == 1:
        await receive("letter")
    assert left == 3 or "web" in current_run().marks, current_run().marks
    if left:
        continue_as(left - 1)
    return sorted(current_run().marks)


@workflow
async def gullible_child(word: str, depth: int) -> int:
    """Reads something, and lets its own children read too."""
    assert "web" in current_run().marks
    await sleep(1.2 * depth)
    await read(f"{word} {depth}")
    if depth:
        await gather(gullible_child(word, depth - 1), leaf(depth, 1.0))
    return depth


@workflow
async def write_letter(to: str) -> int:
    """Passes on what it has read."""
    await read("letter")
    return int(await deliver_letter(to))


@workflow
async def deliver_letter(to: str) -> int:
    """Sends until there is somebody to receive."""
    for _ in range(100):
        try:
            await send(to, "letter", "trust me")
            return 1
        except UsageError:
            await sleep(5)
    return 0


@workflow
async def mission(depth: int) -> list[str]:
    """Each level acts under less than the one above it."""
    here = charter_here().decode()
    seen = [here, await act_under()]
    if depth:
        with chartered(f"{here}/{depth}".encode()):
            below, inside = mission(depth - 1), act_under()
        seen += await below
        await sleep(2)
        seen.append(await inside)
    assert charter_here().decode() == current_run().charter.decode() == here
    return seen


# --- what must come out --------------------------------------------------------------------------------------


def _paid(cents: int) -> Any:
    def check(status: Status, value: Any) -> str | None:
        if status is not Status.SUCCEEDED:
            return f"expected success, got {status.value} {value!r}"
        wanted = [cents, cents + 1, cents + 2, cents + 3, cents + 4]
        wrong = [got for got, right in zip(value, wanted, strict=True) if got not in (right, FAILED)]
        return f"paid {value!r} instead of {wanted!r}" if wrong else None

    return check


def _collected(numbers: list[Any], senders: dict[str, int]) -> Any:
    def check(status: Status, value: Any) -> str | None:
        if status is not Status.SUCCEEDED:
            return f"expected success, got {status.value} {value!r}"
        mine = [one for one in value if not isinstance(one, list)]
        if mine != numbers:
            return f"client's messages {numbers!r} came as {mine!r}"
        for sender, count in senders.items():
            theirs = [one[1] for one in value if isinstance(one, list) and one[0] == sender]
            if theirs != list(range(count)):
                return f"{count} messages of {sender!r} came as {theirs!r}"
        return None

    return check


def _answered(status: Status, value: Any) -> str | None:
    if status is not Status.SUCCEEDED:
        return f"expected success, got {status.value} {value!r}"
    sure, left, right, _ = value
    fine = sure in (True, False) and left in ("l", "m") and right in ("r", "q")
    return None if fine else f"answers {value!r} are none of the options"


CANCELLED = Status.CANCELLED
MISSION = ["m", "m", "m/2", "m/2", "m/2/1", "m/2/1", "m/2/1", "m/2"]


def _jobs(random: Random) -> list[list[Job]]:
    """Every kind of program once; ids are the same for every seed."""
    cents, more = random.randrange(1, 100), [random.randrange(1, 9) for _ in range(2)]
    generations = 3
    return [
        [Job("fan", fan, (5,), expect=returns(15 + 3 + 3 + 4))],
        [Job("family", family, (3,), expect=returns([1, 2, 3, 1, 2, 8]))],
        [Job("race", race, (2,), expect=returns(4))],
        [Job("plumbing", plumbing, (4,), expect=returns([10, 11, 12, 13]))],
        [
            Job(
                "sink",
                collect,
                (9,),
                tuple(("item", n) for n in range(3)),
                expect=_collected([0, 1, 2], {"north": 3, "south": 3}),
            ),
            Job("north", deliver, ("sink", 0, 3), expect=returns(3)),
            Job("south", deliver, ("sink", 0, 3), expect=returns(3)),
        ],
        [Job("inquire", inquire, (1,), expect=_answered)],
        [Job("pay", settle_up, (cents,), expect=_paid(cents))],
        [
            Job(
                "go-on",
                go_on,
                (generations, 0),
                (("more", more[0]), ("more", more[1])),
                expect=returns(sum(range(generations + 1)) + 2 * generations + sum(more)),
            )
        ],
        [Job("tidy", tidy_up, (3,), cancel=True, expect=returns_or(4, CANCELLED))],
        [Job("slumber", slumber, (3,), cancel=True, obeys=True, expect=returns_or(6, CANCELLED))],
        [Job("stubborn", stubborn, (1,), cancel=True, expect=_stubborn)],
        [Job("family-cancelled", family, (2,), cancel=True, expect=returns_or([1, 2, 1, 2, 8], CANCELLED))],
        [Job("pay-cancelled", settle_up, (cents,), cancel=True, expect=anything)],
        [
            Job("gullible", gullible, (3,), expect=returns(["child 0", "child 1", "letter", "web"])),
            Job("writer", write_letter, ("gullible",), expect=returns(1)),
        ],
        [Job("mission", mission, (2,), charter=b"m", expect=returns(MISSION))],
        [Job("family-stopped", family, (2,), halt=True, expect=returns([1, 2, 1, 2, 8]))],
        [Job("pay-stopped", settle_up, (cents,), halt=True, expect=_paid(cents))],
    ]


def _stubborn(status: Status, value: Any) -> str | None:
    fine = status is CANCELLED or (status is Status.SUCCEEDED and value in (2, 3))
    return None if fine else f"got {status.value} {value!r}"


def reference_program(seed: int) -> Program:
    """One to three of the reference programs, carried together; the seed says which."""
    random = Random(f"program/{seed}")
    kinds = _jobs(random)
    chosen = random.sample(range(len(kinds)), random.choice((1, 2, 2, 3)))
    jobs = [job for number in sorted(chosen) for job in kinds[number]]
    return Program("+".join(kinds[number][0].id for number in sorted(chosen)), tuple(jobs))
