"""`firm.run`: the synchronous door."""

import asyncio
from pathlib import Path

import pytest

import firm
from firm.errors import UsageError
from firm.root.door import Stop, drive

from .test_firm import CALLS, Broken, add, asks, breaks, naps


def test_a_workflow_runs_to_its_end(tmp_path: Path) -> None:
    assert firm.run(add, 1, 2, home=tmp_path) == 6


def test_what_the_workflow_raised_is_raised(tmp_path: Path) -> None:
    with pytest.raises(Broken):
        firm.run(breaks, "ours", home=tmp_path)


def test_inside_a_running_loop_it_says_what_to_do_instead() -> None:
    async def main() -> None:
        with pytest.raises(UsageError, match="Firm.open"):
            firm.run(add, 1, 2)

    asyncio.run(main())


def test_an_unfinished_run_of_the_same_work_is_joined(tmp_path: Path) -> None:
    async def begin() -> None:
        async with firm.Firm.open(tmp_path) as opened:
            await opened.start(naps, 0.3, id="begun")

    async def count() -> int:
        async with firm.Firm.open(tmp_path) as opened:
            return len(await opened.runs())

    asyncio.run(begin())
    assert firm.run(naps, 0.3, home=tmp_path) == "awake"
    assert asyncio.run(count()) == 1


def test_it_works_outside_the_main_thread(tmp_path: Path) -> None:
    async def main() -> int:
        return await asyncio.to_thread(firm.run, add, 1, 2, home=tmp_path)

    CALLS.clear()
    assert asyncio.run(main()) == 6


def test_a_stop_ends_what_is_waited_for() -> None:
    import signal

    async def main(stop: Stop) -> object:
        asyncio.get_running_loop().call_later(0.01, stop.ask, signal.SIGTERM)
        return await stop.unless(asyncio.sleep(100, "never"))

    assert drive(main) is None
    assert asks is not None
