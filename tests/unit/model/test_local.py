"""The embedded model as a backend: its server is found when it is needed, and again when it has gone."""

import asyncio
from typing import Any

import pytest

from firm.errors import UsageError
from firm.model import Abilities, Message, Reply, Request, Text
from firm.model.local import Embedded
from firm.model.wire.fault import Fault, Kind

REQUEST = Request((Message("user", "hi"),))


class Served:
    """Stands for a server."""

    def __init__(self, *outcomes: Reply | Fault) -> None:
        self.outcomes = list(outcomes)

    async def say(self, request: Request, abilities: Abilities, watch: object) -> Reply:
        await asyncio.sleep(0)
        found = self.outcomes.pop(0)
        if isinstance(found, Fault):
            raise found
        return found


def embedded(*servers: Served) -> tuple[Any, list[Served]]:
    """An embedded model whose starts give these servers, and those that were started."""
    made: Any = Embedded("smollm2-135m-instruct-q4_1")
    rest, started = list(servers), []

    async def start() -> Served:
        await asyncio.sleep(0)
        started.append(rest.pop(0))
        return started[-1]

    made._start = start
    return made, started


def fine(words: str = "fine") -> Reply:
    return Reply((Text(words),))


def test_the_server_is_started_once_for_all_who_wait() -> None:
    made, started = embedded(Served(*(fine() for _ in range(5))))

    async def use() -> list[Reply]:
        return await asyncio.gather(*(made.say(REQUEST, Abilities(), None) for _ in range(5)))

    assert [reply.text for reply in asyncio.run(use())] == ["fine"] * 5
    assert len(started) == 1


def test_a_server_that_has_stopped_is_started_again() -> None:
    gone = Fault(Kind.CONNECT, "connection refused")
    made, started = embedded(Served(fine("one"), gone, gone), Served(fine("two"), fine("three")))

    async def use() -> list[str]:
        first = await made.say(REQUEST, Abilities(), None)
        both = await asyncio.gather(*(made.say(REQUEST, Abilities(), None) for _ in range(2)))
        return [first.text, *(reply.text for reply in both)]

    assert asyncio.run(use()) == ["one", "two", "three"]
    assert len(started) == 2


@pytest.mark.parametrize("kind", [Kind.SERVER, Kind.LOST, Kind.CONTEXT])
def test_another_fault_is_the_routers_to_judge(kind: Kind) -> None:
    made, started = embedded(Served(Fault(kind, "hm")))
    with pytest.raises(Fault, match="hm"):
        asyncio.run(made.say(REQUEST, Abilities(), None))
    assert len(started) == 1


def test_a_name_that_the_catalogue_has_not_is_refused() -> None:
    with pytest.raises(UsageError, match="smollm2-135m-instruct-q4_1"):
        Embedded("smollm2-135m-instruct")
