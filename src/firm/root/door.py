"""`firm.run`: the one synchronous door; and how a program that carries runs is asked to stop.

One rule: the first SIGTERM or Ctrl-C parks everything, the second Ctrl-C ends the process at once.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from firm.errors import UsageError
from firm.root.firm import Firm
from firm.root.handle import Run

T = TypeVar("T")
GRACE_S = 10.0
"""How long steps under way may take to end after a signal."""

log = logging.getLogger("firm")


class Stop:
    """Whether somebody asked this process to stop."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._asked = asyncio.Event()

    def ask(self, number: signal.Signals) -> None:
        """Stop in order; asked for a second time with Ctrl-C, at once."""
        if self.signal is not None and number == signal.SIGINT:
            os._exit(130)
        self.signal = self.signal or number
        self._asked.set()

    async def wait(self) -> None:
        """Until somebody asks."""
        await self._asked.wait()

    async def unless(self, work: Awaitable[T]) -> T | None:
        """The result of `work`, or None if this process was asked to stop first; then `work` is cancelled."""
        doing = asyncio.ensure_future(work)
        asked = asyncio.ensure_future(self.wait())
        try:
            await asyncio.wait((doing, asked), return_when=asyncio.FIRST_COMPLETED)
            return doing.result() if doing.done() else None
        finally:
            asked.cancel()
            doing.cancel()
            await asyncio.gather(doing, asked, return_exceptions=True)


def drive(main: Callable[[Stop], Coroutine[Any, Any, T]]) -> T:
    """Run `main` on a new event loop (uvloop where it is there), which the signals reach as a `Stop`."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_with_signals(main))


async def _with_signals(main: Callable[[Stop], Coroutine[Any, Any, T]]) -> T:
    stop, loop = Stop(), asyncio.get_running_loop()
    caught: list[signal.Signals] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.ask, number)
            caught.append(number)
        except (ValueError, RuntimeError, NotImplementedError):  # not the main thread
            break
    try:
        return await main(stop)
    finally:
        for number in caught:
            loop.remove_signal_handler(number)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def run(workflow: object, *args: Any, home: str | os.PathLike[str] | None = None) -> Any:
    """Run a workflow to its end and return its result; the synchronous door.

    An unfinished run of the same workflow with the same arguments is joined, so a script that was stopped goes on
    when it is started again. SIGTERM and Ctrl-C park what is unfinished; a second Ctrl-C ends the process at once.

    Args:
        workflow: A `@workflow` function.
        args: Its arguments.
        home: As in `Firm.open`.

    Raises:
        UsageError: called while an event loop runs, or what `Firm.start` raises.
        KeyboardInterrupt, SystemExit: it was stopped before the end; the run is parked.
        Exception: what the workflow raised.
    """
    if asyncio._get_running_loop() is not None:
        raise UsageError("firm.run() inside a running event loop; use `async with Firm.open(...)` there")
    return drive(lambda stop: _run(stop, workflow, args, home))


async def _run(
    stop: Stop, workflow: object, args: tuple[Any, ...], home: str | os.PathLike[str] | None
) -> Any:
    firm = Firm.open(home)
    async with firm:
        handle = await firm.find_unfinished(workflow, args) or await firm.start(workflow, *args)
        done = asyncio.ensure_future(handle.result())
        await stop.unless(asyncio.wait((done,)))
        if done.done():
            return done.result()
        done.cancel()
        firm.grace_s = GRACE_S
    log.warning("%s", stopped_line(firm, handle))
    if stop.signal == signal.SIGTERM:
        sys.exit(143)
    raise KeyboardInterrupt


def stopped_line(firm: Firm, handle: Run | None = None) -> str:
    """What was parked and how to go on, after the firm was closed."""
    parked = firm.parked
    if not parked:
        where = (
            f"run {handle.id} goes on in the process that owns the home"
            if handle is not None
            else "nothing was parked"
        )
        return f"stopped: {where}"
    shown = ", ".join(parked[:3]) + (f" and {len(parked) - 3} more" if len(parked) > 3 else "")
    runs = "run" if len(parked) == 1 else "runs"
    return f"stopped: {len(parked)} {runs} parked ({shown}); `firm up` in {str(firm.home.folder)!r} goes on with them"
