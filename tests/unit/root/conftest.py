"""What the tests of `root` share."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _no_home_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tests find no home but their own."""
    monkeypatch.delenv("FIRM_HOME", raising=False)
    monkeypatch.chdir(tmp_path)


async def wait_until(condition: Callable[[], Awaitable[object]], timeout_s: float = 5.0) -> None:
    """Look until it is true."""
    async with asyncio.timeout(timeout_s):
        while not await condition():
            await asyncio.sleep(0.005)
