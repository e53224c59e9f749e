"""The weights of the model that writes the summary: pulled beside the search, and awaited by the engine.

One rule: the demo waits for them a bounded time and never fails for want of them. What came so far is kept, and the
next pull goes on from there. Parent and engine share one file, `weights`: it appears when the pull has ended, and
holds the reason if there are none.
"""

import asyncio
import contextlib
import importlib.util
import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from firm.errors import FirmError
from firm.model import Reply, Request
from firm.model.embedded import DEFAULT, find, store
from firm.model.embedded.error import NotPulled
from firm.model.embedded.pull import pull
from firm.model.local import Embedded
from firm.model.request import Watch
from firm.model.target import Abilities

ENDED = "weights"
PATIENCE_S = 45.0
"""How long the pull may go on after the search has ended."""
LOOK_S = 0.1


class Awaited(Embedded):
    """The embedded model of the demo: the first call waits until its weights are there, or will not be."""

    def __init__(self, home: Path) -> None:
        super().__init__(DEFAULT)
        self._ended = home / ENDED

    async def say(self, request: Request, abilities: Abilities, watch: Watch | None) -> Reply:
        """Answer, or say why there are no weights."""
        while not self._ended.exists():
            await asyncio.sleep(LOOK_S)
        if why := self._ended.read_text("utf-8"):
            raise NotPulled(why)
        return await super().say(request, abilities, watch)


class Pull:
    """Pulls the weights in a thread, for `with Pull(home) as pulling:`; leaving the block ends it."""

    def __init__(self, home: Path) -> None:
        self.entry = find(DEFAULT)
        self.there_already = all(store.held(file) for file in self.entry.files)
        self.bytes = 0
        """What is there so far, of `entry.bytes`."""
        self._home = home
        self._loop = asyncio.new_event_loop()
        self._pulling: asyncio.Task[None] | None = None
        self._thread: threading.Thread | None = None
        self._late_s: float | None = None

    def __enter__(self) -> Self:
        self._pulling = self._loop.create_task(self._pull())
        self._thread = threading.Thread(target=self._run, args=(self._pulling,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        if self._thread is not None:
            self._thread.join()

    @property
    def folder(self) -> Path:
        """Where weights lie, for all firms on this machine."""
        return store.folder()

    @property
    def ended(self) -> bool:
        """Whether the weights are there, or it is known why not."""
        return (self._home / ENDED).exists()

    def hurry(self) -> bool:
        """The search has ended: from the first call on, which gives True, there are `PATIENCE_S` seconds left."""
        first = self._late_s is None
        if self._late_s is None:
            self._late_s = time.monotonic() + PATIENCE_S
        if time.monotonic() >= self._late_s:
            self._stop()
        return first

    def _stop(self) -> None:
        """End the pull, once; it may have ended by itself."""
        pulling, self._pulling = self._pulling, None
        if pulling is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(pulling.cancel)

    def _run(self, pulling: "asyncio.Task[None]") -> None:
        try:
            self._loop.run_until_complete(pulling)
        finally:
            self._loop.close()

    async def _pull(self) -> None:
        why = ""
        try:
            if importlib.util.find_spec("xllamacpp") is None:
                why = "the embedded model needs xllamacpp; run: pip install 'firm[local]'"
            else:
                await pull(self.entry.name, progress=self._note)
        except asyncio.CancelledError:
            there, total = self.bytes / 1e6, self.entry.bytes / 1e6
            why = (
                f"{there:.0f} of {total:.0f} MB of its weights are here, too few in the time there was; they are kept, "
                f"and the next demo or `firm models pull {self.entry.name}` fetches the rest"
            )
        except (FirmError, OSError) as error:
            why = str(error) or type(error).__name__
        half = self._home / (ENDED + ".part")
        half.write_text(why, "utf-8", errors="replace")
        os.replace(half, self._home / ENDED)

    def _note(self, what: str, there: int, total: int) -> None:
        self.bytes = there
