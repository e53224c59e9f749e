"""Steps in processes of their own: `@step(cpu=True)`.

One rule: only bytes of the journal's own codec cross over, and a process that is not wanted any more is killed.
A process is asked for one call at a time and kept for the next one.
"""

import asyncio
import os
import struct
import sys
from typing import Any

import msgspec

from firm.errors import ProcessDied, UsageError
from firm.kernel.code import load
from firm.kernel.context import StepInfo, charter_here, current, current_step, narrowed
from firm.kernel.definition import StepDef
from firm.kernel.failure import Failure, rebuild_failure, record_failure
from firm.kernel.journal import Row

MAX_PROCESSES = os.cpu_count() or 2
"""Processes at one time; more calls wait for a free one."""
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""For numpy, unless the environment says otherwise: each core has its process already."""
_LENGTH = struct.Struct("<I")


class Processes:
    """A small pool; nothing is started before the first call."""

    def __init__(self) -> None:
        self._free: list[asyncio.subprocess.Process] = []
        self._all: set[asyncio.subprocess.Process] = set()
        self._room = asyncio.Semaphore(MAX_PROCESSES)

    async def call(self, definition: StepDef, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a step's function in a process; kills it where the caller is cancelled.

        Raises:
            RetryableError: the process died (out of memory, killed).
            UsageError: the function cannot be found by its name, or an argument cannot be sent.
        """
        if "<locals>" in definition.reference:
            raise UsageError(
                f"step {definition.name!r} has cpu=True but stands inside a function; put it at the top"
            )
        info = current_step()
        step = (info.place, info.name, info.attempt, info.key)
        request = msgspec.msgpack.encode(
            (definition.reference, definition.signature.encode_args(args, kwargs), step, charter_here())
        )
        async with self._room:
            process = self._free.pop() if self._free else await self._start()
            try:
                assert process.stdin is not None and process.stdout is not None
                process.stdin.write(_LENGTH.pack(len(request)) + request)
                await process.stdin.drain()
                (size,) = _LENGTH.unpack(await process.stdout.readexactly(_LENGTH.size))
                good, body, said = msgspec.msgpack.decode(await process.stdout.readexactly(size))
            except (asyncio.IncompleteReadError, ConnectionError):
                code = await self._kill(process)
                raise ProcessDied(
                    f"the process of step {definition.name!r} died with code {code}; was it out of memory?"
                ) from None
            except BaseException:
                await asyncio.shield(self._kill(process))
                raise
            self._free.append(process)
        _pass_on(info, *said)
        if good:
            return definition.signature.result.decode(body)
        raise rebuild_failure(Failure.decode(body), definition.raises)

    async def _start(self) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "from firm.kernel.process import serve; serve()",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the worker, which parks: it is no failure of a step
            env={**ONE_THREAD, **os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        self._all.add(process)
        return process

    async def _kill(self, process: asyncio.subprocess.Process) -> int:
        self._all.discard(process)
        if process.returncode is None:
            process.kill()
        return await process.wait()

    async def close(self) -> None:
        """Kill them all."""
        for process in list(self._all):
            await self._kill(process)
        self._free.clear()


def _pass_on(info: StepInfo, marks: list[str], rows: list[list[Any]], regardless: list[list[Any]]) -> None:
    """What the function said of itself over there."""
    info.mark(*marks)
    for row in rows:
        info.also(Row(*row))
    for row in regardless:
        info.also(Row(*row), regardless=True)


def _said(info: StepInfo) -> tuple[Any, ...]:
    rows, regardless = (
        [(row.book, row.key, row.value) for row in some] for some in (info.rows, info.regardless)
    )
    return sorted(info.marks), rows, regardless


def serve() -> None:
    """The other side: read a call, make it, write its outcome, until the worker is gone."""
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the function prints must not get between the answers
    while len(head := source.read(_LENGTH.size)) == _LENGTH.size:
        reference, body, step, charter = msgspec.msgpack.decode(source.read(_LENGTH.unpack(head)[0]))
        info = StepInfo(None, *step)
        current.set(info)
        narrowed.set(charter)
        try:
            definition = load(reference).definition
            args, kwargs = definition.signature.decode_args(body)
            reply = (True, definition.signature.result.encode(definition.function(*args, **kwargs)))
        except (Exception, SystemExit) as error:  # all of it is the step's outcome
            reply = (False, record_failure(error).encode())
        answer = msgspec.msgpack.encode((*reply, _said(info)))
        try:
            sink.write(_LENGTH.pack(len(answer)) + answer)
            sink.flush()
        except BrokenPipeError:  # the worker was killed
            os._exit(0)
