"""A mock server beside the test, in a thread of its own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from firm.testing import MockOptions, MockServer, mock_server


@contextmanager
def mock_in_thread(options: MockOptions | None = None) -> Iterator[MockServer]:
    """A mock server while the block lasts; its `options` may be replaced meanwhile."""
    ready = threading.Event()
    found: list[MockServer] = []
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with mock_server(options or MockOptions()) as server:
            found.append(server)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    try:
        assert ready.wait(10), "the mock server did not start"
        yield found[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
