"""What a server can do is seen, not believed; and seen once."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from firm.model.message import Text, ToolCall
from firm.model.probe import AGAIN_S, KEEP_S, MAX_FILE_BYTES, Probes, known, load, probe, save
from firm.model.reply import Reply, TokenLogprob
from firm.model.request import Request, Watch
from firm.model.target import Abilities, Model
from firm.model.wire.fault import Fault, Kind

MODEL = Model("http://gpu-1:8000/v1", "m")


class Server:
    """A server that can do what it is told to; everything else it refuses or ignores."""

    def __init__(self, **can: Any) -> None:
        self.model = MODEL
        self.can = {
            "tools": True,
            "required": True,
            "schema": "held",
            "logprobs": True,
            "usage": True,
            "effort": True,
        }
        self.can |= can
        self.asked: list[Request] = []

    async def say(self, request: Request, abilities: Abilities, watch: Watch | None) -> Reply:
        self.asked.append(request)
        can = self.can
        if down := can.get("down"):
            raise Fault(down, "no")
        if can.get("new_limit") and not abilities.completion_tokens:
            raise Fault(
                Kind.REQUEST, "'max_tokens' is not supported; use 'max_completion_tokens'", status=400
            )
        self._refuse(request, abilities, watch)
        if request.tools:
            called = can["tools"] if request.tool_choice == "auto" else can["required"]
            part: Any = ToolCall("1", "write_note", '{"text": "milk"}') if called else Text("Hello!")
            return Reply((part,), stop=str(can.get("stop", "stop")))
        if request.schema is not None:
            return Reply((Text('{"colour": "ultramarine"}' if can["schema"] == "held" else "Red"),))
        wanted = request.sampling.logprobs is not None and abilities.logprobs and can["logprobs"]
        return Reply((Text("yes"),), logprobs=(TokenLogprob("yes", -0.1),) if wanted else ())

    def _refuse(self, request: Request, abilities: Abilities, watch: Watch | None) -> None:
        can = self.can
        refused = (
            (request.tools and can["tools"] == "refused")
            or (request.tool_choice == "required" and can["required"] == "refused")
            or (request.schema is not None and can["schema"] == "refused")
            or (request.sampling.logprobs is not None and abilities.logprobs and can["logprobs"] == "refused")
            or (watch is not None and abilities.stream_usage and not can["usage"])
            or (request.effort and abilities.effort and not can["effort"])
        )
        if refused:
            raise Fault(can.get("kind", Kind.REQUEST), "not supported", status=400)

    async def close(self) -> None:
        """Nothing is open."""


def seen(**can: Any) -> Abilities:
    server = Server(**can)
    return asyncio.run(probe(server.say, server.model))


ALL = Abilities(effort=True, probed=True)


@pytest.mark.parametrize(
    ("can", "differs"),
    [
        ({}, {}),
        ({"required": False}, {"required": False}),
        ({"required": "refused"}, {"required": False}),
        ({"tools": False, "required": False}, {"tools": False, "required": False}),
        ({"tools": "refused"}, {"tools": False, "required": False}),
        ({"tools": "refused", "kind": Kind.SERVER}, {"tools": False, "required": False}),
        ({"schema": "ignored"}, {"strict": False}),
        ({"schema": "refused"}, {"schema": False, "strict": False}),
        ({"logprobs": False}, {"logprobs": False}),
        ({"logprobs": "refused"}, {"logprobs": False}),
        ({"usage": False}, {"stream_usage": False}),
        ({"effort": False}, {"effort": False}),
        ({"usage": False, "effort": False}, {"stream_usage": False, "effort": False}),
        ({"new_limit": True}, {"completion_tokens": True}),
    ],
)
def test_what_a_server_cannot_do_is_seen(can: dict[str, Any], differs: dict[str, bool]) -> None:
    found = seen(**can)
    assert {name for name in found.__struct_fields__ if getattr(found, name) != getattr(ALL, name)} == set(
        differs
    )


def test_a_probe_takes_few_and_small_calls() -> None:
    server = Server()
    asyncio.run(probe(server.say, server.model))
    assert len(server.asked) == 5
    assert max([request.max_tokens for request in server.asked]) <= 256


@pytest.mark.parametrize("kind", [Kind.CONNECT, Kind.RATE, Kind.OVERLOAD, Kind.SLOW, Kind.KEY, Kind.MODEL])
def test_an_outage_decides_nothing(kind: Kind) -> None:
    assert seen(down=kind) == Abilities()


def test_a_reply_that_ran_out_of_tokens_says_nothing_about_tools() -> None:
    found = seen(tools=False, required=False, stop="length")
    assert found.tools
    assert found.required


def test_of_big_hosted_apis_it_is_known_and_no_call_is_made() -> None:
    for url, name in (
        ("https://api.openai.com/v1", "gpt-4.1"),
        ("https://api.anthropic.com/v1", "claude-sonnet-5"),
    ):
        server = Server()
        server.model = Model(url, name)
        found = asyncio.run(probe(server.say, server.model))
        assert found.probed
        assert server.asked == []


def test_what_is_known_depends_on_the_model() -> None:
    reasoning = known(Model("https://api.openai.com/v1", "gpt-5-mini"))
    plain = known(Model("https://api.openai.com/v1", "gpt-4o"))
    old = known(Model("https://api.anthropic.com/v1", "claude-3-haiku-20240307", wire="anthropic"))
    assert reasoning is not None and plain is not None and old is not None
    assert (reasoning.effort, reasoning.logprobs) == (True, False)
    assert (plain.effort, plain.logprobs) == (False, True)
    assert not old.schema
    assert known(Model("https://api.openai.com.example.org/v1", "gpt-4o")) is None


# --- kept ------------------------------------------------------------------------------------------------------


class Clock:
    now_s = 1e9

    def __call__(self) -> float:
        return self.now_s


def test_many_calls_at_first_contact_ask_the_server_once() -> None:
    async def body() -> tuple[int, int]:
        server, probes = Server(), Probes()
        found = await asyncio.gather(*[probes.of(server) for _ in range(20)])
        return len(server.asked), len(set(map(repr, found)))

    assert asyncio.run(body()) == (5, 1)


def test_what_was_seen_survives_the_process_and_expires(tmp_path: Path) -> None:
    path, clock = tmp_path / "new" / "abilities.json", Clock()

    async def calls(version: str = "") -> int:
        server = Server(required=False)
        assert not (await Probes(path, clock).of(server, version)).required
        return len(server.asked)

    assert asyncio.run(calls()) == 5
    assert asyncio.run(calls()) == 0
    assert asyncio.run(calls("b1234")) == 5  # another version of the server is another server
    clock.now_s += KEEP_S
    assert asyncio.run(calls()) == 5


def test_an_outage_is_not_kept_and_asked_again_after_a_while(tmp_path: Path) -> None:
    path, clock = tmp_path / "abilities.json", Clock()

    async def body() -> list[int]:
        server, probes = Server(down=Kind.CONNECT), Probes(path, clock)
        counts = []
        for wait_s in (0.0, 1.0, AGAIN_S):
            clock.now_s += wait_s
            await probes.of(server)
            counts.append(len(server.asked))
        return counts

    assert asyncio.run(body()) == [1, 1, 2]
    assert load(path) == {}


def test_a_server_that_was_forgotten_is_asked_again() -> None:
    async def body() -> int:
        server, probes = Server(), Probes()
        await probes.of(server)
        probes.forget(server.model)
        await probes.of(server)
        return len(server.asked)

    assert asyncio.run(body()) == 10


@pytest.mark.parametrize(
    "junk", [b"", b"{", b"[1]", b'{"version": 2}', b"\xff", b"[" * 10_000, b" " * MAX_FILE_BYTES + b"{}"]
)
def test_a_file_that_cannot_be_read_is_as_good_as_none(tmp_path: Path, junk: bytes) -> None:
    path = tmp_path / "abilities.json"
    path.write_bytes(junk)
    assert load(path) == {}


def test_a_disk_that_cannot_take_it_does_not_stop_the_call(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    server = Server()
    assert asyncio.run(Probes(tmp_path / "file" / "abilities.json").of(server)).probed


def test_the_file_is_readable_and_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "abilities.json"
    asyncio.run(Probes(path).of(Server()))
    [key] = json.loads(path.read_text("utf-8"))["seen"]
    assert key == "http://gpu-1:8000/v1 chat m"
    save(path, load(path))
    assert list(load(path)) == [key]
    assert [child.name for child in tmp_path.iterdir()] == ["abilities.json"]
