"""Several on one home: the second asks the first, through the spool."""

import asyncio
import copy
import errno
import logging
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from firm import Firm, receive, step, workflow
from firm.errors import RunCancelled, UsageError
from firm.kernel.code import load_file
from firm.kernel.value import BUILTIN
from firm.root import spool
from firm.root.home import Home, find_home
from firm.root.lock import Lock, holder_of
from firm.root.request import Request

from .test_firm import add, asks, listens, naps


@step
async def slow(path: str) -> str:
    with Path(path).open("a") as file:
        file.write("x")
    await asyncio.sleep(0.3)
    return "done"


@workflow
async def works(path: str) -> str:
    return await slow(path)


@workflow
async def collects() -> list[Any]:
    found = []
    while (news := await receive("news")) != "end":
        found.append(news)
    return found


async def in_inbox(firm: Firm) -> str:
    while not (found := await firm.inbox()):
        await asyncio.sleep(0.005)
    return found[0].id


def leave_behind(folder: Path, *requests: Request) -> Home:
    """Requests of a process that is no more."""
    home = find_home(folder)
    home.make()
    for request in requests:
        spool.put(home, request)
    return home


def message(number: int, to: str, value: object, sender: str = "gone") -> Request:
    return Request(f"{sender}.{number:09d}", "send", to, "news", BUILTIN.encode(value))


def test_a_second_firm_on_a_home_has_the_same_api(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(tmp_path) as owner, Firm.open(tmp_path) as other:
            assert (owner.is_owner, other.is_owner) == (True, False)
            run = await other.start(add, 1, 2, id="sum")
            assert await run.result() == 6
            assert [event.kind for event in await run.events()][-1] == "ended"
            asked = await other.start(asks, "we")
            question = await in_inbox(other)
            with pytest.raises(UsageError, match="one of"):
                await other.answer(question, "perhaps")
            await other.answer(question, "yes")
            with pytest.raises(UsageError, match="answered already"):
                await other.answer(question, "yes")
            assert await asked.result() == "yes"
            sleeper = await other.start(naps, 1000.0)
            await other.run(sleeper.id).cancel()
            with pytest.raises(RunCancelled):
                await sleeper.result()
            assert {run.id for run in await other.runs()} == {run.id for run in await owner.runs()}

    asyncio.run(main())


def test_what_the_owner_refuses_is_raised_where_it_was_asked(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(tmp_path) as owner, Firm.open(tmp_path) as other:
            await owner.start(add, 1, 2, id="sum")
            with pytest.raises(UsageError, match="exists already"):
                await other.start(add, 1, 3, id="sum")
            with pytest.raises(UsageError, match="no run"):
                await other.send("nobody", "news", 1)
            with pytest.raises(UsageError, match="no question"):
                await other.answer("nothing", 1)
            while spool.pending(other.home):
                await asyncio.sleep(0.005)

    asyncio.run(main())


def test_messages_of_one_sender_keep_their_order(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(tmp_path), Firm.open(tmp_path) as other:
            run = await other.start(listens, 30)
            await asyncio.gather(*(other.send(run.id, "news", number) for number in range(30)))
            assert await run.result() == list(range(30))

    asyncio.run(main())


def test_a_workflow_inside_a_function_cannot_be_started_from_outside(tmp_path: Path) -> None:
    @workflow
    async def inner() -> None: ...

    async def main() -> None:
        async with Firm.open(tmp_path), Firm.open(tmp_path) as other:
            with pytest.raises(UsageError, match="inside a function"):
                await other.start(inner)

    asyncio.run(main())


def test_another_version_of_the_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "code.py"
    file.write_text("from firm import workflow\n@workflow\nasync def w() -> int:\n    return 1\n")

    async def main() -> None:
        async with Firm.open(tmp_path / "home"), Firm.open(tmp_path / "home") as other:
            first = load_file(file)
            assert await (await other.start(first.w)).result() == 1
            changed = SimpleNamespace(definition=copy.copy(first.w.definition))
            changed.definition.code = "what the visitor has loaded"
            with pytest.raises(UsageError, match="another version of .*firm stop"):
                await other.start(changed)

    asyncio.run(main())


def test_code_that_the_owner_cannot_find_is_said(tmp_path: Path) -> None:
    async def main() -> None:
        home = leave_behind(
            tmp_path, Request("gone.000000001", "start", "r", "no_such_module:w", b"\x80", "hash")
        )
        async with Firm.open(tmp_path) as firm:
            while spool.pending(home):
                await asyncio.sleep(0.005)
            [row] = await firm._desk.journal.rows("request")
            assert b"cannot be imported" in row.value
            assert str(os.getpid()).encode() in row.value

    asyncio.run(main())


def test_requests_of_a_dead_process_are_taken_in_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            await firm.start(collects, id="c")
        requests = [message(number, "c", number) for number in (2, 1, 3)]
        home = leave_behind(tmp_path, *requests)
        async with Firm.open(tmp_path) as firm:
            while spool.pending(home):
                await asyncio.sleep(0.005)
        leave_behind(tmp_path, *requests)  # committed, but killed before they were deleted
        async with Firm.open(tmp_path) as firm:
            while spool.pending(home):
                await asyncio.sleep(0.005)
            await firm.send("c", "news", "end")
            assert await firm.run("c").result() == [1, 2, 3]
        leave_behind(tmp_path, *requests)  # and even after the run has ended they count as done
        async with Firm.open(tmp_path) as firm:
            while spool.pending(home):
                await asyncio.sleep(0.005)
            assert {row.value for row in await firm._desk.journal.rows("request")} == {b""}

    asyncio.run(main())


def test_an_answer_found_again_after_a_crash_counts_as_given(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            await firm.start(asks, "we", id="q")
            question = await in_inbox(firm)
        request = Request("gone.000000001", "answer", question, "", BUILTIN.encode("yes"))
        home = leave_behind(tmp_path, request)
        async with Firm.open(tmp_path) as firm:
            assert await firm.run("q").result() == "yes"
            while spool.pending(home):
                await asyncio.sleep(0.005)
        leave_behind(
            tmp_path, request, Request("gone.000000002", "answer", question, "", BUILTIN.encode("yes"))
        )
        async with Firm.open(tmp_path) as firm:
            while spool.pending(home):
                await asyncio.sleep(0.005)
            first, second = await firm._desk.journal.rows("request")
            assert first.value == b""
            assert b"answered already" in second.value

    asyncio.run(main())


def test_a_request_that_nobody_can_read_is_put_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        home = leave_behind(tmp_path)
        (home.spool / "x.request").write_bytes(b"\xff garbage")
        async with Firm.open(tmp_path) as firm, Firm.open(tmp_path) as other:
            assert await (await other.start(add, 1, 2)).result() == 6
            assert firm.is_owner
        assert (home.spool / "x.unreadable").exists()

    caplog.set_level(logging.WARNING, "firm")
    asyncio.run(main())
    assert "x.request" in caplog.text


def test_a_waiting_firm_takes_over_when_the_owner_goes(tmp_path: Path) -> None:
    async def main() -> None:
        first = Firm.open(tmp_path / "home")
        await first.__aenter__()
        async with Firm.open(tmp_path / "home") as second:
            run = await second.start(works, str(tmp_path / "calls"))
            waiting = asyncio.create_task(run.result())
            await asyncio.sleep(0.05)
            first.grace_s = 0
            await first.__aexit__(None, None, None)
            assert await waiting == "done"
            assert second.is_owner
            async with Firm.open(tmp_path / "home") as third:
                assert await (await third.start(add, 2, 2)).result() == 8
        assert (tmp_path / "calls").read_text() == "xx"  # repeatable, and cut off by the first's end

    asyncio.run(main())


def test_a_visitor_does_without_an_owner_what_needs_no_engine(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            await firm.start(asks, "we", id="q")
            await firm.start(naps, 1000.0, id="n")
            await firm.start(listens, 1, id="l")
            question = await in_inbox(firm)
        async with Firm.visit(tmp_path) as firm:
            assert not firm.is_owner
            await firm.answer(question, "no")
            with pytest.raises(UsageError, match="answered already"):
                await firm.answer(question, "no")
            await firm.run("n").cancel()
            await firm.send("l", "news", "x")
            with pytest.raises(UsageError, match="no run"):
                await firm.send("nobody", "news", "x")
            with pytest.raises(UsageError, match="only to look"):
                await firm.start(add, 1, 2)
            assert holder_of(firm.home.lock) is None
        async with Firm.open(tmp_path) as firm:
            assert await firm.run("q").result() == "no"
            assert await firm.run("l").result() == ["x"]
            with pytest.raises(RunCancelled):
                await firm.run("n").result()

    asyncio.run(main())


def test_a_visit_to_an_empty_folder_finds_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.visit(tmp_path / "new") as firm:
            assert await firm.runs() == []
            assert await firm.inbox() == []

    asyncio.run(main())


def test_a_home_with_a_long_path_works_without_the_bell(tmp_path: Path) -> None:
    async def main() -> None:
        home = tmp_path / ("deep" * 20) / ("er" * 40)
        async with Firm.open(home), Firm.open(home) as other:
            assert not other.home.socket.exists()
            assert await (await other.start(add, 1, 2)).result() == 6

    asyncio.run(main())


def test_a_firm_that_is_closed_leaves_nothing_of_its_own(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(tmp_path) as firm, Firm.open(tmp_path) as other:
            await (await other.start(add, 1, 2)).result()
        assert list(firm.home.spool.iterdir()) == []
        assert not firm.home.socket.exists()
        assert (firm.home.state / "lock").read_bytes() == b""

    asyncio.run(main())


# --- the lock ----------------------------------------------------------------------------------------------------


def test_the_lock_is_held_by_one_and_says_by_whom(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert holder_of(path) is None
    lock = Lock.take(path, "firm up")
    assert lock is not None
    assert Lock.take(path, "other") is None
    holder = holder_of(path)
    assert holder is not None
    assert (holder.pid, holder.command) == (os.getpid(), "firm up")
    assert "firm up" in str(holder)
    lock.release()
    lock.release()
    assert holder_of(path) is None
    again = Lock.take(path, sys.argv[0])
    assert again is not None
    again.release()


def test_a_lock_that_cannot_be_written_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(UsageError, match="cannot be written"):
        Lock.take(tmp_path / "lock", "x")
