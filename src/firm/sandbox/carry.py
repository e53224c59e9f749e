"""A command while it runs: what it says is taken in, its limits are held, and at its end nothing of it is left.

One rule: everything is killed before anything is waited for.
"""

import asyncio
import os
import sys
from typing import IO

from firm.errors import InternalError
from firm.sandbox.box import Box
from firm.sandbox.launch import Started, readable
from firm.sandbox.tree import Boxed
from firm.sandbox.watch import FIRST_S, LONGEST_S, Watch

_END_S = 120.0
"""How long what was killed may take to be gone; thousands of processes take the kernel seconds."""
_LAST_WORDS_S = 1.0
"""How long output is waited for when nothing is left that could say something."""
_REMOVALS = 20
_CHUNK_BYTES = 1 << 16


class _Output:
    """One stream of output, up to what room there is for all of them."""

    def __init__(self, stream: IO[bytes], running: "Running") -> None:
        self._loop = asyncio.get_running_loop()
        self._stream, self._running = stream, running
        self.taken = bytearray()
        self.over: asyncio.Future[None] = self._loop.create_future()
        os.set_blocking(stream.fileno(), False)
        self._loop.add_reader(stream.fileno(), self._read)

    def _read(self) -> None:
        try:
            said = os.read(self._stream.fileno(), _CHUNK_BYTES)
        except BlockingIOError:
            return
        if said:
            self.taken += said[: self._running.take(len(said))]
        else:
            self.close()

    def close(self) -> None:
        """Listen no more."""
        if not self._stream.closed:
            self._loop.remove_reader(self._stream.fileno())
            self._stream.close()
        if not self.over.done():
            self.over.set_result(None)


class _Input:
    """What the command is given to read."""

    def __init__(self, stream: IO[bytes], content: bytes) -> None:
        self._loop = asyncio.get_running_loop()
        self._stream, self._left = stream, memoryview(content)
        os.set_blocking(stream.fileno(), False)
        self._loop.add_writer(stream.fileno(), self._write)

    def _write(self) -> None:
        try:
            self._left = self._left[os.write(self._stream.fileno(), self._left[:_CHUNK_BYTES]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:  # it does not want more
            self.close()
        if not self._left:
            self.close()

    def close(self) -> None:
        """Give no more."""
        if not self._stream.closed:
            self._loop.remove_writer(self._stream.fileno())
            self._stream.close()


class Running:
    """A command that was started."""

    def __init__(self, started: Started, box: Box, *, stdin: bytes) -> None:
        self._started, self._box = started, box
        self._room = box.limits.output_bytes
        self._halt: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        process = started.process
        assert process.stdout is not None and process.stderr is not None
        self._streams = [_Output(process.stdout, self), _Output(process.stderr, self)]
        self._input = None if process.stdin is None else _Input(process.stdin, stdin)
        self.cut = False
        self.reached = ""
        """The limit that its control group has come to."""

    @property
    def code(self) -> int:
        """The exit code; 128 + the number of the signal that ended it."""
        code = self._started.process.returncode or 0
        return 128 - code if code < 0 else code

    @property
    def stdout(self) -> bytes:
        """What it said."""
        return bytes(self._streams[0].taken)

    @property
    def stderr(self) -> bytes:
        """What it complained of."""
        return bytes(self._streams[1].taken)

    def take(self, size: int) -> int:
        """How much of `size` bytes of output is kept; what has no room ends the command."""
        kept = min(size, self._room)
        self._room -= kept
        if kept < size:
            self.cut = True
            if not self._halt.done():
                self._halt.set_result("output")
        return kept

    async def carry(self, used_bytes: int) -> str:
        """Wait until it ends or passes a limit; the limit, or ''. Its folder held `used_bytes` before."""
        ended = asyncio.ensure_future(self._process_ended())
        watching = asyncio.ensure_future(self._watch(used_bytes))
        try:
            first = (ended, watching, self._halt)
            await asyncio.wait(first, timeout=self._box.limits.wall_s, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                return ""
            if self._halt.done():
                return self._halt.result()
            return watching.result() if watching.done() else "time"
        finally:
            ended.cancel()
            watching.cancel()

    async def end(self) -> None:
        """Kill what is left, wait until it is gone, and let go of everything."""
        started = self._started
        try:
            started.tree.kill()
            await self._gone()
            _, silent = await asyncio.wait([each.over for each in self._streams], timeout=_LAST_WORDS_S)
            self.cut = self.cut or bool(silent)
            await self._leave_group()
        finally:
            started.process.poll()
            started.tree.close()
            for stream in (*self._streams, self._input):
                if stream is not None:
                    stream.close()

    async def _gone(self) -> None:
        try:
            async with asyncio.timeout(_END_S):
                if isinstance(self._started.tree, Boxed):
                    await readable(self._started.tree.handle)
                await self._process_ended()
        except TimeoutError:
            raise InternalError(
                f"process {self._started.process.pid} was killed and is not gone after {_END_S:g} s; "
                "see what it waits for"
            ) from None

    async def _process_ended(self) -> None:
        process = self._started.process
        if process.poll() is None and sys.platform == "linux":
            handle = os.pidfd_open(process.pid)
            try:
                await readable(handle)
            finally:
                os.close(handle)
        if process.poll() is None:  # not on Linux, where its handle has told
            await asyncio.to_thread(process.wait)

    async def _watch(self, used_bytes: int) -> str:
        watch = Watch(self._box.folder.resolve(), self._box.limits, used_bytes=used_bytes)
        pause_s = FIRST_S
        while True:
            await asyncio.sleep(pause_s)
            if passed := await asyncio.to_thread(watch.look, self._started.tree):
                return passed
            pause_s = min(2 * pause_s, LONGEST_S)

    async def _leave_group(self) -> None:
        group = self._started.group
        if group is None:
            return
        self.reached = group.reached()
        for _ in range(_REMOVALS):  # the kernel takes a moment to count the last process out
            if group.remove():
                return
            await asyncio.sleep(FIRST_S)
