"""`python -m firm.testing.mock`: a mock server as a process; its address is the first line that it prints."""

import argparse
import asyncio
import contextlib
import gc
import os
import signal
import stat
import sys

from firm.testing.mock.options import DEFAULT_TEXT, FaultKind, MockFault, MockOptions, MockReply
from firm.testing.mock.process import raise_file_limit
from firm.testing.mock.server import mock_server


def main(args: list[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT, or until the standard input ends where that is a pipe."""
    given = _parser().parse_args(args)
    raise_file_limit()
    gc.set_threshold(100_000, 50, 100)
    with contextlib.suppress(KeyboardInterrupt):
        try:
            import uvloop
        except ImportError:
            asyncio.run(_serve(_options(given), given.port))
        else:
            uvloop.run(_serve(_options(given), given.port))


async def _serve(options: MockOptions, port: int) -> None:
    async with mock_server(options, port=port) as server:
        sys.stdout.write(server.url + "\n")
        sys.stdout.flush()
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        if _is_pipe(0):
            loop.add_reader(0, _at_end_of_input, stop)
        await stop.wait()


def _at_end_of_input(stop: asyncio.Event) -> None:
    if not os.read(0, 4096):
        stop.set()


def _is_pipe(file: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(file).st_mode)
    except OSError:
        return False


def _options(given: argparse.Namespace) -> MockOptions:
    low, _, high = given.latency_s.partition(":")
    return MockOptions(
        reply=MockReply(given.text * given.repeat),
        latency_s=(float(low), float(high)) if high else float(low),
        first_s=given.first_s,
        chunk_s=given.chunk_s,
        chunks=given.chunks,
        faults=tuple(map(_fault, given.fault)),
        fault_rate=given.fault_rate,
        seed=given.seed,
        tool_turns=given.tool_turns,
        key=given.key,
        limit=given.limit,
        models=tuple(given.model),
        keep=0,
    )


def _fault(text: str) -> MockFault:
    return MockFault(status=int(text)) if text.isdigit() else MockFault(FaultKind(text))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m firm.testing.mock", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--text", default=DEFAULT_TEXT, help="what it answers")
    parser.add_argument("--repeat", type=int, default=1, help="so many times")
    parser.add_argument("--latency-s", default="0", help="seconds, or LOW:HIGH")
    parser.add_argument("--first-s", type=float, default=0.0, help="streams: until the first piece")
    parser.add_argument("--chunk-s", type=float, default=0.0, help="streams: between two pieces")
    parser.add_argument("--chunks", type=int, default=8, help="streams: number of pieces")
    parser.add_argument("--fault", action="append", default=[], help="a status, or a kind; may be repeated")
    parser.add_argument("--fault-rate", type=float, default=1.0, help="share of the requests, 0 to 1")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tool-turns", type=int, default=0, help="call tools so often, then answer")
    parser.add_argument("--key", help="API key that is asked for")
    parser.add_argument("--limit", type=int, help="requests in flight at most")
    parser.add_argument("--model", action="append", default=[], help="a model's name; may be repeated")
    return parser


if __name__ == "__main__":
    main()
