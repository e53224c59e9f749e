"""A thread that works on a file is waited for, even by who was cancelled."""

import asyncio
import threading

import pytest

from firm.model.embedded.thread import in_thread


def test_who_is_cancelled_waits_until_the_thread_is_done() -> None:
    begun, go_on, done = threading.Event(), threading.Event(), []

    def work() -> None:
        begun.set()
        assert go_on.wait(10)
        done.append(True)

    async def run() -> None:
        working = asyncio.create_task(in_thread(work))
        await asyncio.to_thread(begun.wait, 10)
        working.cancel()
        asyncio.get_running_loop().call_later(0.02, go_on.set)
        with pytest.raises(asyncio.CancelledError):
            await working
        assert done == [True]

    asyncio.run(run())


def test_errors_and_results_come_through() -> None:
    assert asyncio.run(in_thread(int, "7")) == 7
    with pytest.raises(ValueError, match="invalid literal"):
        asyncio.run(in_thread(int, "x"))
