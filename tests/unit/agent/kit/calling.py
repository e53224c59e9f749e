"""How the tests of the kit call its tools outside any run."""

import asyncio
from typing import Any

import pytest


def said(target: Any, *args: Any) -> str:
    """What a tool answers."""

    async def main() -> str:
        return str(await target(*args))

    return asyncio.run(asyncio.wait_for(main(), 60))


def refused(target: Any, *args: Any, by: type[Exception] = Exception) -> str:
    """With what words a tool refuses."""
    with pytest.raises(by) as error:
        said(target, *args)
    return str(error.value)
