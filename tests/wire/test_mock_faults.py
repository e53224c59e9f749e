"""The mock server goes wrong in exactly the way that it was told to."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from firm.testing import (
    HOSTILE_TEXT,
    FaultKind,
    MockFault,
    MockOptions,
    MockReply,
    MockServer,
    mock_process,
    mock_server,
)

BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9, "input": "hi"}
PATHS = ["/chat/completions", "/responses", "/messages"]


class Client:
    """Posts a body and reads the whole reply."""

    def __init__(self, session: aiohttp.ClientSession, server: MockServer) -> None:
        self._session = session
        self.server = server

    async def post(self, path: str = PATHS[0], **fields: Any) -> tuple[int, Any, bytes]:
        headers = {"anthropic-version": "2023-06-01"}
        async with self._session.post(self.server.url + path, json=BODY | fields, headers=headers) as reply:
            return reply.status, reply.headers, await reply.read()


def served(options: MockOptions, use: Callable[[Client], Awaitable[None]]) -> None:
    """Run `use` with a client of a mock server."""

    async def inside() -> None:
        async with mock_server(options) as server, aiohttp.ClientSession() as session:
            await asyncio.wait_for(use(Client(session, server)), 30)
        assert server.in_flight == 0

    asyncio.run(inside())


def faulty(kind: FaultKind, **more: Any) -> MockOptions:
    return MockOptions(faults=(MockFault(kind, **more),))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("status", [400, 404, 429, 500, 503, 529])
def test_a_status_comes_with_an_error_body_and_when_to_come_back(path: str, status: int) -> None:
    async def use(client: Client) -> None:
        got, headers, body = await client.post(path)
        assert got == status
        assert headers["retry-after"] == "1.5"
        assert json.loads(body)["error"]["message"]

    served(faulty(FaultKind.STATUS, status=status, retry_after_s=1.5), use)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", [FaultKind.RESET, FaultKind.RESET_IN_BODY, FaultKind.CUT])
def test_a_lost_connection_is_an_error_of_the_client(kind: FaultKind, stream: bool) -> None:
    async def use(client: Client) -> None:
        with pytest.raises(aiohttp.ClientError):
            await client.post(stream=stream)

    served(faulty(kind), use)


@pytest.mark.parametrize("stream", [False, True])
def test_a_hanging_reply_stops_half_way(stream: bool) -> None:
    async def use(client: Client) -> None:
        url = client.server.url + PATHS[0]
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, json=BODY | {"stream": stream}) as reply,
        ):
            assert reply.status == 200
            assert await reply.content.readany()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reply.content.readany(), 0.05)

    served(faulty(FaultKind.HANG), use)


@pytest.mark.parametrize("path", PATHS)
def test_junk_is_no_json(path: str) -> None:
    async def use(client: Client) -> None:
        status, headers, body = await client.post(path)
        assert (status, headers["content-type"]) == (200, "application/json")
        with pytest.raises(ValueError):
            json.loads(body)
        _, _, body = await client.post(path, stream=True)
        with pytest.raises(ValueError):
            [json.loads(line[6:]) for line in body.splitlines() if line.startswith(b"data: {")]

    served(faulty(FaultKind.JUNK), use)


def test_a_huge_reply_is_correct_and_huge() -> None:
    async def use(client: Client) -> None:
        _, _, body = await client.post()
        assert len(json.loads(body)["choices"][0]["message"]["content"]) == 10_000_000

    served(faulty(FaultKind.HUGE), use)


def test_an_empty_body_and_a_page_of_html_come_with_status_200() -> None:
    async def use(client: Client) -> None:
        status, _, body = await client.post()
        assert (status, body) == (200, b"")
        client.server.options = faulty(FaultKind.WRONG_TYPE)
        status, headers, body = await client.post()
        assert (status, headers["content-type"]) == (200, "text/html")
        assert b"<html>" in body

    served(faulty(FaultKind.EMPTY), use)


@pytest.mark.parametrize("path", PATHS)
def test_an_error_in_a_stream_is_an_event(path: str) -> None:
    async def use(client: Client) -> None:
        status, _, body = await client.post(path, stream=True)
        assert status == 200
        last = json.loads(body.rstrip().splitlines()[-1].removeprefix(b"data: "))
        assert "Overloaded" in json.dumps(last)
        assert "error" in (last.get("type"), *last)
        assert (await client.post(path))[0] == 500

    served(faulty(FaultKind.STREAM_ERROR), use)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("stream", [False, True])
def test_hostile_text_arrives_as_escapes(path: str, stream: bool) -> None:
    async def use(client: Client) -> None:
        _, _, body = await client.post(path, stream=stream)
        assert b"\\u0000" in body
        assert b"\\ud800" in body
        if not stream:
            assert repr(HOSTILE_TEXT)[1:-1] in str(json.loads(body))

    served(MockOptions(HOSTILE_TEXT), use)


@pytest.mark.parametrize(
    ("style", "words"),
    [
        ("openai", "context_length_exceeded"),
        ("anthropic", "prompt is too long: 9000 tokens > 8192 maximum"),
        ("vllm", "BadRequestError"),
        ("llama.cpp", "exceed_context_size_error"),
    ],
)
def test_a_long_request_is_refused_in_the_words_of_each_server(style: Any, words: str) -> None:
    async def use(client: Client) -> None:
        status, _, body = await client.post()
        assert status == 400
        assert words in body.decode()
        assert "9000" in body.decode()
        assert "8192" in body.decode()

    served(faulty(FaultKind.CONTEXT, style=style), use)


def test_length_and_pictures_are_looked_at() -> None:
    async def use(client: Client) -> None:
        picture = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]
        assert (await client.post())[0] == 200
        assert (await client.post(messages=picture))[0] == 400
        assert b"context_length_exceeded" in (await client.post(user="x" * 1000))[2]

    served(MockOptions(eyes=False, context_tokens=200), use)


def test_what_is_no_request_is_refused() -> None:
    async def use(client: Client) -> None:
        assert (await client.post(PATHS[1], input=[]))[0] == 200
        url = client.server.url
        async with aiohttp.ClientSession() as session:
            async with session.post(url + PATHS[0], data=b"{oops") as reply:
                assert reply.status == 400
            async with session.post(url + PATHS[2], json=BODY) as reply:
                assert "anthropic-version" in (await reply.json())["error"]["message"]
            async with session.get(url + "/nothing") as reply:
                assert reply.status == 404

    served(MockOptions(), use)


def test_the_same_seed_gives_the_same_faults() -> None:
    async def statuses(seed: int) -> list[int]:
        options = MockOptions(faults=(MockFault(status=503),), fault_rate=0.3, seed=seed)
        async with mock_server(options) as server, aiohttp.ClientSession() as session:
            client = Client(session, server)
            return [(await client.post())[0] for _ in range(40)]

    one, again, other = (asyncio.run(statuses(seed)) for seed in (1, 1, 2))
    assert set(one) == {200, 503}
    assert one == again
    assert one != other


def test_faults_end_after_their_count() -> None:
    async def use(client: Client) -> None:
        assert [(await client.post())[0] for _ in range(4)] == [500, 500, 200, 200]

    served(MockOptions(faults=(MockFault(),), fault_count=2), use)


def test_more_than_the_limit_in_flight_is_refused() -> None:
    async def use(client: Client) -> None:
        found = await asyncio.gather(*(client.post() for _ in range(7)))
        assert sorted(status for status, _, _ in found) == [200, 200, 200, 429, 429, 429, 429]
        assert client.server.most_in_flight == 7

    served(MockOptions(limit=3, latency_s=0.2), use)


def test_latency_is_drawn_from_its_range() -> None:
    async def use(client: Client) -> None:
        begun = asyncio.get_running_loop().time()
        await client.post()
        assert 0.03 <= asyncio.get_running_loop().time() - begun < 5

    served(MockOptions(latency_s=(0.03, 0.04)), use)


def test_sliced_streams_are_the_same_bytes() -> None:
    async def use(client: Client) -> None:
        def data(body: bytes) -> list[Any]:
            lines = [line for line in body.splitlines() if line.startswith(b"data: {")]
            return [json.loads(line[6:])["choices"][0]["delta"] for line in lines]

        _, _, whole = await client.post(stream=True)
        client.server.options = MockOptions("für 花", slice_bytes=7, chunk_s=0.0001)
        _, _, sliced = await client.post(stream=True)
        assert data(whole) == data(sliced)

    served(MockOptions("für 花"), use)


def test_requests_in_one_packet_are_answered_in_order() -> None:
    async def use(client: Client) -> None:
        def request(text: str) -> bytes:
            data = json.dumps(BODY | {"messages": [{"role": "user", "content": text}]}).encode()
            head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n"
            return head.encode() + data

        host, port = client.server.root.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        data = b"".join(request(f"say {number}") for number in range(5))
        for at in range(0, len(data), 50):  # cut anywhere
            writer.write(data[at : at + 50])
            await writer.drain()
        for number in range(5):
            await reader.readuntil(f'"say {number}"'.encode())
            await reader.readuntil(b"}}}")
        assert client.server.most_in_flight == 1
        writer.close()

    def echo(body: dict[str, Any]) -> MockReply:
        return MockReply(body["messages"][0]["content"], latency_s=0.001)

    served(MockOptions(script=echo), use)


def test_a_body_in_chunks_and_a_closed_connection_are_understood() -> None:
    async def use(client: Client) -> None:
        data = json.dumps(BODY).encode()

        async def parts() -> Any:
            yield data[:10]
            yield data[10:]

        headers = {"expect": "100-continue", "connection": "close", "content-type": "application/json"}
        url = client.server.url + PATHS[0]
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=parts(), headers=headers) as reply,
        ):
            assert reply.status == 200
        assert client.server.requests[-1].body == BODY

    served(MockOptions(), use)


def test_what_is_not_http_is_refused() -> None:
    async def use(client: Client) -> None:
        host, port = client.server.root.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"hello there\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        writer.close()

    served(MockOptions(), use)


def test_other_pages_and_headers_are_as_told() -> None:
    async def use(client: Client) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.get(client.server.root + "/api/version") as reply,
        ):
            assert await reply.json() == {"version": "0.12"}
            assert reply.headers["server"] == "ollama"

    served(MockOptions(pages={"/api/version": {"version": "0.12"}}, headers={"server": "ollama"}), use)


def test_a_script_that_fails_fails_the_test() -> None:
    async def use(client: Client) -> None:
        status, _, body = await client.post()
        assert (status, b"ZeroDivisionError" in body) == (500, True)

    with pytest.raises(ZeroDivisionError):
        served(MockOptions(script=lambda body: str(1 // 0)), use)


def test_only_the_latest_requests_are_kept() -> None:
    async def use(client: Client) -> None:
        for number in range(5):
            await client.post(user=str(number))
        assert [request.body["user"] for request in client.server.requests] == ["3", "4"]
        assert client.server.count == 5

    served(MockOptions(keep=2), use)


def test_it_runs_as_a_process_of_its_own() -> None:
    async def ask(url: str) -> int:
        async with aiohttp.ClientSession() as session, session.post(url + PATHS[0], json=BODY) as reply:
            assert (await reply.json())["choices"][0]["message"]["content"] == "abab"
            async with session.get(url + "/mock") as counts:
                assert await counts.json() == {"count": 2, "in_flight": 1, "most_in_flight": 1}
            return reply.status

    with mock_process("--text", "ab", "--repeat", "2", "--latency-s", "0.001:0.002") as server:
        assert asyncio.run(ask(server.url)) == 200
