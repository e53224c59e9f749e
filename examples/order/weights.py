"""The weights of the model that reads the order: pulled before the order comes, once for all firms on this machine.

One rule: it waits for them a bounded time, and the demo goes on without them and says why.
"""

import asyncio
import importlib.util
from collections.abc import Callable

from firm.errors import FirmError
from firm.model.embedded import DEFAULT, find, store
from firm.model.embedded.pull import pull

PATIENCE_S = 300.0
Told = Callable[[int, int], None]
"""Hears how many bytes are there, of how many."""


def there_already() -> bool:
    """Whether nothing is to be pulled."""
    return all(store.held(file) for file in find(DEFAULT).files)


def fetch(told: Told) -> str:
    """Have the weights here; '' where they are, else why not."""
    if importlib.util.find_spec("xllamacpp") is None:
        return "the embedded model needs xllamacpp; run: pip install 'firm[local]'"
    try:
        return asyncio.run(_fetch(told))
    except (FirmError, OSError) as error:
        return str(error) or type(error).__name__


async def _fetch(told: Told) -> str:
    there = 0

    def hear(what: str, bytes_there: int, total: int) -> None:
        nonlocal there
        there = bytes_there
        told(bytes_there, total)

    try:
        async with asyncio.timeout(PATIENCE_S):
            await pull(DEFAULT, progress=hear)
    except TimeoutError:
        return (
            f"{there / 1e6:.0f} of {find(DEFAULT).bytes / 1e6:.0f} MB of its weights came in {PATIENCE_S:.0f} s; they "
            f"are kept, and the next demo or `firm models pull {DEFAULT}` fetches the rest"
        )
    return ""
