"""Servers on the usual ports that are something else, or have something else."""

import asyncio
from collections.abc import Mapping

import pytest

from firm.model.discover import Found, local
from firm.model.target import Model
from firm.model.transport import Address, Transport

HERE = "http://127.0.0.1:8000/v1"
THERE = "http://127.0.0.1:1234/v1"


class Bodies(Transport):
    """What servers answer when they are asked what they have."""

    def __init__(self, bodies: Mapping[str, bytes]) -> None:
        super().__init__()
        self._bodies = bodies

    async def get(self, address: Address) -> bytes:
        return self._bodies[address.base]


def find(wanted: str = "", **bodies: bytes) -> Found:
    """What is found where these answer."""
    urls = {"here": HERE, "there": THERE}
    servers = tuple((name, urls[name]) for name in bodies)
    return asyncio.run(local(Bodies({urls[name]: body for name, body in bodies.items()}), servers, wanted))


@pytest.mark.parametrize(
    "body",
    [
        b"<!doctype html>",
        b'{"data":[{"id":"\xff\xfe"}]}',
        b'{"data":[{"id":""}]}',
        b'{"data":[{"id":"a\\u0000b"}]}',
        b'{"data":[{"id":"' + b"x" * 1000 + b'"}]}',
        b'{"data":null}',
        b"[" * 100_000,
    ],
)
def test_a_server_of_another_kind_is_passed_over(body: bytes) -> None:
    found = find(here=body, there=b'{"data":[{"id":"good"}]}')
    assert found.model == Model(THERE, "good")
    assert found.why[0] == f"no here at {HERE}"


def test_the_server_that_has_the_model_that_is_wanted_is_taken() -> None:
    found = find("good", here=b'{"data":[{"id":"other"}]}', there=b'{"data":[{"id":"x"},{"id":"good"}]}')
    assert found.model == Model(THERE, "good")
    assert found.why[0] == f"here at {HERE} has no 'good', which FIRM_MODEL names"
